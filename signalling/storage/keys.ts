/** Keys and their order, which is that of their UTF-8 bytes in every store. */
import { StoreFault } from './fault.ts'

/** Bytes of the longest key. */
const longestKey = 900

/** Why a key cannot be stored; undefined: it can. */
export function keyFault(key: string): StoreFault | undefined {
  if (key === '') return new StoreFault('store-key', 'a store key is empty')
  if (key.length * 3 > longestKey && Buffer.byteLength(key) > longestKey) {
    return new StoreFault('store-key', `store key ${key.slice(0, 60)}… is longer than ${longestKey} bytes`)
  }
  if (controls.test(key)) return new StoreFault('store-key', `store key ${JSON.stringify(key)} has a control character`)
  if (!key.isWellFormed()) return new StoreFault('store-key', `store key ${JSON.stringify(key)} has half a surrogate pair`)
  return undefined
}
const controls = /[\0-\x1f]/
const surrogates = /[\ud800-\udfff]/

/** Negative, 0 or positive. UTF-16 order is UTF-8 order except where surrogates meet U+E000 and above. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0
  if (surrogates.test(a) || surrogates.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : 1
}

const chunkSize = 512

/** A sorted set of keys: chunks of at most 512, so that an insertion moves little and a range is found by bisection. */
export class SortedKeys {
  private readonly chunks: string[][] = []

  /** Index of the chunk that holds, or would hold, the key. */
  private chunkOf(key: string): number {
    let low = 0
    let high = this.chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (compareKeys(this.chunks[middle]![0]!, key) <= 0) low = middle
      else high = middle - 1
    }
    return low
  }
  add(key: string): void {
    if (this.chunks.length === 0) {
      this.chunks.push([key])
      return
    }
    const at = this.chunkOf(key)
    const chunk = this.chunks[at]!
    const place = lowerBound(chunk, key)
    if (chunk[place] === key) return
    chunk.splice(place, 0, key)
    if (chunk.length > chunkSize) this.chunks.splice(at + 1, 0, chunk.splice(chunkSize >> 1))
  }
  delete(key: string): void {
    if (this.chunks.length === 0) return
    const at = this.chunkOf(key)
    const chunk = this.chunks[at]!
    const place = lowerBound(chunk, key)
    if (chunk[place] !== key) return
    chunk.splice(place, 1)
    if (chunk.length === 0) this.chunks.splice(at, 1)
  }
  /** Up to `limit` keys that start with `prefix` and come after `after`. */
  range(prefix: string, after: string | undefined, limit: number): string[] {
    const found: string[] = []
    if (this.chunks.length === 0) return found
    const start = after === undefined || compareKeys(after, prefix) < 0 ? prefix : after
    let at = this.chunkOf(start)
    let place = lowerBound(this.chunks[at]!, start)
    for (; at < this.chunks.length && found.length < limit; at++, place = 0) {
      const chunk = this.chunks[at]!
      for (; place < chunk.length && found.length < limit; place++) {
        const key = chunk[place]!
        if (!key.startsWith(prefix)) return found
        if (key !== after) found.push(key)
      }
    }
    return found
  }
}

/** First place in a sorted list whose key is not below `key`. */
function lowerBound(list: readonly string[], key: string): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareKeys(list[middle]!, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
