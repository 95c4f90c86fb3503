/**
 * Many deadlines, one timer. Items wait in buckets of due time. One whose deadline has moved is put back when its
 * bucket comes up, so that refreshing it costs nothing.
 */
import type { Clock, Timer } from '../../../signalling/index.ts'

const grain = 100 // milliseconds a bucket
const steps = [600_000, 60_000, 10_000, 1000, grain] // few different waits, so that the clock's queues stay few

export class Deadlines<Item> {
  private readonly clock: Clock
  private readonly dueOf: (item: Item) => number | undefined
  private readonly expire: (items: Item[], now: number) => void
  private readonly buckets = new Map<number, Item[]>()
  private readonly order: number[] = [] // a binary heap of bucket numbers
  private timer: Timer | undefined
  private wakeAt = Number.POSITIVE_INFINITY
  private stopped = false

  /**
   * @param dueOf milliseconds since the epoch; undefined: the item is gone, forget it
   * @param expire is given every item that is due, once
   */
  constructor(clock: Clock, dueOf: (item: Item) => number | undefined, expire: (items: Item[], now: number) => void) {
    this.clock = clock
    this.dueOf = dueOf
    this.expire = expire
  }

  /** Once for an item, unless it has expired since. */
  add(item: Item): void {
    const due = this.dueOf(item)
    if (due === undefined || this.stopped) return
    this.place(item, due)
    this.arm()
  }

  /** None is due any more. */
  stop(): void {
    this.stopped = true
    this.timer?.cancel()
    this.timer = undefined
    this.buckets.clear()
    this.order.length = 0
  }

  private place(item: Item, due: number): void {
    const number = Math.ceil(due / grain)
    const bucket = this.buckets.get(number)
    if (bucket !== undefined) bucket.push(item)
    else {
      this.buckets.set(number, [item])
      this.push(number)
    }
  }

  private arm(): void {
    const first = this.order[0]
    if (first === undefined) return
    const now = this.clock.date()
    const wait = Math.max(0, first * grain - now)
    const step = wait < grain ? Math.ceil(wait / 10) * 10 : steps.find((ms) => ms <= wait)!
    if (now + step >= this.wakeAt) return
    this.timer?.cancel()
    this.wakeAt = now + step
    this.timer = this.clock.after(step, () => this.sweep())
  }

  private sweep(): void {
    this.wakeAt = Number.POSITIVE_INFINITY
    const now = this.clock.date()
    const due: Item[] = []
    while (this.order.length > 0 && this.order[0]! * grain <= now) {
      const number = this.pop()
      const bucket = this.buckets.get(number)!
      this.buckets.delete(number)
      for (const item of bucket) {
        const at = this.dueOf(item)
        if (at === undefined) continue
        if (at > now) this.place(item, at)
        else due.push(item)
      }
    }
    this.arm()
    if (due.length > 0) this.expire(due, now)
  }

  private push(number: number): void {
    const { order } = this
    let at = order.push(number) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (order[parent]! <= number) break
      order[at] = order[parent]!
      at = parent
    }
    order[at] = number
  }

  private pop(): number {
    const { order } = this
    const first = order[0]!
    const last = order.pop()!
    if (order.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= order.length) break
      if (child + 1 < order.length && order[child + 1]! < order[child]!) child++
      if (order[child]! >= last) break
      order[at] = order[child]!
      at = child
    }
    order[at] = last
    return first
  }
}
