/** FIG 12: the application server keeps one question open for each user it serves, however many ask (SPEC §3.5). */
import { hears, member, watchingUsers } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

export const flow: FlowScript = {
  id: 'proximity/fig-12',
  title: 'Feedback to an application server, on change, by period or by its own timer',
  clause: '§3.5',
  scenarios: [
    { name: 'at each change', feedback: 'change' },
    { name: 'by period', feedback: 'period' },
    { name: 'asked again by its own timer', feedback: 'poll' },
    { name: 'at a change, but not too often', feedback: 'change', gap: 2 },
  ].map(({ name, ...settings }) => ({
    name,
    settings: { as: { period: 2, ...settings } },
    async run(stage) {
      const alice = await member(stage, 'alice', { friends: ['sip:bob@localhost'] })
      const bob = await member(stage, 'bob')
      const watch = await watchingUsers(stage, alice.application)
      const second = await watchingUsers(stage, alice.application, { period: 1 })
      await hears(stage, alice.ue, bob.ue)
      await stage.until('bob is near', () => watch.near() === 'sip:bob@localhost' && second.near() === 'sip:bob@localhost')
      bob.ue.endProximity()
      await stage.until('bob is gone', () => watch.near() === '' && second.near() === '')
    },
  })),
}
