/** All subscribers of an HSS: by identifier and alias, with the version of the whole and recent changes. */
import type { Json, Store, StoreWrite } from '../../signalling/index.ts'
import type { ServerGrant, SubscriberRecord } from '../schemas/index.ts'
import { otherKeys } from '../shared/identifiers/devices.ts'
import { keyPart } from '../shared/identifiers/keys.ts'
import { SettingsError } from '../shared/values/settings-error.ts'
import { AddedSubscribers, keyOf } from './added.ts'
import { SubscriberChanges } from './changes.ts'
import { ProvisionedSubscribers, TakenIdentifier } from './provisioned.ts'
import { fingerprint, withoutUsernames } from './records.ts'
import { type ChangedRecord, ChangesUnderWay } from './underway.ts'

/**
 * The stored record of a provisioned subscriber changed at run time. `over`: the record that it replaced, so that a later
 * file wins again.
 */
interface SubscriberOverride {
  readonly id: string
  readonly record: SubscriberRecord | null
  readonly over: string
}

/** The stored record of the directory itself. `added`: number of subscribers that came at run time. */
interface DirectoryRecord {
  readonly version: number
  readonly base: string
  readonly added?: number
}

/** Changes by a provisioning file. */
interface ReprovisioningOutcome {
  readonly changed: readonly ChangedRecord[]
  /** The part that all subscribers have in common has changed too. */
  readonly everybody: boolean
}

export class Directory {
  private readonly store: Store
  private readonly prefix: string
  private readonly addedSubscribers: AddedSubscribers
  private readonly domains: readonly string[]
  private readonly changes = new SubscriberChanges()
  /** Subscribers of the file. */
  private provisioned: ReadonlyMap<string, SubscriberRecord>
  /** The same as it was changed since. */
  private provisionedSubscribers: ProvisionedSubscribers
  private servers: readonly ServerGrant[]
  private base: string
  private batch: ChangedRecord[] = []
  private readonly underway = new ChangesUnderWay()
  /** Version of the records in force. Rises with every change; over restarts too. */
  version = 0

  /** Throws where two subscribers share an identifier or alias. */
  constructor(
    store: Store,
    prefix: string,
    domains: readonly string[],
    provisioned: Iterable<SubscriberRecord>,
    servers: readonly ServerGrant[] = [],
  ) {
    this.store = store
    this.prefix = prefix
    this.domains = domains
    this.addedSubscribers = new AddedSubscribers(store, prefix)
    this.provisioned = byId(provisioned)
    this.provisionedSubscribers = new ProvisionedSubscribers(this.provisioned.values())
    this.servers = servers
    this.base = basisOf(this.provisioned, servers)
  }

  get size(): number {
    return this.provisionedSubscribers.size + this.addedSubscribers.size
  }

  /**
   * Reads back the changes made at run time; resolves with those that had to give way to an edited file. `date`: the first
   * version of an empty store, ms since the epoch.
   */
  async load(date: number): Promise<readonly string[]> {
    const stored = (await this.store.get(`${this.prefix}/version`))?.value as unknown as DirectoryRecord | undefined
    this.addedSubscribers.size = stored?.added ?? 0
    const lost: string[] = []
    const writes: StoreWrite[] = []
    for await (const [key, { value }] of this.store.scan(`${this.prefix}/record/`)) {
      const { id, record, over } = value as unknown as SubscriberOverride
      if (over === '' && record !== null && !this.provisioned.has(id)) {
        writes.push({ key, delete: true }) // of a version that kept all of them here
        this.addedSubscribers.set(id, record)
      } else if (over !== this.print(id) || !this.restore(id, record ?? undefined, lost)) {
        writes.push({ key, delete: true }) // the file was edited after the change at run time: the file wins
      }
    }
    if (stored?.base !== this.base) for (const record of this.provisionedSubscribers.values()) this.makeRoom(record, lost)
    const { base } = this
    this.version = stored === undefined ? date : stored.version + (stored.base === base ? 0 : 1)
    const more = [...writes, ...this.addedSubscribers.take()]
    if (more.length > 0 || stored?.base !== base) await this.store.write([...more, this.whole(this.version, base)])
    return lost
  }

  /**
   * Takes over the file's records that differ from the file before; changes made at run time stay otherwise. Resolves with
   * the differences when they are durable and in force. Throws as the constructor does, and changes nothing then. One
   * change at a time: neither this nor `change` before an earlier one has ended.
   * @param check rejects where the changes may not be made: nothing has changed then
   */
  async reprovision(
    provisioned: readonly SubscriberRecord[],
    servers: readonly ServerGrant[],
    check: (changed: readonly ChangedRecord[]) => Promise<void> = async () => undefined,
  ): Promise<ReprovisioningOutcome> {
    const next = byId(provisioned)
    const ids = new Set([...this.provisioned.keys(), ...next.keys()])
    for (const id of ids) {
      const [before, after] = [this.provisioned.get(id), next.get(id)]
      if (before !== undefined && after !== undefined && fingerprint(before) === fingerprint(after)) ids.delete(id)
    }
    const everybody = fingerprint(servers) !== fingerprint(this.servers)
    const changed = [...ids].map((id) => ({ id, before: this.get(id), after: next.get(id) }))
    if (changed.length === 0 && !everybody) return { changed, everybody }
    const others = [...this.provisionedSubscribers.values()].filter(({ id }) => !ids.has(id))
    const provisionedSubscribers = new ProvisionedSubscribers([...others, ...changed.flatMap(({ after }) => after ?? [])])
    for (const { after } of changed) if (after !== undefined) this.refuseAdded(after)
    await check(changed)
    const base = basisOf(next, servers)
    const added = this.addedSubscribers.size
    for (const id of ids) this.addedSubscribers.set(id, undefined)
    const overrides = [...ids].map((id): StoreWrite => ({ key: `${this.prefix}/record/${keyPart(id)}`, delete: true }))
    try {
      await this.write([...overrides, ...this.addedSubscribers.take()], changed, base, () => {
        this.provisioned = next
        this.provisionedSubscribers = provisionedSubscribers
        this.servers = servers
        this.base = base
      })
    } catch (fault) {
      this.addedSubscribers.size = added
      throw fault
    }
    if (everybody) this.changes.forget()
    return { changed, everybody }
  }

  /** By identifier or alias, both canonical; a change that is being written is not in force yet. */
  inForce(key: string): SubscriberRecord | undefined {
    if (this.underway.none) return this.find(key)
    for (const form of [key, ...otherKeys(key, this.domains)]) {
      const record = this.underway.find(form)
      if (record !== undefined) return record
    }
    const owner = this.ownerOf(key)
    return owner === undefined || this.underway.has(owner) ? undefined : this.get(owner)
  }

  /** By identifier or alias, both canonical, as it is or is about to be. */
  find(key: string): SubscriberRecord | undefined {
    const owner = this.ownerOf(key)
    return owner === undefined ? undefined : this.get(owner)
  }

  get(id: string): SubscriberRecord | undefined {
    return this.provisionedSubscribers.get(id) ?? (this.provisioned.has(id) ? undefined : this.addedSubscribers.get(id))
  }

  /** The subscriber that an identifier or alias belongs to, in any form. */
  ownerOf(key: string): string | undefined {
    const owner = this.ownerAsWritten(key)
    if (owner !== undefined) return owner
    for (const other of otherKeys(key, this.domains)) {
      const found = this.ownerAsWritten(other)
      if (found !== undefined) return found
    }
    return undefined
  }

  private ownerAsWritten(key: string): string | undefined {
    const owner = this.provisionedSubscribers.ownerOf(key)
    if (owner !== undefined) return owner
    return this.addedSubscribers.get(key) === undefined ? this.addedSubscribers.ownerOf(key) : key
  }

  /**
   * Changes or removes (undefined) one record; `commit` makes it durable, and has to be called in the same tick. Throws
   * `TakenIdentifier`, and changes nothing, if the identifier or an alias belongs to somebody else.
   */
  change(id: string, record: SubscriberRecord | undefined): void {
    const before = this.get(id)
    for (const [i, key] of (record === undefined ? [] : [id, ...(record.aliases ?? [])]).entries()) {
      const owner = this.ownerOf(key)
      if (owner !== undefined && owner !== id) throw new TakenIdentifier(id, key, owner, i - 1)
    }
    if (this.provisioned.has(id)) this.provisionedSubscribers.set(id, record)
    else this.addedSubscribers.set(id, record)
    this.batch.push({ id, before, after: record })
  }

  /** Changes since the last commit. */
  get pending(): readonly ChangedRecord[] {
    return this.batch
  }

  /** Makes the changes since the last time durable, under one version; resolves with it. */
  async commit(): Promise<readonly ChangedRecord[]> {
    const changed = this.batch
    if (changed.length === 0) return changed
    this.batch = []
    const overrides = changed.flatMap(({ id }) => (this.provisioned.has(id) ? this.override(id) : []))
    try {
      await this.write([...overrides, ...this.addedSubscribers.take()], changed, this.base)
    } catch (fault) {
      this.takeBack(changed)
      throw fault
    }
    return changed
  }

  /** Durable first, then a version that is in force. */
  private async write(
    writes: readonly StoreWrite[],
    changed: readonly ChangedRecord[],
    base: string,
    apply?: () => void,
  ): Promise<void> {
    const version = this.version + 1
    this.underway.begin(changed)
    try {
      await this.store.write([...writes, this.whole(version, base)])
      apply?.()
      this.version = version
    } finally {
      this.underway.end()
    }
    this.changes.add(
      version,
      changed.map(({ id }) => id),
    )
  }

  /** Identifiers changed after one version and up to another; undefined where that is no longer known. */
  changedBetween(after: number, upTo: number): readonly string[] | undefined {
    return this.changes.between(after, upTo)
  }

  /** Subscribers whose identifier starts so, behind the one given, in the order of their keys; at most `limit`. */
  async page(prefix: string, after: string | undefined, limit: number): Promise<readonly SubscriberRecord[]> {
    const added = await this.addedSubscribers.page(prefix, after, limit)
    const here = this.provisionedSubscribers.page(prefix, after, limit)
    return [...here, ...added].sort((a, b) => (keyOf(a.id) < keyOf(b.id) ? -1 : 1)).slice(0, limit)
  }

  private override(id: string): StoreWrite {
    const override: SubscriberOverride = { id, record: this.provisionedSubscribers.get(id) ?? null, over: this.print(id) }
    return { key: `${this.prefix}/record/${keyPart(id)}`, value: JSON.parse(JSON.stringify(override)) as Json }
  }

  /** Nothing of it came into the store. */
  private takeBack(changed: readonly ChangedRecord[]): void {
    for (const { id, before, after } of changed.toReversed()) {
      if (!this.provisioned.has(id)) this.addedSubscribers.size += Number(before !== undefined) - Number(after !== undefined)
      else if (this.provisionedSubscribers.get(id) === after) this.provisionedSubscribers.set(id, before)
    }
  }

  private whole(version: number, base: string): StoreWrite {
    const whole = { version, base, added: this.addedSubscribers.size }
    return { key: `${this.prefix}/version`, value: whole }
  }

  private print(id: string): string {
    const record = this.provisioned.get(id)
    return record === undefined ? '' : fingerprint(withoutUsernames(record))
  }

  /** False: an alias of it belongs to somebody else by now. */
  private restore(id: string, record: SubscriberRecord | undefined, lost: string[]): boolean {
    const taken = (record?.aliases ?? []).find((alias) => (this.provisionedSubscribers.ownerOf(alias) ?? id) !== id)
    if (taken === undefined) this.provisionedSubscribers.set(id, record)
    else lost.push(`the changes to ${id}, since ${taken} belongs to ${this.provisionedSubscribers.ownerOf(taken)} by the file`)
    return taken === undefined
  }

  /** A subscriber of the file wins over one added at run time. */
  private makeRoom({ id, aliases = [] }: SubscriberRecord, lost: string[]): void {
    for (const key of [id, ...aliases]) {
      if (this.addedSubscribers.get(key) !== undefined) {
        this.addedSubscribers.set(key, undefined)
        lost.push(`subscriber ${key}, which the file has for ${id}`)
      }
      const owner = this.addedSubscribers.ownerOf(key)
      if (owner === undefined) continue
      const record = this.addedSubscribers.get(owner)!
      this.addedSubscribers.set(owner, { ...record, aliases: record.aliases?.filter((alias) => alias !== key) })
      lost.push(`alias ${key} of ${owner}, which the file has for ${id}`)
    }
  }

  private refuseAdded({ id, aliases = [] }: SubscriberRecord): void {
    for (const [i, key] of [id, ...aliases].entries()) {
      const owner = this.addedSubscribers.get(key) === undefined ? this.addedSubscribers.ownerOf(key) : key
      if (owner !== undefined && owner !== id) throw new TakenIdentifier(id, key, owner, i - 1)
    }
  }
}

function basisOf(provisioned: ReadonlyMap<string, SubscriberRecord>, servers: readonly ServerGrant[]): string {
  const records = [...provisioned.values()].map(withoutUsernames)
  return fingerprint(servers.length === 0 ? records : [records, servers])
}

function byId(provisioned: Iterable<SubscriberRecord>): ReadonlyMap<string, SubscriberRecord> {
  const records = new Map<string, SubscriberRecord>()
  for (const record of provisioned) {
    if (records.has(record.id)) throw new SettingsError(`subscriber ${record.id} is provisioned twice`, 'each subscriber once')
    records.set(record.id, record)
  }
  return records
}
