/** FIG 13: feedback on change and by period, with rate limits and differences (SPEC §3.4). */
import { codeOf, granted, hears, isNear, watching } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

export const flow: FlowScript = {
  id: 'proximity/fig-13',
  title: 'Change-driven and periodic feedback',
  clause: '§3.4',
  scenarios: [
    {
      name: 'a NOTIFY at each change',
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const watch = await watching(stage, alice, {})
        stage.expect('nobody is near', watch.near().length === 0)
        await hears(stage, alice, bob)
        await stage.until('bob came', () => isNear(watch.near(), 'bob'))
        await stage.during(alice.report([], [bob.state!.announce!.code]))
        await stage.until('bob left', () => watch.near().length === 0)
      },
    },
    {
      name: 'a NOTIFY each period, changed or not',
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const watch = await watching(stage, alice, { period: 1 })
        await stage.until('four periods have passed', () => watch.changes.length >= 4, 20)
      },
    },
    {
      name: 'a burst inside the gap becomes one NOTIFY with the final state',
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue: carol } = await granted(stage, 'carol', ['discoverable'])
        const watch = await watching(stage, alice, { gap: 40 })
        const codes = [bob, carol].map((ue) => ({ code: ue.state!.announce!.code, at: stage.now() }))
        await stage.during(alice.report([codes[0]!]))
        await stage.during(alice.report([codes[1]!]))
        stage.expect('nothing inside the gap', watch.changes.length === 1)
        const near = await stage.during(alice.who())
        stage.expect('a query is not held back', Array.isArray(near) && near.length === 2)
      },
    },
    {
      name: 'bursts are told when the gap is over',
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue: carol } = await granted(stage, 'carol', ['discoverable'])
        const watch = await watching(stage, alice, { gap: 2 })
        await hears(stage, alice, bob)
        await hears(stage, alice, carol)
        await stage.until('both are told', () => isNear(watch.near(), 'bob', 'carol'))
        stage.expect('in one NOTIFY or two, never three', watch.changes.length <= 3)
      },
    },
    {
      name: 'differences: full state first, then what came and left',
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue: carol } = await granted(stage, 'carol', ['discoverable'])
        await hears(stage, alice, bob)
        const watch = await watching(stage, alice, { diff: true })
        stage.expect('the first is full', isNear(watch.near(), 'bob'))
        await hears(stage, alice, carol)
        await stage.until('carol came', () => isNear(watch.near(), 'bob', 'carol'))
        bob.endProximity()
        await stage.until('bob left', () => isNear(watch.near(), 'carol'))
      },
    },
    {
      name: 'a quota used up ends the feedback, before what it does not pay for',
      settings: {
        prose: { confirm: 'feedback', charge: true },
        pcrf: { rules: [{ subscribers: ['alice'], quota: { count: 4 } }], block: { count: 2 } },
      },
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const watch = await watching(stage, alice, {})
        await hears(stage, alice, bob)
        await stage.until('bob came', () => isNear(watch.near(), 'bob'))
        await stage.during(alice.report([], [codeOf(bob)]))
        await stage.until('bob left', () => watch.near().length === 0)
        stage.expect('one unit is left, and a question takes it', Array.isArray(await stage.during(alice.who())))
        await hears(stage, alice, bob)
        await stage.until('the feedback has ended', () => watch.ended !== undefined)
        stage.expect('what no unit was left for is not told', watch.changes.length === 3)
        await stage.until('and so has alice’s service', () => alice.state === undefined)
        stage.expect('bob’s goes on', bob.state !== undefined)
        stage.expect('alice may not ask', (await stage.during(alice.who())) === 403)
      },
    },
    {
      name: 'a restarted server goes on with the feedback, without a new subscription',
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        await hears(stage, alice, bob)
        const watch = await watching(stage, alice, { period: 2 })
        stage.expect('bob is near', isNear(watch.near(), 'bob'))
        await stage.restart()
        const before = watch.changes.length
        await stage.until('feedback goes on', () => watch.changes.length >= before + 2)
        stage.expect('bob is still near', isNear(watch.near(), 'bob'))
        stage.expect('the question was not put again', watch.ended === undefined)
      },
    },
  ],
}
