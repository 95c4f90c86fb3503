/** A request to be told each period (SPEC §8.2). */
import { targets } from '../mo-lr/cast.ts'
import type { FlowScript } from '../stage/flow.ts'
import { alices, locating, targetAlice } from './cast.ts'

export const flow: FlowScript = {
  id: 'privacy/periodic',
  title: 'A request to be told each period',
  clause: '§8.2',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'V6: periodic: so many reports, and the end; over a restart too',
      async run(stage) {
        await targetAlice(stage)
        const asked = await locating(stage, targets.bob, alices, { type: 'periodic', period: 1, count: 4 })
        await stage.until('two reports', () => asked.places() === 2)
        await stage.restart()
        await stage.until('the end', () => asked.end() === 'noresource')
        stage.expect('four', asked.places() === 4)
      },
    },
    {
      name: 'who has no permission to be told later hears the same as who asks for nobody',
      async run(stage) {
        await targetAlice(stage)
        const wishes = { type: 'periodic', period: 1 } as const
        const asked = [
          await locating(stage, targets.carol, alices, wishes),
          await locating(stage, targets.carol, 'sip:nobody@home.example', wishes),
        ]
        await stage.until('rejected', () => asked.every((one) => one.end() === 'rejected'))
        const heard = asked.map(({ notices }) =>
          notices.map(({ document, reason, state }) => [document, reason, state].join(' ')),
        )
        stage.expect('alike', heard[0]!.join() === heard[1]!.join())
      },
    },
  ],
}
