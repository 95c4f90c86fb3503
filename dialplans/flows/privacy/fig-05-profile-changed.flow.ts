/** A profile that changes while requests wait (SPEC §8.4). */
import { targets } from '../mo-lr/cast.ts'
import type { FlowScript } from '../stage/flow.ts'
import { alices, locating, register, targetAlice } from './cast.ts'

export const flow: FlowScript = {
  id: 'privacy/fig-05',
  title: 'A profile that changes while requests wait',
  clause: '§8.4',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'V13, V19, V20, V25: a permission is taken: rejected, nothing after the 200; what still may be goes on',
      async run(stage) {
        const a = await targetAlice(stage)
        const bob = await locating(stage, targets.bob, alices, { type: 'periodic', period: 1 })
        const own = await locating(stage, targets.alice, alices, { type: 'periodic', period: 1 })
        await stage.until('both are told', () => bob.places() > 0 && own.places() > 0)
        const rules = [{ id: 'self', who: { one: [alices] }, mode: 'allow' as const, precision: 'exact' as const }]
        stage.expect('taken', (await stage.during(a.tell(register, { rules }))).status === 200)
        const [before, ownBefore] = [bob.places(), own.places()]
        await stage.until('rejected', () => bob.end() === 'rejected')
        await stage.until('her own goes on', () => own.places() > ownBefore + 1)
        stage.expect('nothing after the 200', bob.places() === before)
        own.unsubscribe()
        await stage.until('the end', () => own.end() !== undefined)
      },
    },
  ],
}
