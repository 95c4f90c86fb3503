/** A request to be told at a time (SPEC §8.2). */
import { targets } from '../mo-lr/cast.ts'
import type { FlowScript } from '../stage/flow.ts'
import { alices, isActive, later, locating, targetAlice } from './cast.ts'

export const flow: FlowScript = {
  id: 'privacy/at',
  title: 'A request to be told at a time',
  clause: '§8.2',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'V5: at: pending, active, one report at that time, and the end',
      async run(stage) {
        await targetAlice(stage)
        const asked = await locating(stage, targets.bob, alices, { type: 'at', time: later(stage, 3) })
        await stage.until('the core network has it', () => isActive(asked))
        stage.expect('pending before', asked.notices[0]?.state === 'pending')
        stage.expect('nothing yet', asked.places() === 0)
        await stage.until('it is told, and over', () => asked.end() === 'noresource')
        stage.expect('once', asked.places() === 1)
      },
    },
  ],
}
