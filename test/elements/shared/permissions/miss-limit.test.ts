/** Bound on guesses: counted for each key by itself, for a minute. */
import test from 'ava'
import { MissLimit } from '../../../../elements/shared/permissions/miss-limit.ts'
import { ManualClock } from '../../../../signalling/testing.ts'

test('one miss more than the limit within a minute refuses the next minute; others are not refused', async (t) => {
  const clock = new ManualClock()
  const limit = new MissLimit(clock, 2)
  for (let i = 0; i < 2; i++) limit.add('a')
  t.is(limit.refusedFor('a'), undefined)
  await clock.advance(50_000)
  limit.add('a')
  t.is(limit.refusedFor('a'), 60, 'from the last one on')
  t.is(limit.refusedFor('b'), undefined)
  await clock.advance(59_000)
  limit.add('a')
  t.is(limit.refusedFor('a'), 1, 'one that was under way does not lengthen it')
  await clock.advance(1000)
  t.is(limit.refusedFor('a'), undefined)
})

test('misses of an earlier minute count no more, and keys are bounded', async (t) => {
  const clock = new ManualClock()
  const limit = new MissLimit(clock, 2, 10)
  for (let minute = 0; minute < 5; minute++) {
    for (let i = 0; i < 2; i++) limit.add('slow')
    t.is(limit.refusedFor('slow'), undefined)
    await clock.advance(60_000)
  }
  for (let i = 0; i < 1000; i++) limit.add(`key${i}`)
  t.is(limit.size, 10)
})
