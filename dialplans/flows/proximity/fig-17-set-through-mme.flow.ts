/** FIG 17: a set of devices, asked about through the MME (SPEC §3.6, §3.3). */
import { askThroughMme, attached, granted, grantedThroughMme, hears, isNear, watching } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

const settings = { prose: { mode: 'listed' } }
const peers = ['sip:bob@localhost', 'sip:carol@localhost']

export const flow: FlowScript = {
  id: 'proximity/fig-17',
  title: 'Query about a set of devices through an MME',
  clause: '§3.6, §3.3',
  scenarios: [
    {
      name: 'their codes come onto the monitor list, and matches are told',
      settings,
      async run(stage) {
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue: carol } = await grantedThroughMme(stage, 'carol', ['discoverable'])
        const { ue } = await grantedThroughMme(stage, 'alice', ['discoverer'])
        const watch = await watching(stage, ue, { peers })
        await stage.until('alice listens for both', () => ue.state?.monitor?.codes.length === 2)
        await hears(stage, ue, bob)
        await hears(stage, ue, carol)
        await stage.until('both are told, by their fixed identifiers', () => isNear(watch.near(), 'bob', 'carol'))
      },
    },
    {
      name: 'a set that names a temporary identifier of another UE is refused',
      settings,
      async run(stage) {
        const [bob, ue] = [await attached(stage, 'bob'), await attached(stage, 'alice')]
        const body = { device: ue.temporary, peers: [bob.temporary] }
        stage.expect('refused', (await askThroughMme(stage, ue, 'proximity', body)) === 403)
      },
    },
  ],
}
