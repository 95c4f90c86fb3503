/** FIG 4: a device asks whether one other is near it (SPEC §3.3). */
import { granted, hears } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

export const flow: FlowScript = {
  id: 'proximity/fig-04',
  title: 'Query about a pair of devices',
  clause: '§3.3',
  scenarios: [
    {
      name: 'the relation is directional, as heard; a query may ask for mutual ones',
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer', 'discoverable'])
        const { ue: bob } = await granted(stage, 'bob', ['discoverable', 'discoverer'])
        stage.expect('not yet', (await stage.during(alice.isNear('sip:bob@localhost'))) === false)
        await hears(stage, alice, bob)
        stage.expect('alice hears bob', (await stage.during(alice.isNear('sip:bob@localhost'))) === true)
        stage.expect('bob has not heard alice', (await stage.during(bob.isNear('sip:alice@localhost'))) === false)
        stage.expect('so it is not mutual', (await stage.during(alice.isNear('sip:bob@localhost', { mutual: true }))) === false)
        await hears(stage, bob, alice)
        stage.expect('now it is', (await stage.during(alice.isNear('sip:bob@localhost', { mutual: true }))) === true)
      },
    },
    {
      name: 'an unknown peer is not near, and nothing else is said of it',
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        stage.expect('not near', (await stage.during(alice.isNear('sip:nobody@localhost'))) === false)
      },
    },
    {
      name: 'who may not discover is refused',
      async run(stage) {
        const eve = await stage.ue('eve')
        stage.expect('eve may not', (await stage.during(eve.isNear('sip:bob@localhost'))) === 403)
      },
    },
  ],
}
