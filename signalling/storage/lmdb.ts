/**
 * The embedded durable store, on LMDB. One process owns a folder, so versions are checked in memory against what is
 * committed plus what waits; the writes of one tick become one transaction. Figures and reasons: README.md beside.
 */
import { open, type RootDatabase, TransactionFlags } from 'lmdb'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { firstLine, StoreFault } from './fault.ts'
import { compareKeys, keyFault } from './keys.ts'
import { decodeRecord, encodeRecord, recordExpired, recordVersion } from './record.ts'
import { currentSchema, prepareSchema, reserve, reserveVersions } from './schema.ts'
import type { Change, Entry, Store, Write, WriteOutcome } from './store.ts'
import { Watchers } from './watchers.ts'

export interface LmdbOptions {
  /** Made if it is not there. */
  readonly folder: string
  readonly clock: Clock
  /** What an acknowledged write survives: `kill -9`, or power loss too. */
  readonly durability: 'process' | 'power'
  readonly log: Log
  /** The schema version that the program needs; for tests of what happens with another one. */
  readonly schema?: number
}

const page = 256
const sweepEvery = 10_000
const sweepPage = 2000
const whole = TransactionFlags.ABORTABLE | TransactionFlags.SYNCHRONOUS_COMMIT
const committed: WriteOutcome = { ok: true }

/** What one commit makes durable. `records`: null is a deletion. */
class Group {
  readonly records = new Map<string, Buffer | null>()
  readonly changes: Change[] = []
  readonly outcome: Promise<WriteOutcome>
  resolve!: (outcome: WriteOutcome) => void
  reject!: (fault: StoreFault) => void
  constructor(failed: (fault: unknown) => void) {
    this.outcome = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.outcome.catch(failed) // a caller that does not wait must not end the process
  }
}

class LmdbStore implements Store {
  readonly name = 'lmdb'
  readonly durability: 'process' | 'power'
  private readonly db: RootDatabase<Buffer, string>
  private readonly folder: string
  private readonly clock: Clock
  private readonly log: Log
  private readonly watchers: Watchers
  private sequence: number
  private reserved: number
  /** Gathers until the end of the tick, or until the flight lands. */
  private waiting: Group | undefined
  /** Being committed by LMDB's thread; `power` only. */
  private flying: Group | undefined
  private failing = false
  private closed = false
  private sweepFrom: string | undefined

  constructor(db: RootDatabase<Buffer, string>, options: LmdbOptions, sequence: number) {
    this.db = db
    this.folder = options.folder
    this.clock = options.clock
    this.log = options.log
    this.durability = options.durability
    this.watchers = new Watchers(options.log)
    this.sequence = sequence
    this.reserved = sequence + reserve
    this.sweepLater()
  }

  /** The newest bytes of a key, committed or not; valid until the next read. */
  private bytesOf(key: string): Buffer | undefined {
    let bytes = this.waiting?.records.get(key)
    if (bytes === undefined) bytes = this.flying?.records.get(key)
    if (bytes === undefined) bytes = this.db.getBinaryFast(key)
    return bytes === null || bytes === undefined || recordExpired(bytes, this.clock.date()) ? undefined : bytes
  }
  get(key: string): Entry | undefined {
    if (this.closed) throw this.closedFault()
    const bytes = this.bytesOf(key)
    return bytes === undefined ? undefined : decodeRecord(bytes, bytes.length)
  }

  write(writes: readonly Write[]): Promise<WriteOutcome> {
    if (this.closed) return Promise.reject(this.closedFault())
    for (let i = 0; i < writes.length; i++) {
      const { key, ifVersion } = writes[i]!
      const fault = keyFault(key)
      if (fault !== undefined) return Promise.reject(fault)
      if (ifVersion === undefined) continue
      const bytes = this.bytesOf(key)
      if ((bytes === undefined ? 0 : recordVersion(bytes)) !== ifVersion) return Promise.resolve({ ok: false, conflict: key })
    }
    const records = writes.map((write) => ('delete' in write ? null : encodeRecord(write.value, this.sequence++, write.expires)))
    const group = this.gather()
    for (let i = 0; i < writes.length; i++) {
      const { key } = writes[i]!
      const bytes = records[i]!
      if (this.watchers.any) this.note(group, key, bytes)
      group.records.set(key, bytes)
    }
    return group.outcome
  }
  private note(group: Group, key: string, bytes: Buffer | null): void {
    if (bytes !== null) group.changes.push({ key, entry: decodeRecord(bytes) })
    else if (this.bytesOf(key) !== undefined) group.changes.push({ key })
  }
  private gather(): Group {
    if (this.waiting === undefined) {
      this.waiting = new Group(this.failed)
      if (this.flying === undefined) setImmediate(this.commit)
    }
    return this.waiting
  }

  private readonly commit = (): void => {
    const group = this.waiting
    if (group === undefined || this.flying !== undefined) return
    if (this.durability === 'power') {
      this.waiting = undefined
      this.flying = group
      this.db.batch(() => this.putAll(group)).then(this.landed, this.crashed)
      return
    }
    try {
      this.db.transactionSync(() => this.putAll(group), whole)
    } catch (thrown) {
      this.waiting = undefined
      group.reject(this.fault(thrown))
      return
    }
    this.waiting = undefined
    this.acknowledge(group)
  }
  private putAll(group: Group): void {
    const { db } = this
    if (this.sequence + reserve / 2 > this.reserved) {
      reserveVersions(db, this.sequence)
      this.reserved = this.sequence + reserve
    }
    for (const [key, bytes] of group.records) {
      if (bytes === null) db.remove(key)
      else db.put(key, bytes)
    }
  }
  private readonly landed = (): void => {
    const group = this.flying!
    this.flying = undefined
    this.acknowledge(group)
    this.commit()
  }
  /** What gathered meanwhile was checked against versions that now never were: it fails too. */
  private readonly crashed = (thrown: unknown): void => {
    // lmdb keeps the reason in a promise of its own, which would end the process if nobody looked at it
    const reason = (thrown as { readonly commitError?: Promise<unknown> }).commitError ?? Promise.reject(thrown)
    reason.catch((why: unknown) => {
      const fault = this.fault(why)
      const groups = [this.flying, this.waiting]
      this.flying = undefined
      this.waiting = undefined
      for (const group of groups) group?.reject(fault)
    })
  }
  private acknowledge(group: Group): void {
    if (this.failing) {
      this.failing = false
      this.log.info({ folder: this.folder }, 'the store writes again')
    }
    this.watchers.announce(group.changes)
    group.resolve(committed)
  }
  private readonly failed = (fault: unknown): void => {
    if (!this.failing) this.log.error({ folder: this.folder }, firstLine(fault))
    this.failing = true
  }
  private fault(thrown: unknown): StoreFault {
    return new StoreFault('store-failed', `store ${this.folder} could not write: ${firstLine(thrown)}`, thrown)
  }
  private closedFault(): StoreFault {
    return new StoreFault('store-closed', `store ${this.folder} is closed`)
  }

  async *scan(prefix: string, from?: string): AsyncGenerator<readonly [key: string, entry: Entry]> {
    for (let after = from; ; ) {
      if (this.closed) throw this.closedFault()
      const found = this.page(prefix, after)
      for (const { key, bytes } of found.live) yield [key, decodeRecord(bytes)]
      if (found.last === undefined) return
      after = found.last
    }
  }
  /** One page of committed records with what waits laid over it; `last` where there may be more. */
  private page(prefix: string, after: string | undefined) {
    const now = this.clock.date()
    const records = new Map<string, Buffer | null>()
    const start = after ?? (prefix === '' ? undefined : prefix)
    const range = { limit: page, exclusiveStart: after !== undefined, ...(start === undefined ? {} : { start }) }
    let last: string | undefined
    let count = 0
    for (const { key, value } of this.db.getRange(range)) {
      if (!key.startsWith(prefix)) break
      records.set(key, value)
      last = key
      count++
    }
    if (count < page) last = undefined
    let laid = false
    for (const group of [this.flying, this.waiting]) {
      for (const [key, bytes] of group?.records ?? []) {
        if (!key.startsWith(prefix) || (after !== undefined && compareKeys(key, after) <= 0)) continue
        if (last !== undefined && compareKeys(key, last) > 0) continue
        records.set(key, bytes)
        laid = true
      }
    }
    const live: { readonly key: string; readonly bytes: Buffer }[] = []
    for (const [key, bytes] of records) if (bytes !== null && !recordExpired(bytes, now)) live.push({ key, bytes })
    if (laid) live.sort((a, b) => compareKeys(a.key, b.key))
    return { live, last }
  }
  watch(prefix: string, listener: (change: Change) => void): () => void {
    return this.watchers.add(prefix, listener)
  }

  /** Removes what expired, a page at a time round and round: it is invisible already, only its space is wanted. */
  private sweepLater(): void {
    this.clock.after(sweepEvery, () => {
      if (this.closed) return
      this.sweep()
      this.sweepLater()
    })
  }
  private sweep(): void {
    const now = this.clock.date()
    const start = this.sweepFrom
    this.sweepFrom = undefined
    let count = 0
    for (const { key, value } of this.db.getRange({ limit: sweepPage, ...(start === undefined ? {} : { start }) })) {
      if (++count === sweepPage) this.sweepFrom = key
      if (!recordExpired(value, now) || this.waiting?.records.has(key) || this.flying?.records.has(key)) continue
      this.gather().records.set(key, null)
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    while (this.waiting !== undefined || this.flying !== undefined) {
      await (this.flying ?? this.waiting)!.outcome.then(
        () => undefined,
        () => undefined, // logged already; the writer knows
      )
    }
    await this.db.close()
  }
}

/**
 * Opens or makes the store in a folder. Throws `store-busy` if another process has it, `store-schema` if another version
 * of the program wrote it, `store-failed` if the folder cannot be used.
 */
export async function openLmdb(options: LmdbOptions): Promise<Store> {
  const { folder } = options
  let db: RootDatabase<Buffer, string>
  try {
    db = open<Buffer, string>({
      path: folder,
      noSubdir: false,
      encoding: 'binary',
      noSync: options.durability === 'process',
      overlappingSync: false, // a commit is on the disk when it says so, and the durability may change from start to start
    })
  } catch (thrown) {
    throw new StoreFault('store-failed', `store ${folder} cannot be opened: ${firstLine(thrown)}`, thrown)
  }
  try {
    refuseCompany(db, folder)
    return new LmdbStore(db, options, prepareSchema(db, folder, options.schema ?? currentSchema))
  } catch (thrown) {
    await db.close()
    if (thrown instanceof StoreFault) throw thrown
    throw new StoreFault('store-failed', `store ${folder} cannot be used: ${firstLine(thrown)}`, thrown)
  }
}

/** LMDB lists who has read from the folder and lives; each process keeps its line until it closes the store. */
function refuseCompany(db: RootDatabase<Buffer, string>, folder: string): void {
  db.getBinary('any') // so that we stand in the list before we look at it
  db.readerCheck() // lines of the dead go
  const readers = [...db.readerList().matchAll(/^\s*(\d+)\s/gm)].map(([, pid]) => Number(pid))
  const other = readers.find((pid) => pid !== process.pid) ?? (readers.length > 1 ? process.pid : undefined)
  if (other === undefined) return
  throw new StoreFault('store-busy', `store ${folder} is in use by process ${other}: stop that one, or give another folder`)
}
