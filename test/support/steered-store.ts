/** Store whose callers hear of the end of a write when a test says so, in any order. It stores in the order of the writes. */
import type { Store, StoreWrite } from '../../signalling/index.ts'
import type { WriteOutcome } from '../../signalling/testing.ts'

/** A write whose end its caller has not heard of. */
export interface SteeredWrite {
  readonly writes: readonly StoreWrite[]
  end(): void
}

export class SteeredStore implements Store {
  readonly name = 'steered'
  readonly get: Store['get']
  readonly scan: Store['scan']
  readonly watch: Store['watch']
  readonly close: Store['close']
  /** Number of writes so far. */
  writes = 0
  /** The oldest first. */
  readonly waiting: SteeredWrite[] = []
  /** Asked at each write. */
  fails: () => boolean = () => false
  /** False: writes end at once. */
  holds = true
  private readonly inner: Store

  constructor(inner: Store) {
    this.inner = inner
    this.get = inner.get.bind(inner)
    this.scan = inner.scan.bind(inner)
    this.watch = inner.watch.bind(inner)
    this.close = inner.close.bind(inner)
  }

  write(writes: readonly StoreWrite[]): Promise<WriteOutcome> {
    this.writes++
    const outcome = this.fails() ? Promise.reject<WriteOutcome>(new Error('no space')) : this.inner.write(writes)
    outcome.catch(() => undefined) // the writer hears of it when it ends
    if (!this.holds) return outcome
    return new Promise((resolve) => {
      const write = {
        writes,
        end: (): void => {
          this.waiting.splice(this.waiting.indexOf(write), 1)
          resolve(outcome)
        },
      }
      this.waiting.push(write)
    })
  }

  /** All that waits ends, and whatever comes later does at once. */
  release(): void {
    this.holds = false
    for (const write of [...this.waiting]) write.end()
  }
}
