/** A rate limit for each key, by token buckets: of a source address, of a subscriber. */
import type { Clock } from '../clock.ts'

export interface RateSettings {
  /** A second, in the long run. */
  readonly rate: number
  /** At once, after a pause. */
  readonly burst: number
}

interface Bucket {
  tokens: number
  at: number
}

export class RateLimit {
  private readonly clock: Clock
  private readonly limit: RateSettings
  private readonly keys: number
  private readonly buckets = new Map<string, Bucket>()

  /** @param keys remembered at most; the one met longest ago is forgotten, and so has its burst again */
  constructor(clock: Clock, limit: RateSettings, keys = 100_000) {
    this.clock = clock
    this.limit = limit
    this.keys = keys
  }
  get size(): number {
    return this.buckets.size
  }
  /** Whether one more of this key is within its rate. A refused one is counted too, down to a debt of one burst. */
  take(key: string): boolean {
    const bucket = this.refreshed(key)
    if (bucket.tokens > -this.limit.burst) bucket.tokens--
    return bucket.tokens >= 0
  }
  /** So much more of this key has been, whether it was within its rate or not; down to a debt of one burst. */
  spend(key: string, count: number): void {
    const bucket = this.refreshed(key)
    bucket.tokens = Math.max(-this.limit.burst, bucket.tokens - count)
  }
  /** Milliseconds until one more of this key is within its rate; 0: now. Nothing is counted. */
  pauseOf(key: string): number {
    const missing = this.buckets.has(key) ? 1 - this.refreshed(key).tokens : 0
    return missing <= 0 ? 0 : (missing / this.limit.rate) * 1000
  }
  /** Whether a key has a debt. */
  isSpent(key: string): boolean {
    return this.buckets.size > 0 && this.buckets.has(key) && this.refreshed(key).tokens < 0
  }
  private refreshed(key: string): Bucket {
    const { rate, burst } = this.limit
    const now = this.clock.now()
    const bucket = this.bucket(key, now)
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * rate) / 1000)
    bucket.at = now
    return bucket
  }
  /** Whether a key is so far beyond its rate that not even a refusal is due to it. */
  isFlood(key: string): boolean {
    return (this.buckets.get(key)?.tokens ?? 0) <= -this.limit.burst
  }
  private bucket(key: string, now: number): Bucket {
    let bucket = this.buckets.get(key)
    if (bucket !== undefined) return bucket
    if (this.buckets.size >= this.keys) this.buckets.delete(this.buckets.keys().next().value!)
    bucket = { tokens: this.limit.burst, at: now }
    this.buckets.set(key, bucket)
    return bucket
  }
}
