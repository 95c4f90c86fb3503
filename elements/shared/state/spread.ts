/** Work for many at once, some at a time: other requests are served in between. */
import type { Clock } from '../../../signalling/index.ts'

const atOnce = 100

export class Spread<Key, Item> {
  private readonly clock: Clock
  private readonly underWay = new Map<Key, object>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Does that for each of them, the first hundred now. Begun anew for the same key, it drops the rest of the earlier work. */
  over(key: Key, items: ReadonlySet<Item>, each: (item: Item) => void): void {
    this.underWay.delete(key)
    if (items.size <= atOnce) {
      for (const item of items) each(item)
      return
    }
    const all = [...items]
    const turn = {}
    this.underWay.set(key, turn)
    let next = 0
    const some = (): void => {
      if (this.underWay.get(key) !== turn) return
      const end = Math.min(next + atOnce, all.length)
      while (next < end) each(all[next++]!)
      if (next < all.length) this.clock.soon(some)
      else this.underWay.delete(key)
    }
    some()
  }
}
