/** FIG 15: the MME asks the HSS before it passes the request on, and the proximity server asks it no more (SPEC §3.6). */
import { askThroughMme, attached, granted, grantedThroughMme } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

/** At an address that is none of the network's, where nobody listens. */
const absent = 'sip:hss@127.0.0.9:9'
/** The proximity server has an HSS that is not there. */
const settings = { mme: { check: 'hss' }, prose: { hss: absent } }

export const flow: FlowScript = {
  id: 'proximity/fig-15',
  title: 'Proximity service request, permissions checked by the MME',
  clause: '§3.6, §6.1',
  scenarios: [
    {
      name: 'the proximity server grants what the MME says is permitted, and asks no HSS',
      settings,
      async run(stage) {
        const { state } = await grantedThroughMme(stage, 'alice', ['discoverable', 'discoverer'])
        stage.expect('both roles', state.roles.length === 2)
      },
    },
    {
      name: 'no permission: the request ends at the MME',
      settings,
      async run(stage) {
        const eve = await attached(stage, 'eve')
        stage.expect('eve is refused', (await stage.during(eve.requestProximity(['discoverable']))) === 403)
        stage.expect('and may not ask', (await stage.during(eve.who())) === 403)
      },
    },
    {
      name: 'of two roles asked for, the one that is permitted',
      settings: {
        ...settings,
        hss: {
          subscribers: [
            { id: 'sip:alice@localhost', password: 'alice-proxima', permissions: { discoverable: true, discoverer: false } },
          ],
        },
      },
      async run(stage) {
        const { ue, state } = await grantedThroughMme(stage, 'alice', ['discoverable', 'discoverer'])
        stage.expect('discoverable only', state.roles.join() === 'discoverable')
        const other = await askThroughMme(stage, ue, 'prose', { device: ue.temporary, roles: ['discoverer'] })
        stage.expect('the other one is refused', other === 403)
      },
    },
    {
      name: 'the PCRF is asked all the same',
      settings: { ...settings, pcrf: { rules: [{ subscribers: ['alice'], decision: 'deny' }] } },
      async run(stage) {
        const ue = await attached(stage, 'alice')
        stage.expect('refused', (await stage.during(ue.requestProximity(['discoverable']))) === 403)
      },
    },
    {
      name: 'the HSS cannot be asked: later',
      settings: { ...settings, mme: { check: 'hss', hss: absent } },
      async run(stage) {
        const ue = await attached(stage, 'alice')
        // a proxy on the way makes 500 of a 503 (RFC 3261 §16.7 step 6)
        stage.expect('not now', (await askThroughMme(stage, ue, 'prose', { device: ue.temporary }, 0)) >= 500)
      },
    },
    {
      name: 'who comes without the MME is checked by the proximity server',
      settings: { mme: { check: 'hss' } },
      async run(stage) {
        const { state } = await granted(stage, 'alice', ['discoverable'])
        stage.expect('its own identifier', state.device === 'sip:alice@localhost')
      },
    },
  ],
}
