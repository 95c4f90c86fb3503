/** Many watchers of one presentity are told some at a time, and of the newest only. */
import test from 'ava'
import { Spread } from '../../../../elements/shared/state/spread.ts'
import { ManualClock } from '../../../../signalling/testing.ts'

const many = new Set(Array.from({ length: 250 }, (_, i) => i))

test('the first hundred at once, the others when their turn has come, each once', async (t) => {
  const clock = new ManualClock()
  const spread = new Spread<string, number>(clock)
  const done: number[] = []
  spread.over('a', many, (item) => done.push(item))
  t.is(done.length, 100)
  let asked = 0
  clock.soon(() => (asked = done.length))
  await clock.settle()
  t.is(asked, 200, 'whoever asks is served in between')
  t.deepEqual(done, [...many])
})

test('begun anew, what was told before is told to nobody any more; of others it takes no notice', async (t) => {
  const clock = new ManualClock()
  const spread = new Spread<string, number>(clock)
  const done: string[] = []
  for (const [key, word] of [
    ['a', 'old'],
    ['b', 'other'],
    ['a', 'new'],
  ] as const)
    spread.over(key, many, (item) => done.push(`${word} ${item}`))
  await clock.settle()
  const count = (word: string): number => done.filter((each) => each.startsWith(word)).length
  t.deepEqual([count('old'), count('other'), count('new')], [100, 250, 250])
  spread.over('a', many, (item) => done.push(`old ${item}`))
  spread.over('a', new Set([1]), (item) => done.push(`last ${item}`))
  await clock.settle()
  t.is(count('old'), 200)
  t.is(done.at(-1), 'last 1')
})
