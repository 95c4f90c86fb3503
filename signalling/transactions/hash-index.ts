/** Index from the hash of a key to its record: open addressing, so that the collector sees two arrays and no entries. */

const smallest = 64

/** Places are positive. Several may share a hash, so the caller compares the keys. */
export class HashIndex {
  private hashes = new Int32Array(smallest)
  private places = new Int32Array(smallest)
  private size = 0

  get count(): number {
    return this.size
  }
  add(hash: number, place: number): void {
    if (++this.size * 2 > this.places.length) this.grow()
    this.put(hash, place)
  }
  private put(hash: number, place: number): void {
    const { hashes, places } = this
    const mask = places.length - 1
    let at = hash & mask
    while (places[at] !== 0) at = (at + 1) & mask
    hashes[at] = hash
    places[at] = place
  }
  private grow(): void {
    const { hashes, places } = this
    this.hashes = new Int32Array(places.length * 2)
    this.places = new Int32Array(places.length * 2)
    for (let i = 0; i < places.length; i++) if (places[i] !== 0) this.put(hashes[i]!, places[i]!)
  }
  /** The first place with that hash that `isIt` takes; 0 if there is none. */
  find(hash: number, isIt: (place: number) => boolean): number {
    const { hashes, places } = this
    const mask = places.length - 1
    for (let at = hash & mask; places[at] !== 0; at = (at + 1) & mask) {
      if (hashes[at] === hash && isIt(places[at]!)) return places[at]!
    }
    return 0
  }
  /** Takes out the entry with that hash and place. */
  remove(hash: number, place: number): void {
    const { hashes, places } = this
    const mask = places.length - 1
    let gap = hash & mask
    while (places[gap] !== place) {
      if (places[gap] === 0) return
      gap = (gap + 1) & mask
    }
    // Entries behind it move up, unless that would put them before the start of their search: no tombstones.
    for (let at = (gap + 1) & mask; places[at] !== 0; at = (at + 1) & mask) {
      if (((at - hashes[at]!) & mask) < ((at - gap) & mask)) continue
      hashes[gap] = hashes[at]!
      places[gap] = places[at]!
      gap = at
    }
    places[gap] = 0
    this.size--
  }
  /** Back to the smallest size. */
  clear(): void {
    if (this.places.length > smallest) {
      this.hashes = new Int32Array(smallest)
      this.places = new Int32Array(smallest)
    } else this.places.fill(0)
    this.size = 0
  }
}
