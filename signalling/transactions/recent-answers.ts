/**
 * Recent answers, kept until retransmissions of their requests have stopped (RFC 3261 §17.2.2, Timer J). Key and
 * answer are bytes in a ring of chunks. At thousands a second, held for half a minute, objects would keep the
 * garbage collector busy.
 */
import type { Flow } from '../transports/transport.ts'
import { HashIndex } from './hash-index.ts'

interface RecentAnswersOptions {
  /** Starts the hash, so that a peer cannot choose keys that collide; 32 bits. */
  readonly seed: number
  /** Bytes of all chunks at most; the answers of the oldest chunk go when a new one would not fit. */
  readonly limit?: number
  /** Bytes of a chunk, a multiple of 8. */
  readonly chunk?: number
}

interface RecentAnswer {
  readonly flow: Flow
  /** A copy: the sender may hold on to it. */
  readonly bytes: Buffer
}

interface Chunk {
  readonly slot: number
  readonly bytes: Buffer
  /** The same memory. */
  readonly words: Int32Array
  readonly times: Float64Array
  used: number
}

// A record: when it is over (8 bytes), then words, then the key and the answer. Records start at multiples of 8.
const Hash = 2
const KeyLength = 3 // in characters; negative where they take two bytes
const Length = 4
const FlowNumber = 5
const headBytes = 24

const defaultLimit = 128 * 1024 * 1024
const defaultChunk = 256 * 1024
const sparesAtMost = 2

/** First in, first out: `due` must never be earlier than that of the record before. Milliseconds of one clock. */
export class RecentAnswers {
  private readonly seed: number
  private readonly limit: number
  private readonly chunkBytes: number
  private readonly chunkUnits: number
  private readonly places = new HashIndex()
  private readonly flows = new Flows()
  /** By slot, of which a place is made. */
  private readonly slots: (Chunk | undefined)[] = []
  private readonly freeSlots: number[] = []
  /** The oldest first; the last one is being filled. */
  private readonly filled: Chunk[] = []
  private readonly spare: Chunk[] = []
  /** Offset of the oldest record in the oldest chunk. */
  private oldest = 0
  private held = 0
  // The operands of `isIt`: one closure for all searches.
  private wanted = ''
  private now = 0

  constructor(options: RecentAnswersOptions) {
    this.seed = options.seed
    this.limit = options.limit ?? defaultLimit
    this.chunkBytes = options.chunk ?? defaultChunk
    this.chunkUnits = this.chunkBytes / 8
  }
  get count(): number {
    return this.places.count
  }
  /** Bytes of all chunks, filled or spare. */
  get bytes(): number {
    return this.held
  }
  /** When the oldest one is over; undefined if there is none. */
  get due(): number | undefined {
    return this.count === 0 ? undefined : this.filled[0]!.times[this.oldest >> 3]!
  }

  /** Keeps a copy until `due`; none of an answer that is larger than the limit. */
  add(key: string, flow: Flow, answer: Uint8Array, due: number): void {
    const wide = isWide(key)
    const keyBytes = wide ? key.length * 2 : key.length
    const size = (headBytes + keyBytes + answer.length + 7) & ~7
    const chunk = this.room(size)
    if (chunk === undefined) return
    const at = chunk.used
    const { bytes, words } = chunk
    const word = at >> 2
    const hash = this.hash(key)
    chunk.times[at >> 3] = due
    words[word + Hash] = hash
    words[word + KeyLength] = wide ? -key.length : key.length
    words[word + Length] = answer.length
    words[word + FlowNumber] = this.flows.hold(flow)
    const start = at + headBytes
    if (wide) bytes.write(key, start, 'utf16le')
    else for (let i = 0; i < key.length; i++) bytes[start + i] = key.charCodeAt(i)
    bytes.set(answer, start + keyBytes)
    chunk.used = at + size
    this.places.add(hash, chunk.slot * this.chunkUnits + (at >> 3) + 1)
  }
  /** The answer to that request, unless it is over. */
  find(key: string, now: number): RecentAnswer | undefined {
    if (this.count === 0) return undefined
    this.wanted = key
    this.now = now
    const place = this.places.find(this.hash(key), this.isIt)
    if (place === 0) return undefined
    const chunk = this.chunkOf(place)
    const at = this.offsetOf(place)
    const word = at >> 2
    const start = at + headBytes + keyBytesOf(chunk.words[word + KeyLength]!)
    const bytes = Buffer.from(chunk.bytes.subarray(start, start + chunk.words[word + Length]!))
    return { flow: this.flows.at(chunk.words[word + FlowNumber]!), bytes }
  }
  /** Drops answers whose time is over. */
  expire(now: number): void {
    for (let due = this.due; due !== undefined && due <= now; due = this.due) this.drop()
  }
  /** Drops the oldest one; false if there is none. */
  drop(): boolean {
    if (this.count === 0) return false
    const chunk = this.filled[0]!
    const at = this.oldest
    const word = at >> 2
    const keyLength = chunk.words[word + KeyLength]!
    const size = (headBytes + keyBytesOf(keyLength) + chunk.words[word + Length]! + 7) & ~7
    this.places.remove(chunk.words[word + Hash]!, chunk.slot * this.chunkUnits + (at >> 3) + 1)
    this.flows.release(chunk.words[word + FlowNumber]!)
    this.oldest = at + size
    if (this.count === 0) this.clear()
    else if (this.oldest === chunk.used) this.retire()
    return true
  }

  private readonly isIt = (place: number): boolean => {
    const { bytes, words, times } = this.chunkOf(place)
    const key = this.wanted
    const at = this.offsetOf(place)
    if (times[at >> 3]! <= this.now) return false
    const keyLength = words[(at >> 2) + KeyLength]!
    const start = at + headBytes
    if (keyLength < 0) {
      return -keyLength === key.length && bytes.toString('utf16le', start, start + keyBytesOf(keyLength)) === key
    }
    if (keyLength !== key.length) return false
    for (let i = 0; i < keyLength; i++) if (bytes[start + i] !== key.charCodeAt(i)) return false
    return true
  }
  private chunkOf(place: number): Chunk {
    return this.slots[Math.floor((place - 1) / this.chunkUnits)]!
  }
  private offsetOf(place: number): number {
    return ((place - 1) % this.chunkUnits) * 8
  }
  private hash(key: string): number {
    let hash = this.seed
    for (let i = 0; i < key.length; i++) {
      hash = Math.imul(hash ^ key.charCodeAt(i), 0x5bd1e995)
      hash ^= hash >>> 15
    }
    return hash
  }

  /** The chunk being filled if `size` bytes fit, or the next one; undefined where none can be had. */
  private room(size: number): Chunk | undefined {
    const last = this.filled.at(-1)
    if (last !== undefined && last.used + size <= last.bytes.length) return last
    const wanted = Math.max(this.chunkBytes, size)
    if (wanted > this.limit) return undefined
    let chunk = wanted === this.chunkBytes ? this.spare.pop() : undefined
    while (chunk === undefined && this.held + wanted > this.limit) {
      this.dropChunk()
      if (wanted === this.chunkBytes) chunk = this.spare.pop()
    }
    chunk ??= this.allocate(wanted)
    this.filled.push(chunk)
    return chunk
  }
  private allocate(size: number): Chunk {
    const slot = this.freeSlots.pop() ?? this.slots.push(undefined) - 1
    const bytes = Buffer.allocUnsafeSlow(size)
    const { buffer } = bytes
    const chunk = { slot, bytes, words: new Int32Array(buffer), times: new Float64Array(buffer), used: 0 }
    this.slots[slot] = chunk
    this.held += size
    return chunk
  }
  /** Makes room: a spare chunk goes, or all answers of the oldest one. */
  private dropChunk(): void {
    const spare = this.spare.pop()
    const first = this.filled[0]
    if (spare !== undefined) this.free(spare)
    else while (this.filled[0] === first && this.drop());
  }
  /** The oldest chunk has had its day. */
  private retire(): void {
    const chunk = this.filled.shift()!
    this.oldest = 0
    chunk.used = 0
    if (this.spare.length < sparesAtMost && chunk.bytes.length === this.chunkBytes) this.spare.push(chunk)
    else this.free(chunk)
  }
  private free(chunk: Chunk): void {
    this.slots[chunk.slot] = undefined
    this.freeSlots.push(chunk.slot)
    this.held -= chunk.bytes.length
  }
  /** Nothing is left: nor is the memory. */
  private clear(): void {
    this.places.clear()
    for (const list of [this.filled, this.spare, this.slots, this.freeSlots]) list.length = 0
    this.oldest = 0
    this.held = 0
  }
}

function isWide(key: string): boolean {
  for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) > 255) return true
  return false
}

function keyBytesOf(keyLength: number): number {
  return keyLength < 0 ? -2 * keyLength : keyLength
}

/** Flows by number, each for as long as a record names it. */
class Flows {
  private readonly numbers = new Map<Flow, number>()
  private readonly flows: (Flow | undefined)[] = []
  private readonly uses: number[] = []
  private readonly free: number[] = []

  hold(flow: Flow): number {
    let number = this.numbers.get(flow)
    if (number === undefined) {
      number = this.free.pop() ?? this.flows.length
      this.numbers.set(flow, number)
      this.flows[number] = flow
      this.uses[number] = 0
    }
    this.uses[number]!++
    return number
  }
  at(number: number): Flow {
    return this.flows[number]!
  }
  release(number: number): void {
    if (--this.uses[number]! > 0) return
    this.numbers.delete(this.flows[number]!)
    this.flows[number] = undefined
    this.free.push(number)
  }
}
