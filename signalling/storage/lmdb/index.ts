/**
 * The embedded durable store, on LMDB. One process owns a folder, so versions are checked in memory, against
 * committed and waiting writes. The writes of one tick become one transaction. Figures and reasons: README.md
 * beside.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import { firstLine, StoreFault } from '../fault.ts'
import { compareKeys, keyFault } from '../keys.ts'
import { decodeRecord, encodeRecord, recordExpired, recordVersion } from '../record.ts'
import { currentSchema, prepareSchema, versionReserve } from '../schema.ts'
import type { Store, StoreChange, StoreEntry, StoreWrite, WriteOutcome } from '../store.ts'
import { StoreWatchers } from '../watchers.ts'
import type { LmdbBatch } from './batch.ts'
import { LmdbEnvironment } from './environment.ts'
import { LmdbFolder } from './folder.ts'
import { fullness } from './room.ts'

interface LmdbOptions {
  /** Made if it is not there. */
  readonly folder: string
  readonly clock: Clock
  /** Failures that an acknowledged write survives: `kill -9`, or power loss too. */
  readonly durability: 'process' | 'power'
  readonly log: Log
  /** The schema version that the program needs; for tests with another one. */
  readonly schema?: number
}

type KeyedEntry = readonly [key: string, entry: StoreEntry]

const page = 256
const sweepEvery = 10_000
const sweepPage = 2000
const lookEvery = 100 // milliseconds between two looks at the folder, while there is something to write
const firstPause = 1000 // milliseconds from a break to the next write; twice as long after each that breaks too
const longestPause = 60_000
const committed: WriteOutcome = { ok: true }

/** The records of one commit; null is a deletion. */
class Group implements LmdbBatch {
  reserve: number | undefined = undefined
  readonly records = new Map<string, Buffer | null>()
  readonly changes: StoreChange[] = []
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
  private readonly environment: LmdbEnvironment
  private readonly folder: string
  private readonly clock: Clock
  private readonly log: Log
  private readonly watchers: StoreWatchers
  private sequence: number
  private reserved: number
  /** Gathers until the end of the tick, or until the flight lands. */
  private waiting: Group | undefined
  /** Being committed by the writer; `power` only. */
  private flying: Group | undefined
  /** Why the last write failed. */
  private failing: string | undefined = undefined
  private readonly place: LmdbFolder
  private lookedAt: number
  /** The fault of a folder that was moved away or replaced: no start finds the writes in it. */
  private lost: StoreFault | undefined = undefined
  /** Why nothing is written now, and nothing may be read: the environment has broken and is opened anew. */
  private broken: StoreFault | undefined = undefined
  private pause = firstPause
  private renewal: Promise<unknown> = Promise.resolve()
  private closed = false
  private sweepFrom: string | undefined

  constructor(environment: LmdbEnvironment, options: LmdbOptions, sequence: number) {
    this.environment = environment
    this.folder = options.folder
    this.place = new LmdbFolder(options.folder)
    this.clock = options.clock
    this.lookedAt = options.clock.now()
    this.log = options.log
    this.durability = options.durability
    this.watchers = new StoreWatchers(options.log)
    this.sequence = sequence
    this.reserved = sequence + versionReserve
    this.sweepLater()
  }

  /** The newest bytes of a key, committed or not; valid until the next read. */
  private bytesOf(key: string): Buffer | undefined {
    let bytes = this.waiting?.records.get(key)
    if (bytes === undefined) bytes = this.flying?.records.get(key)
    if (bytes === undefined) bytes = this.environment.get(key)
    return bytes === null || bytes === undefined || recordExpired(bytes, this.clock.date()) ? undefined : bytes
  }
  get(key: string): StoreEntry | undefined {
    if (this.closed) throw this.closedFault()
    const bytes = this.bytesOf(key)
    return bytes === undefined ? undefined : decodeRecord(bytes, bytes.length)
  }

  write(writes: readonly StoreWrite[]): Promise<WriteOutcome> {
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
    if (this.clock.now() - this.lookedAt >= lookEvery) this.look()
    const fault = this.lost ?? this.broken
    if (fault !== undefined) {
      this.waiting = undefined
      group.reject(fault)
      return
    }
    let outcome: Promise<void> | undefined
    try {
      outcome = this.environment.commit(this.batchOf(group))
    } catch (thrown) {
      this.waiting = undefined
      group.reject(this.faultOf(thrown))
      return
    }
    this.waiting = undefined
    if (outcome === undefined) return this.acknowledge(group)
    this.flying = group
    outcome.then(this.landed, this.crashed)
  }
  private batchOf(group: Group): LmdbBatch {
    if (this.sequence + versionReserve / 2 > this.reserved) group.reserve = this.sequence
    return group
  }
  private readonly landed = (): void => {
    const group = this.flying!
    this.flying = undefined
    this.environment.db.resetReadTxn() // another thread has written
    this.acknowledge(group)
    this.commit()
  }
  /** Fails all writes. Those gathered meanwhile were checked against versions that never came to be. */
  private readonly crashed = (thrown: unknown): void => {
    const fault = this.faultOf(thrown)
    const groups = [this.flying, this.waiting]
    this.flying = undefined
    this.waiting = undefined
    for (const group of groups) group?.reject(fault)
  }
  private acknowledge(group: Group): void {
    if (group.reserve !== undefined) this.reserved = group.reserve + versionReserve
    if (this.failing !== undefined) {
      this.failing = undefined
      this.log.info({ folder: this.folder }, 'the store writes again')
    }
    this.pause = firstPause
    this.watchers.announce(group.changes)
    group.resolve(committed)
  }
  private readonly failed = (fault: unknown): void => {
    if (this.failing === undefined) this.log.error({ folder: this.folder }, firstLine(fault))
    this.failing = firstLine(fault)
  }
  private faultOf(thrown: unknown): StoreFault {
    const said = firstLine(thrown)
    if (this.environment.isBroken) return this.mend(said, thrown)
    return new StoreFault('store-failed', `store ${this.folder} could not write: ${said}${fullness(this.folder)}`, thrown)
  }
  /** Opens the environment anew at once, which only reads from the disk, and lets the next write wait for a pause. */
  private mend(said: string, thrown: unknown): StoreFault {
    const { pause } = this
    this.pause = Math.min(longestPause, 2 * pause)
    const why = /MDB_PANIC/.test(said) ? 'its disk failed within a write' : `its disk failed within a write (${said})`
    const text = `store ${this.folder}: ${why}; look at the disk. It is opened anew and tries again in ${pause / 1000} s`
    this.broken = new StoreFault('store-failed', text, thrown)
    this.look()
    const opened = this.lost === undefined ? this.environment.open() : Promise.reject(this.lost) // or it would make another
    const renewed = opened.then(
      () => undefined,
      (fault: unknown) => fault,
    )
    this.renewal = renewed
    this.clock.after(pause, () => void renewed.then(this.tryAgain))
    return this.broken
  }
  private readonly tryAgain = (fault: unknown): void => {
    if (this.closed) return
    if (fault !== undefined) this.mend(firstLine(fault), fault)
    else {
      this.broken = undefined
      this.gather().reserve = this.sequence // a write that tells whether it works again
    }
  }
  fault(): string | undefined {
    if (this.closed) return undefined
    this.look()
    return this.lost?.message ?? this.broken?.message ?? this.failing
  }
  private look(): void {
    this.lookedAt = this.clock.now()
    const text = `store ${this.folder} was moved, removed or replaced while in use: put it back, or start anew`
    this.lost = this.place.isGone ? new StoreFault('store-failed', text) : undefined
  }
  private closedFault(): StoreFault {
    return new StoreFault('store-closed', `store ${this.folder} is closed`)
  }

  async *scan(prefix: string, from?: string): AsyncGenerator<readonly [key: string, entry: StoreEntry]> {
    for (let after = from; ; ) {
      if (this.closed) throw this.closedFault()
      const found = this.page(prefix, after)
      for (const each of found.live) yield each
      if (found.last === undefined) return
      after = found.last
    }
  }
  /** One page of committed records with waiting writes laid over it; `last` where there may be more. */
  private page(prefix: string, after: string | undefined) {
    const now = this.clock.date()
    const start = after ?? (prefix === '' ? undefined : prefix)
    const range = { limit: page, exclusiveStart: after !== undefined, ...(start === undefined ? {} : { start }) }
    const committed: KeyedEntry[] = []
    let last: string | undefined
    let count = 0
    for (const { key, value } of this.environment.range(range)) {
      if (!key.startsWith(prefix)) break
      last = key
      count++
      if (!isOver(value, now)) committed.push([key, value])
    }
    if (count < page) last = undefined
    return { live: this.overlaid(committed, now, (key) => isWithin(key, prefix, after, last)), last }
  }
  /** The same with what is being written and what waits to be. */
  private overlaid(committed: readonly KeyedEntry[], now: number, isOfPage: (key: string) => boolean): readonly KeyedEntry[] {
    let laid: Map<string, StoreEntry | undefined> | undefined
    for (const group of [this.flying, this.waiting]) {
      for (const [key, bytes] of group?.records ?? []) {
        if (!isOfPage(key)) continue
        laid ??= new Map(committed)
        laid.set(key, bytes === null || recordExpired(bytes, now) ? undefined : decodeRecord(bytes))
      }
    }
    if (laid === undefined) return committed
    const live = [...laid].flatMap(([key, entry]) => (entry === undefined ? [] : [[key, entry] as const]))
    return live.sort(([a], [b]) => compareKeys(a, b))
  }
  watch(prefix: string, listener: (change: StoreChange) => void): () => void {
    return this.watchers.add(prefix, listener)
  }

  /** Removes expired records, a page at a time round and round: they are invisible already, only their space is wanted. */
  private sweepLater(): void {
    this.clock.after(sweepEvery, () => {
      if (this.closed) return
      if (this.broken === undefined) this.sweep()
      if (this.fault() !== undefined) this.gather().reserve = this.sequence // a write that tells whether it works again
      this.sweepLater()
    })
  }
  private sweep(): void {
    const now = this.clock.date()
    const start = this.sweepFrom
    this.sweepFrom = undefined
    let count = 0
    for (const key of this.environment.keys({ limit: sweepPage, ...(start === undefined ? {} : { start }) })) {
      if (++count === sweepPage) this.sweepFrom = key
      const bytes = this.environment.get(key)
      if (bytes === undefined || !recordExpired(bytes, now) || this.waiting?.records.has(key) || this.flying?.records.has(key))
        continue
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
    await this.renewal
    await this.environment.close()
  }
}

/** Whether an entry is gone at `now`. */
function isOver({ expires }: StoreEntry, now: number): boolean {
  return expires !== undefined && expires <= now
}

/** Whether a key is of the page behind `after`, up to `last` where the page is full. */
function isWithin(key: string, prefix: string, after: string | undefined, last: string | undefined): boolean {
  if (!key.startsWith(prefix) || (after !== undefined && compareKeys(key, after) <= 0)) return false
  return last === undefined || compareKeys(key, last) <= 0
}

/**
 * Opens or makes the store in a folder. Throws `store-busy` if another process has it, `store-schema` if another version
 * of the program wrote it, `store-failed` if the folder cannot be used.
 */
export async function openLmdb(options: LmdbOptions): Promise<Store> {
  const { folder } = options
  const full = existsSync(join(folder, 'lock.mdb')) ? '' : fullness(existsSync(folder) ? folder : dirname(folder))
  // LMDB would write through a mapping for which there is no room: SIGBUS
  if (full !== '') throw new StoreFault('store-failed', `store ${folder} cannot be made${full}`)
  const environment = new LmdbEnvironment(folder, options.durability === 'power')
  let sequence = 0
  await environment.open((db) => {
    sequence = prepareSchema(db, folder, options.schema ?? currentSchema)
  })
  return new LmdbStore(environment, options, sequence)
}
