/** Clock of one element while it runs: when it has stopped no timer of its own fires any more, nor can it start one. */
import { type Clock, Timer, type TimerOwner } from '../clock.ts'

const fewest = 256 // timers held before those that were cancelled are looked for

export class ElementClock implements Clock {
  private readonly clock: Clock
  private readonly timers = new Set<Timer>()
  private atMost = fewest
  private stopped = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  now(): number {
    return this.clock.now()
  }

  date(): number {
    return this.clock.date()
  }

  soon(task: () => void): void {
    this.clock.soon(() => {
      if (!this.stopped) task()
    })
  }

  after(ms: number, fire: (() => void) | TimerOwner): Timer {
    if (this.stopped) {
      const never = new Timer(this.clock.now() + ms, fire)
      never.cancel()
      return never
    }
    const timer = this.clock.after(ms, () => {
      this.timers.delete(timer)
      if (typeof fire === 'function') fire()
      else fire.expire()
    })
    this.timers.add(timer)
    if (this.timers.size > this.atMost) this.sweep()
    return timer
  }

  /** Timers that run. */
  get running(): number {
    this.sweep()
    return this.timers.size
  }

  stop(): void {
    this.stopped = true
    for (const timer of this.timers) timer.cancel()
    this.timers.clear()
  }

  /** Forgets those that were cancelled; as often as they have doubled, so that it costs nothing on the average. */
  private sweep(): void {
    for (const timer of this.timers) if (!timer.running) this.timers.delete(timer)
    this.atMost = Math.max(fewest, 2 * this.timers.size)
  }
}
