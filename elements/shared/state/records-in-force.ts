/** Records of one durable table that are in force, with their indexes and their ends (see `kept.ts`). */
import type { Clock } from '../../../signalling/index.ts'
import { KeyedDeadlines } from './keyed-deadlines.ts'
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

export class RecordsInForce<Key, Value> {
  readonly table: RecordTable<Key, Value>
  stopped = false
  private readonly indexes: RecordIndex<Value>[] = []
  private readonly due: ((value: Value) => number | undefined) | undefined
  private readonly ends: KeyedDeadlines<Key> | undefined

  constructor(
    clock: Clock,
    table: RecordTable<Key, Value>,
    due: ((value: Value) => number | undefined) | undefined,
    ended: Ended<Key, Value> | undefined,
  ) {
    this.table = table
    this.due = due
    if (due === undefined || ended === undefined) return
    this.ends = new KeyedDeadlines<Key>(
      clock,
      (key) => {
        const value = table.get(key)
        return value === undefined ? undefined : due(value)
      },
      (keys) => ended(keys.map((key) => [key, table.get(key)!])),
    )
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
    const at = this.ends === undefined ? undefined : this.due?.(value)
    if (at !== undefined) this.ends!.add(key, at)
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
