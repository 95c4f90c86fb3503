/** FIG 1: a UE asks for both roles over the direct interface, keeps them while it refreshes, and gives them back (SPEC §3.1). */
import { granted, hears, watching } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

export const flow: FlowScript = {
  id: 'proximity/fig-01',
  title: 'Proximity service request over the direct interface',
  clause: '§3.1',
  scenarios: [
    {
      name: 'both roles are granted, used and given back',
      async run(stage) {
        const { ue: alice, state } = await granted(stage, 'alice', ['discoverable', 'discoverer'])
        stage.expect('both roles', state.roles.length === 2)
        stage.expect('a code to broadcast now', state.announce?.active === true)
        stage.expect('everything is to be monitored', state.monitor?.mode === 'all')
        const { ue: bob } = await granted(stage, 'bob', ['discoverer'])
        const watch = await watching(stage, bob, {})
        stage.expect('alice is heard', (await hears(stage, bob, alice)) === 200)
        await stage.until('bob is told', () => watch.near().length === 1)
        const code = alice.state!.announce!.code
        alice.endProximity()
        await stage.until('alice has left every list', () => watch.near().length === 0)
        const late = await stage.during(bob.report([{ code, at: stage.now() }]))
        stage.expect('her code is withdrawn', late.status === 404)
      },
    },
    {
      name: 'one role of two: what is not granted is absent',
      settings: {
        hss: {
          subscribers: [
            { id: 'sip:alice@localhost', password: 'alice-proxima', permissions: { discoverable: false, discoverer: true } },
          ],
        },
      },
      async run(stage) {
        const { state } = await granted(stage, 'alice', ['discoverable', 'discoverer'])
        stage.expect('discoverer alone', state.roles.join() === 'discoverer' && state.announce === undefined)
      },
    },
    {
      name: 'a service that is not refreshed ends, and its code with it',
      async run(stage) {
        const alice = await stage.ue('alice')
        const state = await stage.during(alice.requestProximity(['discoverable'], { expires: 0 }))
        stage.expect('a fetch grants nothing that lasts', typeof state === 'number' || alice.state === undefined)
      },
    },
    {
      name: 'nobody asks for a device that is not theirs, known or not',
      async run(stage) {
        const alice = await stage.ue('alice')
        const other = await stage.during(alice.requestProximity(['discoverable'], { device: 'sip:bob@localhost' }))
        const nobody = await stage.during(alice.requestProximity(['discoverable'], { device: 'sip:nobody@localhost' }))
        stage.expect('both are refused alike', other === 403 && nobody === 403)
      },
    },
  ],
}
