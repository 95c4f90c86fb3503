/** The subscribers of the provisioning file, in memory: by identifier and alias. */
import type { SubscriberRecord } from '../schemas/index.ts'
import { keyOf } from './added.ts'

/** An identifier or alias that somebody else has already. */
export class TakenIdentifier extends Error {
  readonly key: string
  readonly owner: string
  /** Which alias; -1: the identifier. */
  readonly alias: number
  constructor(id: string, key: string, owner: string, alias: number) {
    super(alias < 0 ? `${id} is an alias of ${owner}` : `alias ${key} of ${id} belongs to ${owner}`)
    this.name = 'TakenIdentifier'
    this.key = key
    this.owner = owner
    this.alias = alias
  }
}

export class ProvisionedSubscribers {
  private readonly records = new Map<string, SubscriberRecord>()
  private readonly aliases = new Map<string, string>()
  private sorted: readonly string[] | undefined

  /** Throws `TakenIdentifier`. */
  constructor(records: Iterable<SubscriberRecord>) {
    for (const record of records) this.records.set(record.id, record)
    for (const { id, aliases = [] } of this.records.values()) {
      for (const [i, alias] of aliases.entries()) {
        if (this.records.has(alias)) throw new TakenIdentifier(alias, alias, id, -1)
        const owner = this.aliases.get(alias)
        if (owner !== undefined && owner !== id) throw new TakenIdentifier(id, alias, owner, i)
        this.aliases.set(alias, id)
      }
    }
  }

  get size(): number {
    return this.records.size
  }

  values(): Iterable<SubscriberRecord> {
    return this.records.values()
  }

  get(id: string): SubscriberRecord | undefined {
    return this.records.get(id)
  }

  /** The subscriber that an identifier or alias belongs to. */
  ownerOf(key: string): string | undefined {
    return this.records.has(key) ? key : this.aliases.get(key)
  }

  /** Puts or removes (undefined) one whose identifiers are nobody else's. */
  set(id: string, record: SubscriberRecord | undefined): void {
    for (const alias of this.records.get(id)?.aliases ?? []) this.aliases.delete(alias)
    if (record === undefined) this.records.delete(id)
    else this.records.set(id, record)
    for (const alias of record?.aliases ?? []) this.aliases.set(alias, id)
    this.sorted = undefined
  }

  /** Subscribers whose identifier starts so, behind the one given, in the order of their keys; at most `limit`. */
  page(prefix: string, after: string | undefined, limit: number): readonly SubscriberRecord[] {
    this.sorted ??= [...this.records.keys()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    const from = after === undefined ? undefined : keyOf(after)
    const found: SubscriberRecord[] = []
    for (const id of this.sorted) {
      if (!id.startsWith(prefix) || (from !== undefined && keyOf(id) <= from)) continue
      if (found.length >= limit) break
      found.push(this.records.get(id)!)
    }
    return found
  }
}
