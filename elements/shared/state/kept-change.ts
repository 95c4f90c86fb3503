/** Changes of durable records: one, or several as one, written in their order (see `kept.ts`). */
import type { Host, Store, StoreWrite } from '../../../signalling/index.ts'
import type { RecordsInForce } from './records-in-force.ts'

/** A change of one record, to be written with others. */
export interface KeptChange {
  readonly noun: string
  readonly write: StoreWrite
  /** Its table is of an instance that was let go. */
  readonly stopped: boolean
  /** It goes to the store; `atOnce`: it is in force now. */
  begin(atOnce: boolean): void
  /** It is durable, or the store has failed. False: another change that was enforced has overtaken it. */
  end(durable: boolean): boolean
}

/** Changes of one key that are being written, numbered in their order. */
class RecordTurn {
  open = 0
  newest = 0
  /** The newest in force, and the newest that was enforced. */
  inForce = 0
  enforced = 0
}

/** Turns of one table, by store key. */
export class RecordTurns {
  private readonly turns = new Map<string, RecordTurn>()
  private readonly waiting: (() => void)[] = []

  has(key: string): boolean {
    return this.turns.has(key)
  }

  begin(key: string): RecordTurn {
    let turn = this.turns.get(key)
    if (turn === undefined) this.turns.set(key, (turn = new RecordTurn()))
    turn.open++
    turn.newest++
    return turn
  }

  end(key: string, turn: RecordTurn): void {
    if (--turn.open > 0) return
    this.turns.delete(key)
    if (this.turns.size === 0) for (const listener of this.waiting.splice(0)) listener()
  }

  get busy(): boolean {
    return this.turns.size > 0
  }

  /** Called once when nothing is being written any more. */
  onIdle(listener: () => void): void {
    this.waiting.push(listener)
  }
}

export class RecordChange<Key, Value> implements KeptChange {
  readonly noun: string
  readonly write: StoreWrite
  private readonly records: RecordsInForce<Key, Value>
  private readonly turns: RecordTurns
  private readonly key: Key
  private readonly value: Value | undefined
  private turn: RecordTurn | undefined
  private number = 0

  constructor(
    noun: string,
    records: RecordsInForce<Key, Value>,
    turns: RecordTurns,
    write: StoreWrite,
    key: Key,
    value: Value | undefined,
  ) {
    this.noun = noun
    this.records = records
    this.turns = turns
    this.write = write
    this.key = key
    this.value = value
  }

  get stopped(): boolean {
    return this.records.stopped
  }

  begin(atOnce: boolean): void {
    const turn = this.turns.begin(this.write.key)
    this.turn = turn
    this.number = turn.newest
    if (!atOnce) return
    turn.enforced = this.number
    this.comeIntoForce(turn)
  }

  end(durable: boolean): boolean {
    const turn = this.turn!
    try {
      if (durable && this.number > turn.inForce) this.comeIntoForce(turn)
    } finally {
      this.turns.end(this.write.key, turn)
    }
    return this.number >= turn.enforced
  }

  private comeIntoForce(turn: RecordTurn): void {
    turn.inForce = this.number
    if (this.records.stopped) return
    if (this.value === undefined) this.records.delete(this.key)
    else this.records.set(this.key, this.value)
  }
}

const none: readonly StoreWrite[] = []

/**
 * Several changes as one: durable, and then in force in the same tick. False: one of them was overtaken by a change that was
 * enforced. Rejects where the store fails: nothing of them has changed.
 * @param more writes that go with them
 * @param durable called before they come into force
 */
export async function putTogether(
  store: Store,
  changes: readonly KeptChange[],
  more = none,
  durable?: () => void,
): Promise<boolean> {
  const stopped = changes.find((change) => change.stopped)
  if (stopped !== undefined) throw new Error(`${stopped.noun} cannot change: its element has stopped; ask again`)
  for (const change of changes) change.begin(false)
  try {
    await writeAll(store, changes, more)
  } catch (fault) {
    for (const change of changes) change.end(false)
    throw fault
  }
  durable?.()
  let all = true
  for (const change of changes) if (!change.end(true)) all = false
  return all
}

/**
 * Several changes as one: in force at once, durable when it resolves. False: the store failed, and the log says so; or the
 * element has stopped, and the next one sees to it.
 */
export async function enforceTogether(
  { store, log }: Pick<Host, 'store' | 'log'>,
  changes: readonly KeptChange[],
  more = none,
): Promise<boolean> {
  if (changes.some(({ stopped }) => stopped)) return false
  for (const change of changes) change.begin(true)
  let durable = false
  try {
    await writeAll(store, changes, more)
    durable = true
  } catch (fault) {
    const key = changes[0]?.write.key ?? more[0]?.key
    const fields = { fault: String(fault), key, records: changes.length + more.length }
    log.error(fields, `the store failed: it keeps ${changes[0]?.noun ?? 'a record'} as it was`)
  }
  for (const change of changes) change.end(durable)
  return durable
}

async function writeAll(store: Store, changes: readonly KeptChange[], more: readonly StoreWrite[]): Promise<void> {
  if (changes.length + more.length === 0) return
  const outcome = await store.write(changes.length === 1 && more.length === 0 ? [changes[0]!.write] : writesOf(changes, more))
  if (!outcome.ok) throw new Error(`the store has another version of ${outcome.conflict}`)
}

function writesOf(changes: readonly KeptChange[], more: readonly StoreWrite[]): readonly StoreWrite[] {
  const writes = changes.map(({ write }) => write)
  return more.length === 0 ? writes : [...writes, ...more]
}
