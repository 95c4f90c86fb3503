/** FIG 12: the application server keeps one question open for each user it serves, whoever asks and however often (SPEC §3.5). */
import { hears, member, watchingUsers } from './cast.ts'
import type { Flow } from './flow.ts'

export const flow: Flow = {
  id: 'fig-12',
  title: 'Feedback to an application server, on change, by period or by its own timer',
  clause: '§3.5',
  scenarios: (['change', 'period', 'poll'] as const).map((feedback) => ({
    name: { change: 'at each change', period: 'by period', poll: 'asked again by its own timer' }[feedback],
    settings: { as: { feedback, period: 2 } },
    async run(stage) {
      const alice = await member(stage, 'alice', { friends: ['sip:bob@localhost'] })
      const bob = await member(stage, 'bob')
      const told = await watchingUsers(stage, alice.application)
      const second = await watchingUsers(stage, alice.application, { period: 1 })
      await hears(stage, alice.ue, bob.ue)
      await stage.until('bob is near', () => told.near() === 'sip:bob@localhost' && second.near() === 'sip:bob@localhost')
      bob.ue.endProximity()
      await stage.until('bob is gone', () => told.near() === '' && second.near() === '')
    },
  })),
}
