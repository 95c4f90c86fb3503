/** Repetition of a request that failed for a reason that passes: later each time, until it succeeds or is called off. */
import { type Clock, mayBeRetried, type Timer } from '../../signalling/index.ts'

const firstPause = 1000 // milliseconds, doubled each time
const longestPause = 32_000

export class Repetition {
  private readonly clock: Clock
  private pause = firstPause
  private timer: Timer | undefined

  constructor(clock: Clock) {
    this.clock = clock
  }
  /** Repeats later, where another attempt may overcome that status; false: none would. */
  after(status: number, repeat: () => void): boolean {
    if (!mayBeRetried(status)) return false
    this.timer?.cancel()
    this.timer = this.clock.after(this.pause, repeat)
    this.pause = Math.min(2 * this.pause, longestPause)
    return true
  }

  /** It has succeeded, or is not wanted any more. */
  end(): void {
    this.timer?.cancel()
    this.pause = firstPause
  }
}
