/** Ends of subscriptions: one timer a second for all that end in it, and nothing left of those that do not wait for it. */
import test from 'ava'
import { Expiries, type ExpiringSubscription } from '../../../signalling/dialogs/expiries.ts'
import { ManualClock } from '../../../signalling/testing.ts'

class One implements ExpiringSubscription {
  readonly expires: number
  readonly leftAtCall: number[] = []
  private readonly clock: ManualClock
  constructor(clock: ManualClock, seconds: number) {
    this.clock = clock
    this.expires = clock.date() + seconds * 1000
  }
  lastSecond(): void {
    this.leftAtCall.push(this.expires - this.clock.date())
  }
}

test('each is told once, when its last second begins, and at once where that is now or over', async (t) => {
  const clock = new ManualClock()
  await clock.advance(250)
  const expiries = new Expiries(clock)
  const all = [3600, 3600.2, 3600.9, 1, 0.5, 0, -7].map((seconds) => new One(clock, seconds))
  for (const one of [...all, ...all]) expiries.add(one)
  t.deepEqual(
    all.map(({ leftAtCall }) => leftAtCall),
    [[], [], [], [], [500, 500], [0, 0], [-7000, -7000]],
  )
  await clock.advance(3_599_749)
  t.deepEqual(
    all.slice(0, 4).map(({ leftAtCall }) => leftAtCall),
    [[], [], [], [250]],
  )
  await clock.advance(1)
  t.deepEqual([all[0]!.leftAtCall, all[1]!.leftAtCall, all[2]!.leftAtCall], [[250], [450], []])
  await clock.advance(1000)
  t.deepEqual(all[2]!.leftAtCall, [150])
  t.is(clock.nextDue, undefined)
})

test('whoever leaves is not told, and leaves nothing behind', async (t) => {
  const clock = new ManualClock()
  const expiries = new Expiries(clock)
  const [a, b, c] = [new One(clock, 60), new One(clock, 60), new One(clock, 90)]
  for (const one of [a, b, c]) expiries.add(one)
  for (const one of [a, a, c]) expiries.remove(one)
  expiries.remove(new One(clock, 77))
  t.is(clock.nextDue, 60_000)
  expiries.remove(b)
  t.is(clock.nextDue, undefined)
  expiries.add(b)
  await clock.advance(100_000)
  t.deepEqual([a.leftAtCall, b.leftAtCall, c.leftAtCall], [[], [0], []])
})
