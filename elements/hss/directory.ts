/** All subscribers of an HSS: by identifier and alias, with the version of the whole and what changed lately. */
import type { Json, Store, Write } from '../../signalling/index.ts'
import type { ServerGrant, SubscriberRecord } from '../schemas/index.ts'
import { keyPart } from '../services/keys.ts'
import { fingerprint } from './records.ts'

const remembered = 10_000 // changes kept for those who lag behind

/** What the store says of a subscriber changed at run time. `over`: what it replaced, so that a later file wins again. */
interface Override {
  readonly id: string
  readonly record: SubscriberRecord | null
  readonly over: string
}

/** One record before and after; undefined: there was, or is, none. */
export interface Changed {
  readonly id: string
  readonly before: SubscriberRecord | undefined
  readonly after: SubscriberRecord | undefined
}

export class Directory {
  private readonly store: Store
  private readonly prefix: string
  private provisioned = new Map<string, SubscriberRecord>()
  private readonly records = new Map<string, SubscriberRecord>()
  private readonly byAlias = new Map<string, string>()
  private base: string
  private servers: readonly ServerGrant[]
  private readonly changes: { readonly version: number; readonly id: string }[] = []
  /** Rises with every change; over restarts too. */
  version = 0

  /** Throws where two subscribers share an identifier or alias. */
  constructor(store: Store, prefix: string, provisioned: Iterable<SubscriberRecord>, servers: readonly ServerGrant[] = []) {
    this.store = store
    this.prefix = prefix
    this.provisioned = byId(provisioned)
    for (const [id, record] of this.provisioned) this.place(id, record)
    this.servers = servers
    this.base = this.basis()
  }

  /** What all subscribers have in common has changed: whoever knew any of them must read again. Durable when it resolves. */
  async regard(servers: readonly ServerGrant[]): Promise<void> {
    this.servers = servers
    this.base = this.basis()
    this.version++
    this.changes.length = 0
    await this.store.write([{ key: `${this.prefix}/version`, value: { version: this.version, base: this.base } }])
  }

  private basis(): string {
    const records = [...this.provisioned.values()]
    return fingerprint(this.servers.length === 0 ? records : [records, this.servers])
  }

  /**
   * What the file says now, where it says something else than before; what was changed at run time stays otherwise. Resolves,
   * when it is durable, with the records that differ. Throws, and changes nothing, as the constructor does.
   */
  async reprovision(provisioned: readonly SubscriberRecord[]): Promise<readonly Changed[]> {
    const next = byId(provisioned)
    const ids = [...new Set([...this.provisioned.keys(), ...next.keys()])].filter((id) => {
      const [before, after] = [this.provisioned.get(id), next.get(id)]
      return before === undefined || after === undefined || fingerprint(before) !== fingerprint(after)
    })
    const changed = ids.map((id) => ({ id, before: this.records.get(id), after: next.get(id) }))
    const others = [...this.records.values()].filter(({ id }) => !ids.includes(id))
    void new Directory(this.store, this.prefix, [...others, ...ids.flatMap((id) => next.get(id) ?? [])]) // throws where it would
    this.provisioned = next
    this.base = this.basis()
    for (const id of ids) this.place(id, undefined) // an alias may go from one to another
    for (const { id, after } of changed) {
      this.place(id, after)
      this.changes.push({ version: ++this.version, id })
    }
    if (this.changes.length > remembered * 2) this.changes.splice(0, this.changes.length - remembered)
    await this.store.write([
      ...ids.map((id) => ({ key: `${this.prefix}/record/${keyPart(id)}`, delete: true as const })),
      { key: `${this.prefix}/version`, value: { version: this.version, base: this.base } },
    ])
    return changed
  }

  get size(): number {
    return this.records.size
  }

  /** Reads back what was changed at run time. `date`: where versions start in an empty store, ms since the epoch. */
  async load(date: number): Promise<void> {
    const writes: Write[] = []
    for await (const [key, entry] of this.store.scan(`${this.prefix}/record/`)) {
      const override = entry.value as unknown as Override
      const { id } = override
      // the provisioning file was edited after the change at run time: the file wins
      if (override.over !== this.print(id)) writes.push({ key, delete: true })
      else this.place(id, override.record ?? undefined)
    }
    const { base } = this
    const stored = (await this.store.get(`${this.prefix}/version`))?.value as { version: number; base: string } | undefined
    this.version = stored === undefined ? date : stored.version + (stored.base === base ? 0 : 1)
    if (stored?.base !== base) writes.push({ key: `${this.prefix}/version`, value: { version: this.version, base } })
    if (writes.length > 0) await this.store.write(writes)
  }

  /** By identifier or alias, both canonical. */
  find(key: string): SubscriberRecord | undefined {
    return this.records.get(key) ?? this.records.get(this.byAlias.get(key) ?? '')
  }

  get(id: string): SubscriberRecord | undefined {
    return this.records.get(id)
  }

  /** Changes or removes (undefined) one record, durably. Throws if an alias belongs to somebody else. */
  async change(id: string, record: SubscriberRecord | undefined): Promise<void> {
    this.place(id, record)
    this.version++
    this.changes.push({ version: this.version, id })
    if (this.changes.length > remembered * 2) this.changes.splice(0, remembered)
    const override: Override = { id, record: record ?? null, over: this.print(id) }
    await this.store.write([
      { key: `${this.prefix}/record/${keyPart(id)}`, value: JSON.parse(JSON.stringify(override)) as Json },
      { key: `${this.prefix}/version`, value: { version: this.version, base: this.base } },
    ])
  }

  /** Identifiers changed after one version and up to another; undefined where that is no longer known. */
  changedBetween(after: number, upTo: number): readonly string[] | undefined {
    if (after > upTo || (after < upTo && (this.changes[0]?.version ?? Number.POSITIVE_INFINITY) > after + 1)) return undefined
    const ids = new Set<string>()
    for (let i = this.changes.length - 1; i >= 0 && this.changes[i]!.version > after; i--) {
      if (this.changes[i]!.version <= upTo) ids.add(this.changes[i]!.id)
    }
    return [...ids]
  }

  private print(id: string): string {
    const record = this.provisioned.get(id)
    return record === undefined ? '' : fingerprint(record)
  }

  private place(id: string, record: SubscriberRecord | undefined): void {
    if (record !== undefined && this.byAlias.has(id)) throw new Error(`${id} is an alias of ${this.byAlias.get(id)}`)
    for (const alias of record?.aliases ?? []) {
      const owner = this.byAlias.get(alias)
      if ((owner !== undefined && owner !== id) || this.records.has(alias)) {
        throw new Error(`alias ${alias} of ${id} belongs to ${owner ?? alias}`)
      }
    }
    for (const alias of this.records.get(id)?.aliases ?? []) this.byAlias.delete(alias)
    if (record === undefined) this.records.delete(id)
    else this.records.set(id, record)
    for (const alias of record?.aliases ?? []) this.byAlias.set(alias, id)
  }
}

function byId(provisioned: Iterable<SubscriberRecord>): Map<string, SubscriberRecord> {
  const records = new Map<string, SubscriberRecord>()
  for (const record of provisioned) {
    if (records.has(record.id)) throw new Error(`subscriber ${record.id} is provisioned twice`)
    records.set(record.id, record)
  }
  return records
}
