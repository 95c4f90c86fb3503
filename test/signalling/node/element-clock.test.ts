/** The clock of an element: its timers end with it, and those that were cancelled take no room. */
import test from 'ava'
import { ElementClock } from '../../../signalling/node/element-clock.ts'
import { ManualClock } from '../../../signalling/testing.ts'

test('timers fire in time, by function and by owner, and none after the stop', async (t) => {
  const clock = new ManualClock()
  const own = new ElementClock(clock)
  const fired: string[] = []
  own.after(10, () => fired.push('function'))
  own.after(20, { expire: () => fired.push('owner') })
  own.after(15, () => fired.push('cancelled')).cancel()
  own.after(30, () => fired.push('late'))
  own.soon(() => fired.push('soon'))
  clock.after(40, () => fired.push("another's"))
  t.is(own.now(), clock.now())
  t.is(own.date(), clock.date())
  await clock.advance(25)
  t.deepEqual(fired, ['soon', 'function', 'owner'])
  t.is(own.running, 1)
  own.soon(() => fired.push('too late'))
  own.stop()
  const timer = own.after(1, () => fired.push('begun after it'))
  t.false(timer.running)
  own.soon(() => fired.push('begun after it'))
  await clock.advance(100)
  t.deepEqual(fired.splice(3), ["another's"])
  t.is(own.running, 0)
})

test('a timer that starts another, as most that repeat do, holds one at a time', async (t) => {
  const clock = new ManualClock()
  const own = new ElementClock(clock)
  let times = 0
  const again = (): void => {
    times++
    own.after(10, again)
  }
  again()
  for (let i = 0; i < 2000; i++) own.after(60_000, () => undefined).cancel()
  t.is(own.running, 1)
  await clock.advance(1000)
  t.is(times, 101)
  t.is(own.running, 1)
  own.stop()
  await clock.advance(1000)
  t.is(times, 101)
})
