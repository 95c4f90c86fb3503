/** FIG 2: a discoverer gets the codes to listen for, by configuration, and hears of new ones as codes rotate (SPEC §3.1). */
import { codeOf, granted, hears } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

const listed = { mode: 'listed', monitors: { 'sip:alice@localhost': ['sip:bob@localhost'] } }

export const flow: FlowScript = {
  id: 'proximity/fig-02',
  title: 'Proximity service request of a discoverer with a monitor list',
  clause: '§3.1, §3.2',
  scenarios: [
    {
      name: 'the list holds the codes of those it may find',
      settings: { prose: listed },
      async run(stage) {
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue: carol } = await granted(stage, 'carol', ['discoverable'])
        const { ue: alice, state } = await granted(stage, 'alice', ['discoverer'])
        stage.expect('bob is on the list, carol is not', state.monitor?.codes.join() === codeOf(bob))
        stage.expect('bob counts', (await hears(stage, alice, bob)) === 200)
        stage.expect('carol does not: not on the list', (await hears(stage, alice, carol)) === 404)
      },
    },
    {
      name: 'a code that comes later is put on the list',
      settings: { prose: listed },
      async run(stage) {
        const { ue: alice, state } = await granted(stage, 'alice', ['discoverer'])
        stage.expect('nothing to listen for yet', state.monitor?.codes.length === 0)
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        await stage.until('alice has bob’s code', () => alice.state?.monitor?.codes.includes(codeOf(bob)))
      },
    },
    {
      name: 'a rotated code overlaps with the old one for the grace period',
      settings: { prose: { ...listed, code: { lifetime: 16, grace: 8 } } },
      async run(stage) {
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const old = codeOf(bob)
        await stage.until('bob has a new code', () => codeOf(bob) !== old)
        await stage.until('alice listens for it', () => alice.state?.monitor?.codes.includes(codeOf(bob)))
        const late = await stage.during(alice.report([{ code: old, at: stage.now() }]))
        stage.expect('the old one still counts', late.status === 200)
      },
    },
  ],
}
