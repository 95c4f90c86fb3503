/** Deadlines of things by their names, each of which may move, sooner too (see `deadlines.ts`). One wait a name is enough. */
import type { Clock } from '../../../signalling/index.ts'
import { Deadlines } from './deadlines.ts'

/** The wait of one name. It goes on where its deadline has moved to later. */
interface KeyWait<Key> {
  readonly key: Key
  /** Milliseconds since the epoch at which its deadline is looked at. */
  at: number
}

export class KeyedDeadlines<Key> {
  private readonly dueOf: (key: Key) => number | undefined
  private readonly expire: (keys: readonly Key[]) => void
  private readonly waits = new Map<Key, KeyWait<Key>>()
  private readonly deadlines: Deadlines<KeyWait<Key>>

  /**
   * @param dueOf milliseconds since the epoch; undefined: there is none any more
   * @param expire is given every name that is due, once
   */
  constructor(clock: Clock, dueOf: (key: Key) => number | undefined, expire: (keys: readonly Key[]) => void) {
    this.dueOf = dueOf
    this.expire = expire
    this.deadlines = new Deadlines<KeyWait<Key>>(
      clock,
      (wait) => this.dueOfWait(wait),
      (waits) => this.end(waits),
    )
  }

  /** Its deadline is that from now on. */
  add(key: Key, at: number): void {
    const before = this.waits.get(key)
    if (before !== undefined && before.at <= at) return // it is looked at by then
    const wait = { key, at }
    this.waits.set(key, wait)
    this.deadlines.add(wait)
  }

  stop(): void {
    this.deadlines.stop()
    this.waits.clear()
  }

  /** Undefined: the wait is over, for its deadline has gone or another wait ends sooner. */
  private dueOfWait(wait: KeyWait<Key>): number | undefined {
    const { key } = wait
    if (this.waits.get(key) !== wait) return undefined
    const at = this.dueOf(key)
    if (at === undefined) this.waits.delete(key)
    else wait.at = at
    return at
  }

  private end(waits: readonly KeyWait<Key>[]): void {
    for (const { key } of waits) this.waits.delete(key)
    this.expire(waits.map(({ key }) => key))
  }
}
