/** Sets by key, none of them empty: items are added, removed and found in constant time. */

const nobody: ReadonlySet<never> = new Set()

export class SetIndex<Key, Item> {
  private readonly sets = new Map<Key, Set<Item>>()

  /** Keys that have any item. */
  get size(): number {
    return this.sets.size
  }

  keys(): Iterable<Key> {
    return this.sets.keys()
  }

  of(key: Key): ReadonlySet<Item> {
    return this.sets.get(key) ?? nobody
  }

  add(key: Key, item: Item): void {
    const set = this.sets.get(key)
    if (set === undefined) this.sets.set(key, new Set([item]))
    else set.add(item)
  }

  /** False: it was not there. */
  delete(key: Key, item: Item): boolean {
    const set = this.sets.get(key)
    const there = set?.delete(item) ?? false
    if (set?.size === 0) this.sets.delete(key)
    return there
  }

  clear(): void {
    this.sets.clear()
  }
}
