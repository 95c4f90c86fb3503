/** Waiters for one event, each for a bounded time. */
import type { Clock } from '../../../signalling/index.ts'

export class Waiters {
  private readonly clock: Clock
  private readonly waiting = new Set<() => void>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  get size(): number {
    return this.waiting.size
  }

  /** Resolves at the next `wake`, at the latest after `ms`. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const resume = (): void => {
        timer.cancel()
        this.waiting.delete(resume)
        resolve()
      }
      const timer = this.clock.after(ms, resume)
      this.waiting.add(resume)
    })
  }

  /** It has happened. */
  wake(): void {
    for (const resume of this.waiting) resume()
  }
}
