/** The store without a disk: same behaviour, nothing survives. First-class in tests, demos and simulations. */
import type { Clock } from '../clock.ts'
import { StoreFault } from './fault.ts'
import { keyFault, SortedKeys } from './keys.ts'
import type { Json, Store, StoreChange, StoreEntry, StoreWrite, WriteOutcome } from './store.ts'
import { StoreWatchers } from './watchers.ts'

/** Values are kept as JSON text, so that a later change of a value that was put or got changes nothing stored. */
interface MemoryEntry {
  readonly text: string
  readonly version: number
  readonly expires: number | undefined
}

const sweepEvery = 30_000
const page = 256
const done: Promise<WriteOutcome> = Promise.resolve({ ok: true })

class MemoryStore implements Store {
  readonly name = 'memory'
  private readonly clock: Clock
  private readonly entries = new Map<string, MemoryEntry>()
  private readonly keys = new SortedKeys()
  private readonly watchers = new StoreWatchers()
  private sequence = 0
  private sweeping = false
  private closed = false
  constructor(clock: Clock) {
    this.clock = clock
  }

  private held(key: string): MemoryEntry | undefined {
    const held = this.entries.get(key)
    return held === undefined || (held.expires !== undefined && held.expires <= this.clock.date()) ? undefined : held
  }
  get(key: string): StoreEntry | undefined {
    const held = this.held(key)
    return held === undefined ? undefined : entryOf(held)
  }
  write(writes: readonly StoreWrite[]): Promise<WriteOutcome> {
    if (this.closed) return Promise.reject(new StoreFault('store-closed', 'the store is closed'))
    for (const { key, ifVersion } of writes) {
      const fault = keyFault(key)
      if (fault !== undefined) return Promise.reject(fault)
      if (ifVersion !== undefined && (this.held(key)?.version ?? 0) !== ifVersion) {
        return Promise.resolve({ ok: false, conflict: key })
      }
    }
    const texts = writes.map((write) => ('delete' in write ? undefined : JSON.stringify(write.value)))
    const changes: StoreChange[] = []
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i]!
      if ('delete' in write) {
        if (this.watchers.any && this.held(write.key) !== undefined) changes.push({ key: write.key })
        this.remove(write.key)
      } else {
        const held = this.put(write.key, texts[i]!, write.expires)
        if (this.watchers.any) changes.push({ key: write.key, entry: entryOf(held) })
      }
    }
    this.watchers.announce(changes)
    return done
  }
  private put(key: string, text: string, expires: number | undefined): MemoryEntry {
    const held: MemoryEntry = { text, version: ++this.sequence, expires }
    if (!this.entries.has(key)) this.keys.add(key)
    this.entries.set(key, held)
    if (expires !== undefined && !this.sweeping) this.sweepLater()
    return held
  }
  private remove(key: string): void {
    if (this.entries.delete(key)) this.keys.delete(key)
  }
  async *scan(prefix: string, from?: string): AsyncGenerator<readonly [key: string, entry: StoreEntry]> {
    for (let after = from; ; ) {
      const keys = this.keys.range(prefix, after, page)
      for (const key of keys) {
        const held = this.held(key)
        if (held !== undefined) yield [key, entryOf(held)]
      }
      if (keys.length < page) return
      after = keys.at(-1)
    }
  }
  watch(prefix: string, listener: (change: StoreChange) => void): () => void {
    return this.watchers.add(prefix, listener)
  }
  async close(): Promise<void> {
    this.closed = true
  }
  private sweepLater(): void {
    this.sweeping = true
    this.clock.after(sweepEvery, () => {
      this.sweeping = false
      if (this.closed) return
      const now = this.clock.date()
      let left = 0
      for (const [key, { expires }] of this.entries) {
        if (expires === undefined) continue
        if (expires <= now) this.remove(key)
        else left++
      }
      if (left > 0) this.sweepLater()
    })
  }
}

function entryOf({ text, version, expires }: MemoryEntry): StoreEntry {
  const value = JSON.parse(text) as Json
  return expires === undefined ? { value, version } : { value, version, expires }
}

/** A store in memory. Nothing is announced or visible after its expiry by `clock.date()`. */
export function memoryStore(clock: Clock): Store {
  return new MemoryStore(clock)
}
