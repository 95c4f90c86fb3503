/** A few kill rounds under every kind of acknowledged change; `npm run rounds` plays them by the hundred. */
import test from 'ava'
import { killRounds } from './rounds/rounds.ts'

test('what was acknowledged is held after each kill, and nothing is back', async (t) => {
  const { faults, changes } = await killRounds({ rounds: 3, subjects: 2 })
  t.deepEqual(faults, [])
  for (const [kind, count] of changes) t.true(count > 0, `${kind}: ${count} changes`)
  t.is(changes.size, 9)
})
