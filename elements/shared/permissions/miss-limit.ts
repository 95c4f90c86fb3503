/** Bound on guesses (SPEC §5.2, §5.3): who names too many identifiers that are none within a minute is refused for the next. */
import type { Clock } from '../../../signalling/index.ts'

interface Misses {
  count: number
  /** Milliseconds of the clock at which the minute of this count ends, or the refusal. */
  until: number
}

const minute = 60_000 // milliseconds

export class MissLimit {
  private readonly clock: Clock
  private readonly most: number
  private readonly keys: number
  private readonly byKey = new Map<string, Misses>()

  /**
   * @param most misses a minute that are answered as such
   * @param keys remembered at most; the one that began longest ago is forgotten
   */
  constructor(clock: Clock, most: number, keys = 100_000) {
    this.clock = clock
    this.most = most
    this.keys = keys
  }
  get size(): number {
    return this.byKey.size
  }
  /** Whole seconds for which this key is refused; undefined: it is not. */
  refusedFor(key: string): number | undefined {
    const misses = this.current(key)
    return misses === undefined || misses.count <= this.most ? undefined : Math.ceil((misses.until - this.clock.now()) / 1000)
  }
  /** One more miss of that key. */
  add(key: string): void {
    const misses = this.current(key)
    if (misses === undefined) {
      if (this.byKey.size >= this.keys) this.byKey.delete(this.byKey.keys().next().value!)
      this.byKey.delete(key)
      this.byKey.set(key, { count: 1, until: this.clock.now() + minute })
      return
    }
    misses.count++
    if (misses.count === this.most + 1) misses.until = this.clock.now() + minute
  }
  /** Undefined: its minute is over. */
  private current(key: string): Misses | undefined {
    const misses = this.byKey.get(key)
    return misses !== undefined && misses.until > this.clock.now() ? misses : undefined
  }
}
