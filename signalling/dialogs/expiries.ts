/**
 * Expiry of subscriptions. Until its last second begins, a subscription has no timer of its own, which would be a
 * tenth of its memory.
 */
import type { Clock, Timer } from '../clock.ts'

export interface ExpiringSubscription {
  /** Milliseconds since the epoch; the same while it is among the others. */
  readonly expires: number
  /** Its last second has begun, or is over. */
  lastSecond(): void
}

interface Second {
  readonly all: Set<ExpiringSubscription>
  readonly timer: Timer
}

export class Expiries {
  private readonly clock: Clock
  private readonly seconds = new Map<number, Second>()

  constructor(clock: Clock) {
    this.clock = clock
  }
  add(one: ExpiringSubscription): void {
    const number = secondOf(one)
    const left = number * 1000 - this.clock.date()
    if (left <= 0) return one.lastSecond()
    let second = this.seconds.get(number)
    if (second === undefined) {
      second = { all: new Set(), timer: this.clock.after(left, () => this.begin(number)) }
      this.seconds.set(number, second)
    }
    second.all.add(one)
  }
  remove(one: ExpiringSubscription): void {
    const number = secondOf(one)
    const second = this.seconds.get(number)
    if (second === undefined || !second.all.delete(one) || second.all.size > 0) return
    second.timer.cancel()
    this.seconds.delete(number)
  }
  private begin(number: number): void {
    const second = this.seconds.get(number)
    this.seconds.delete(number)
    for (const subscription of second?.all ?? []) subscription.lastSecond()
  }
}

function secondOf({ expires }: ExpiringSubscription): number {
  return Math.floor(expires / 1000)
}
