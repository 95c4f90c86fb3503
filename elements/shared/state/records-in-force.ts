/** Records of one durable table that are in force, with their indexes and their ends (see `kept.ts`). */
import type { Clock } from '../../../signalling/index.ts'
import { Deadlines } from './deadlines.ts'
import { SetIndex } from './set-index.ts'

/** Place of the records in force: a map, or a form that takes less room. */
export interface RecordTable<Key, Value> {
  readonly size: number
  get(key: Key): Value | undefined
  set(key: Key, value: Value): unknown
  delete(key: Key): boolean
  entries(): Iterable<readonly [Key, Value]>
  clear(): void
}

/** A finder of the one record that has a name. */
export interface UniqueIndex<Value> {
  get(name: string): Value | undefined
}

/** A finder of all records that have a name. */
export interface RecordSets<Value> {
  readonly size: number
  of(name: string): ReadonlySet<Value>
  names(): Iterable<string>
}

interface RecordIndex<Value> {
  /** Throws where a damaged record has no names that can be read. */
  check(value: Value): void
  add(value: Value): void
  delete(value: Value): void
  clear(): void
}

class ByUniqueName<Value> implements RecordIndex<Value>, UniqueIndex<Value> {
  private readonly nameOf: (value: Value) => string | undefined
  private readonly found = new Map<string, Value>()

  constructor(nameOf: (value: Value) => string | undefined) {
    this.nameOf = nameOf
  }

  get(name: string): Value | undefined {
    return this.found.get(name)
  }

  check(value: Value): void {
    const name = this.nameOf(value)
    if (name !== undefined && typeof name !== 'string') throw new TypeError('a name is no text')
  }

  add(value: Value): void {
    const name = this.nameOf(value)
    if (name !== undefined) this.found.set(name, value)
  }

  delete(value: Value): void {
    const name = this.nameOf(value)
    if (name !== undefined && this.found.get(name) === value) this.found.delete(name)
  }

  clear(): void {
    this.found.clear()
  }
}

class ByName<Value> implements RecordIndex<Value>, RecordSets<Value> {
  private readonly namesOf: (value: Value) => Iterable<string>
  private readonly found = new SetIndex<string, Value>()

  constructor(namesOf: (value: Value) => Iterable<string>) {
    this.namesOf = namesOf
  }

  get size(): number {
    return this.found.size
  }

  of(name: string): ReadonlySet<Value> {
    return this.found.of(name)
  }

  names(): Iterable<string> {
    return this.found.keys()
  }

  check(value: Value): void {
    for (const name of this.namesOf(value)) if (typeof name !== 'string') throw new TypeError('a name is no text')
  }

  add(value: Value): void {
    for (const name of this.namesOf(value)) this.found.add(name, value)
  }

  delete(value: Value): void {
    for (const name of this.namesOf(value)) this.found.delete(name, value)
  }

  clear(): void {
    this.found.clear()
  }
}

type Ended<Key, Value> = (records: readonly (readonly [key: Key, value: Value])[]) => void

/** The wait for the end of one record. It goes on where a later record of that key takes longer. */
interface RecordWait<Key> {
  readonly key: Key
  /** Milliseconds since the epoch at which the record is looked at. */
  at: number
}

/** Ends of records, one wait for each key: a record that is replaced often costs no more room than any other. */
class RecordEnds<Key, Value> {
  private readonly table: RecordTable<Key, Value>
  private readonly due: (value: Value) => number | undefined
  private readonly ended: Ended<Key, Value>
  private readonly waits = new Map<Key, RecordWait<Key>>()
  private readonly deadlines: Deadlines<RecordWait<Key>>

  constructor(clock: Clock, table: RecordTable<Key, Value>, due: (value: Value) => number | undefined, ended: Ended<Key, Value>) {
    this.table = table
    this.due = due
    this.ended = ended
    this.deadlines = new Deadlines<RecordWait<Key>>(
      clock,
      (wait) => this.dueOf(wait),
      (waits) => this.end(waits),
    )
  }

  add(key: Key, value: Value): void {
    const at = this.due(value)
    if (at === undefined) return
    const before = this.waits.get(key)
    if (before !== undefined && before.at <= at) return // it looks at the record by then
    const wait = { key, at }
    this.waits.set(key, wait)
    this.deadlines.add(wait)
  }

  stop(): void {
    this.deadlines.stop()
    this.waits.clear()
  }

  /** Undefined: the wait is over, for its record has gone or another wait ends sooner. */
  private dueOf(wait: RecordWait<Key>): number | undefined {
    const { key } = wait
    if (this.waits.get(key) !== wait) return undefined
    const value = this.table.get(key)
    const at = value === undefined ? undefined : this.due(value)
    if (at === undefined) this.waits.delete(key)
    else wait.at = at
    return at
  }

  private end(waits: readonly RecordWait<Key>[]): void {
    const records = waits.map(({ key }): readonly [Key, Value] => [key, this.table.get(key)!])
    for (const { key } of waits) this.waits.delete(key)
    this.ended(records)
  }
}

export class RecordsInForce<Key, Value> {
  readonly table: RecordTable<Key, Value>
  stopped = false
  private readonly indexes: RecordIndex<Value>[] = []
  private readonly due: ((value: Value) => number | undefined) | undefined
  private readonly ends: RecordEnds<Key, Value> | undefined

  constructor(
    clock: Clock,
    table: RecordTable<Key, Value>,
    due: ((value: Value) => number | undefined) | undefined,
    ended: Ended<Key, Value> | undefined,
  ) {
    this.table = table
    this.due = due
    if (due !== undefined && ended !== undefined) this.ends = new RecordEnds(clock, table, due, ended)
  }

  uniqueIndex(nameOf: (value: Value) => string | undefined): UniqueIndex<Value> {
    const index = new ByUniqueName(nameOf)
    this.indexes.push(index)
    return index
  }

  setIndex(namesOf: (value: Value) => Iterable<string>): RecordSets<Value> {
    const index = new ByName(namesOf)
    this.indexes.push(index)
    return index
  }

  /** One read back. Throws where it is damaged, and nothing has changed. */
  setRead(key: Key, value: Value): void {
    const end = this.due?.(value)
    if (end !== undefined && !Number.isFinite(end)) throw new TypeError('its end is no time')
    for (const index of this.indexes) index.check(value)
    this.set(key, value)
  }

  /** In place of any other of its key. */
  set(key: Key, value: Value): void {
    const { indexes, table } = this
    if (indexes.length > 0) {
      const before = table.get(key)
      if (before !== undefined) for (const index of indexes) index.delete(before)
    }
    table.set(key, value)
    for (const index of indexes) index.add(value)
    this.ends?.add(key, value)
  }

  delete(key: Key): void {
    const before = this.table.get(key)
    if (before === undefined) return
    this.table.delete(key)
    for (const index of this.indexes) index.delete(before)
  }

  stop(): void {
    this.stopped = true
    this.ends?.stop()
  }

  clear(): void {
    this.table.clear()
    for (const index of this.indexes) index.clear()
  }
}
