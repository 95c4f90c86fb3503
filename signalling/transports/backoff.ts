/** Targets that did not answer: avoided for a while, longer each time, then tried again (RFC 3263 §4.3). */
import type { Clock } from '../clock.ts'

interface Failure {
  /** Milliseconds of the clock. */
  until: number
  wait: number
}

const first = 5_000
const most = 300_000

export class Backoff {
  private readonly clock: Clock
  private readonly limit: number
  private readonly failures = new Map<string, Failure>()

  /** @param limit targets remembered at most; the one that failed longest ago is forgotten */
  constructor(clock: Clock, limit = 10_000) {
    this.clock = clock
    this.limit = limit
  }
  /** Targets remembered as failed, avoided now or not. */
  get size(): number {
    return this.failures.size
  }
  /** `retryAfter`: milliseconds that the target itself has asked for. */
  failed(key: string, retryAfter = 0): void {
    const before = this.failures.get(key)
    const wait = before === undefined ? first : Math.min(most, before.wait * 2)
    const until = this.clock.now() + Math.min(most, Math.max(wait, retryAfter))
    this.failures.delete(key)
    this.failures.set(key, { until, wait })
    if (this.failures.size > this.limit) this.failures.delete(this.failures.keys().next().value!)
  }
  worked(key: string): void {
    if (this.failures.size > 0) this.failures.delete(key)
  }
  avoids(key: string): boolean {
    const failure = this.failures.size === 0 ? undefined : this.failures.get(key)
    return failure !== undefined && failure.until > this.clock.now()
  }
}
