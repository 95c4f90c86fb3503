/**
 * Durable table: records of one kind, in force in memory and kept in the element's store. One discipline for all tables.
 *
 * - `put` and `remove`: durable first, then in force. Where the store fails nothing has changed, and the caller hears of it.
 * - `enforce` and `expel`: in force at once, for a right was lost or a time is over; durable when they resolve.
 *   Where the store fails one log line says so, and the former record is back at the next start.
 * - Changes of one key end in the order in which they were written. One that an `enforce` has overtaken never comes into force.
 * - Changes of several tables can be one: all durable, and then in force in the same tick (`putTogether`, `enforceTogether`).
 * - `load` reads all that the store has. `stop` ends the writes under way, and keeps nothing.
 */
import type { Host, Json, StoreWrite } from '../../../signalling/index.ts'
import { keyPart } from '../identifiers/keys.ts'
import { InTurn } from './in-turn.ts'
import { enforceTogether, type KeptChange, putTogether, RecordChange, RecordTurns } from './kept-change.ts'
import { type RecordSets, RecordsInForce, type RecordTable, type UniqueIndex } from './records-in-force.ts'

/** The parts of its host that a table uses. */
type KeptHost = Pick<Host, 'store' | 'log' | 'clock'>

export interface KeptOptions<Value, Key> {
  /** Store keys of its records start so. */
  readonly prefix: string
  /** One record for people, with its article: `a user`. */
  readonly noun: string
  /** The rest of a store key. Left out: the key itself, escaped where it must be. */
  readonly partOf?: (key: Key) => string
  /** Left out: the value itself. */
  readonly toStored?: (value: Value, key: Key) => Json
  /**
   * The record that was stored so, `part` being the rest of its store key. Undefined: it counts no more, and leaves the
   * store. Throws where it cannot be read. Left out: the value itself, under the key that `part` stands for.
   */
  readonly fromStored?: (stored: Json, part: string) => readonly [key: Key, value: Value] | undefined
  /** Milliseconds since the epoch after which the record is gone from the store; undefined: it stays. */
  readonly expires?: (value: Value) => number | undefined
  /** Told of records that are due; they are in force until it ends them. `lapse`: they are out of force then. Left out: they stay. */
  readonly ended?: ((records: readonly (readonly [key: Key, value: Value])[]) => void) | 'lapse'
  /** Milliseconds since the epoch; undefined: never. Left out: when it expires. */
  readonly due?: (value: Value) => number | undefined
  /** Holds the records in force. Left out: a map. */
  readonly table?: RecordTable<Key, Value>
}

/** A change that the engine writes with a subscription, and then applies (`RefreshChange`). */
interface EngineChange {
  readonly writes: readonly StoreWrite[]
  readonly apply: () => void
}

const patience = 10_000 // milliseconds that a stop waits for the store

export class Kept<Value, Key = string> {
  private readonly host: KeptHost
  private readonly options: KeptOptions<Value, Key>
  private readonly records: RecordsInForce<Key, Value>
  private readonly turns = new RecordTurns()
  private readonly inTurns = new InTurn()

  constructor(host: KeptHost, options: KeptOptions<Value, Key>) {
    this.host = host
    this.options = options
    const { table = new Map<Key, Value>(), expires, due = expires, ended } = options
    const lapse: Exclude<typeof ended, 'lapse'> = (records) => {
      for (const [key] of records) this.lapse(key, undefined)
    }
    this.records = new RecordsInForce<Key, Value>(host.clock, table, due, ended === 'lapse' ? lapse : ended)
  }

  get size(): number {
    return this.records.table.size
  }

  get(key: Key): Value | undefined {
    return this.records.table.get(key)
  }

  entries(): Iterable<readonly [Key, Value]> {
    return this.records.table.entries()
  }

  *values(): Iterable<Value> {
    for (const [, value] of this.entries()) yield value
  }

  /** Index of one record a name: the last that came. Made before the first record. */
  uniqueIndex(nameOf: (value: Value) => string | undefined): UniqueIndex<Value> {
    return this.records.uniqueIndex(nameOf)
  }

  /** Index of all records a name. Made before the first record. */
  setIndex(namesOf: (value: Value) => Iterable<string>): RecordSets<Value> {
    return this.records.setIndex(namesOf)
  }

  /** Reads all that is stored. A record that cannot be read stays in the store, and costs a log line. */
  async load(): Promise<void> {
    const { prefix, noun } = this.options
    const over: StoreWrite[] = []
    for await (const [key, { value }] of this.host.store.scan(prefix)) {
      try {
        const found = this.read(value, key.slice(prefix.length))
        if (found === undefined) over.push({ key, delete: true })
        else this.records.setRead(found[0], found[1])
      } catch (fault) {
        this.host.log.error({ fault: String(fault), key }, `${noun} in the store cannot be read, and is left out`)
      }
    }
    if (over.length > 0) await this.host.store.write(over)
  }

  /**
   * True: it is in force, or a later change is. False: a change that was enforced meanwhile has overtaken it. Rejects where
   * the store fails: nothing has changed.
   * @param more writes that go with it
   */
  put(key: Key, value: Value, more?: readonly StoreWrite[]): Promise<boolean> {
    return putTogether(this.host.store, [this.putting(key, value)], more)
  }

  /** As `put`: durable, and then out of force. */
  remove(key: Key, more?: readonly StoreWrite[]): Promise<boolean> {
    return putTogether(this.host.store, [this.removing(key)], more)
  }

  /** In force at once, and never rejects. False: the store failed, and the log says so. */
  enforce(key: Key, value: Value, more?: readonly StoreWrite[]): Promise<boolean> {
    return enforceTogether(this.host, [this.putting(key, value)], more)
  }

  /** As `enforce`: out of force at once, and a value being put under that key never comes into force. */
  expel(key: Key, more: readonly StoreWrite[] = []): Promise<boolean> {
    const isNeeded = this.records.stopped || this.get(key) !== undefined || this.turns.has(this.storeKey(key))
    return enforceTogether(this.host, isNeeded ? [this.removing(key)] : [], more)
  }

  /** In force and not written: time has made it so, which the stored record says itself. Undefined: nothing is left of it. */
  lapse(key: Key, value: Value | undefined): void {
    if (this.records.stopped) return
    if (value === undefined) this.records.delete(key)
    else this.records.set(key, value)
  }

  /** A part of `putTogether` or `enforceTogether`. */
  putting(key: Key, value: Value): KeptChange {
    return new RecordChange(this.options.noun, this.records, this.turns, this.writeOf(key, value), key, value)
  }

  /** @param lastWord stored in its place for those who watch the store, and never in force */
  removing(key: Key, lastWord?: Value): KeptChange {
    const write = lastWord === undefined ? ({ key: this.storeKey(key), delete: true } as const) : this.writeOf(key, lastWord)
    return new RecordChange(this.options.noun, this.records, this.turns, write, key, undefined)
  }

  /**
   * Change of a record for the engine to write. Where the record has changed meanwhile, or is changing, the same is done to
   * what it is by then, and written again.
   * @param update undefined: it stays as it is
   */
  changing(key: Key & string, update: (now: Value | undefined) => Value | undefined): EngineChange | undefined {
    const before = this.get(key)
    const after = update(before)
    if (after === undefined) return undefined
    const apply = (): void => {
      if (this.records.stopped) return
      if (this.get(key) === before && !this.isChanging(key)) this.records.set(key, after)
      else void this.inTurn(key, () => this.changeAgain(key, before, update))
    }
    return { writes: [this.writeOf(key, after)], apply }
  }

  private async changeAgain(
    key: Key,
    before: Value | undefined,
    update: (now: Value | undefined) => Value | undefined,
  ): Promise<void> {
    const now = this.get(key)
    const hasGone = now === undefined && before !== undefined
    const after = hasGone ? undefined : (update(now) ?? now)
    await enforceTogether(this.host, [after === undefined ? this.removing(key) : this.putting(key, after)])
  }

  /** Whether a change of that record is being written, or waits for its turn. */
  isChanging(key: Key & string): boolean {
    return this.turns.has(this.storeKey(key)) || this.inTurns.has(key)
  }

  /** Changes of equal name one after the other: each starts from the result of the last one. */
  inTurn<Result>(name: string, change: () => Promise<Result>): Promise<Result> {
    return this.inTurns.run(name, change)
  }

  /** Changes are refused from now on. Resolves when nothing is being written any more, or the store hangs; then it is empty. */
  async stop(): Promise<void> {
    if (this.inTurns.busy) await this.inTime((over) => void this.inTurns.idle().then(over)) // each has been acknowledged
    this.records.stop()
    if (this.turns.busy && !(await this.inTime((over) => this.turns.onIdle(over))))
      this.host.log.error({ prefix: this.options.prefix }, 'the store hangs: it is not known what it keeps of the last changes')
    this.records.clear()
  }

  /** False: the store hangs. */
  private inTime(whenOver: (over: () => void) => void): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.host.clock.after(patience, () => resolve(false))
      whenOver(() => {
        timer.cancel()
        resolve(true)
      })
    })
  }

  private read(stored: Json, part: string): readonly [Key, Value] | undefined {
    const { fromStored } = this.options
    if (fromStored !== undefined) return fromStored(stored, part)
    if (typeof stored !== 'object' || stored === null) throw new TypeError('it is no object')
    return [decodeURIComponent(part) as Key, stored as Value]
  }

  private writeOf(key: Key, value: Value): StoreWrite {
    const { toStored, expires } = this.options
    const stored = toStored === undefined ? (value as Json) : toStored(value, key)
    return { key: this.storeKey(key), value: stored, expires: expires?.(value) }
  }

  private storeKey(key: Key): string {
    const { partOf, prefix } = this.options
    return prefix + (partOf === undefined ? keyPart(key as string) : partOf(key))
  }
}
