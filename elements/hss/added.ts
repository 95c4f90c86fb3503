/**
 * Subscribers added at run time. They are in the store alone, found there by identifier and alias: a million of them
 * cost no heap and no time at start. Changes gather in a batch, and reads see them at once.
 */
import type { Json, Store, StoreWrite } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'

/** Store keys that sort as they read and keep prefixes: every odd character escaped by itself. */
export function keyOf(identifier: string): string {
  return identifier.toWellFormed().replace(/[^\w:@.+~-]/gu, encodeURIComponent)
}

export class AddedSubscribers {
  private readonly store: Store
  private readonly records: string
  private readonly aliases: string
  private batch = new Map<string, StoreWrite>()
  /** Number of added subscribers; the composing class keeps it in the store. */
  size = 0

  constructor(store: Store, prefix: string) {
    this.store = store
    this.records = `${prefix}/subscriber/`
    this.aliases = `${prefix}/alias/`
  }

  get(id: string): SubscriberRecord | undefined {
    return this.read(this.records + keyOf(id)) as SubscriberRecord | undefined
  }

  /** The owner of an alias. */
  ownerOf(alias: string): string | undefined {
    return this.read(this.aliases + keyOf(alias)) as string | undefined
  }

  /** Puts or removes (undefined) one, into the batch. */
  set(id: string, record: SubscriberRecord | undefined): void {
    const key = this.records + keyOf(id)
    const before = this.get(id)
    this.size += Number(record !== undefined) - Number(before !== undefined)
    for (const alias of before?.aliases ?? []) this.note({ key: this.aliases + keyOf(alias), delete: true })
    for (const alias of record?.aliases ?? []) this.note({ key: this.aliases + keyOf(alias), value: id })
    if (record !== undefined) this.note({ key, value: record as unknown as Json })
    else if (before !== undefined) this.note({ key, delete: true })
  }

  /** The batch, to be written at once; a new one begins. */
  take(): readonly StoreWrite[] {
    const writes = [...this.batch.values()]
    this.batch = new Map()
    return writes
  }

  /** Subscribers whose identifier starts so, behind the one given, in the order of their keys; at most `limit`. */
  async page(prefix: string, after: string | undefined, limit: number): Promise<readonly SubscriberRecord[]> {
    const found: SubscriberRecord[] = []
    if (limit < 1) return found
    const from = after === undefined ? undefined : this.records + keyOf(after)
    const start = this.records + keyOf(prefix)
    // the store takes a key to go on from only if it starts with the prefix
    const behind = from?.startsWith(start) ? from : undefined
    if (from !== undefined && behind === undefined && from > start) return found
    for await (const [, { value }] of this.store.scan(start, behind)) {
      found.push(value as unknown as SubscriberRecord)
      if (found.length === limit) break
    }
    return found
  }

  private note(write: StoreWrite): void {
    this.batch.set(write.key, write)
  }

  private read(key: string): unknown {
    if (this.size === 0) return undefined // the usual network: all subscribers are in its file
    const waiting = this.batch.get(key)
    if (waiting !== undefined) return 'delete' in waiting ? undefined : waiting.value
    const entry = this.store.get(key)
    if (entry instanceof Promise) throw new Error(`the HSS needs a store that answers at once, which ${this.store.name} does not`)
    return entry?.value
  }
}
