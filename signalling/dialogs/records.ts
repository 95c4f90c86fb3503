/** Records of subscriptions in the store. A record that a failing store did not take is written again until it does. */
import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Json, Store, StoreWrite } from '../storage/store.ts'
import { epochKey, recordKey, type SubscriptionRecord } from './subscription-record.ts'

/** A subscription, as its record sees it. */
interface RecordOwner {
  readonly element: string
  readonly id: string
  readonly stored: SubscriptionRecord
  /** False: it is over. */
  readonly live: boolean
  /** Has a record at all, and one that has not left the store. */
  readonly durable: boolean
  /** Its record has left the store, or is leaving it: nothing writes it again. */
  erased: boolean
}

const againFirst = 1_000
const againMost = 30_000
const page = 256 // records written again in one batch

export class SubscriptionRecords {
  private readonly clock: Clock
  private readonly store: Store
  private readonly log: Log
  /** Subscriptions whose stored record is wrong: an older one, or one that should have left. */
  private readonly owed = new Set<RecordOwner>()
  private timer: Timer | undefined
  private wait = againFirst
  private stopped = false
  /** Records that another node has now. */
  private readonly released = new WeakSet<RecordOwner>()
  /** By element: which one its records are of from now on. */
  private readonly epochs = new Map<string, number>()

  constructor(clock: Clock, store: Store, log: Log) {
    this.clock = clock
    this.store = store
    this.log = log
  }
  /** Records of an element are of that epoch from now on; resolves when that is durable. */
  async begin(element: string, epoch: number): Promise<void> {
    await this.store.write([{ key: epochKey(element), value: epoch }])
    this.epochs.set(element, epoch)
  }
  /**
   * Writes a record. Rejects, and the store is as it was, where that fails.
   * @param more goes into the store with it
   * @param stored as it is to be
   */
  async save(owner: RecordOwner, more: readonly StoreWrite[] = [], stored = owner.stored): Promise<void> {
    if (owner.durable) await this.write(owner, [this.put(owner, stored), ...more])
  }
  /** Rejects, and it is as before, where the store fails. */
  async erase(owner: RecordOwner): Promise<void> {
    const before = owner.stored
    owner.erased = true
    try {
      await this.write(owner, [drop(owner)])
    } catch (fault) {
      owner.erased = false
      if (!owner.live)
        this.eraseSoon(owner) // it has ended for another reason meanwhile
      else if (owner.stored !== before) this.saveSoon(owner) // changes made meanwhile were not written
      throw fault
    }
  }
  /** For a record that nothing waits for. */
  saveSoon(owner: RecordOwner): void {
    this.save(owner).catch((fault: unknown) => this.owe(owner, fault))
  }
  /** The subscription is over, even where the store still has it. */
  eraseSoon(owner: RecordOwner): void {
    const { durable } = owner
    owner.erased = true
    if (durable) this.write(owner, [drop(owner)]).catch((fault: unknown) => this.owe(owner, fault))
  }
  /**
   * Writes records as they are to be, a page at a time, with the records owed of that element. They count once all of them
   * are written, and the epoch says by which move. Rejects where the store fails.
   */
  async saveAll(
    element: string,
    move: string,
    records: readonly { readonly owner: RecordOwner; readonly stored: SubscriptionRecord }[],
  ): Promise<void> {
    const given = new Set(records.map(({ owner }) => owner))
    const owed = [...this.owed].filter((owner) => owner.element === element && !given.has(owner))
    const writes = [
      ...records.map(({ owner, stored }) => this.put(owner, stored)),
      ...owed.map((owner) => (owner.erased ? drop(owner) : this.put(owner, owner.stored))),
    ]
    for (let at = 0; at < writes.length; at += page) await this.store.write(writes.slice(at, at + page))
    for (const owner of [...given, ...owed]) this.owed.delete(owner)
    await this.store.write([{ key: epochKey(element), value: { epoch: this.epochs.get(element) ?? 0, move } }])
  }
  /** The element serves on after all: what the move has written counts no more. */
  stay(element: string): void {
    this.begin(element, this.epochs.get(element) ?? 0).catch((fault: unknown) =>
      this.log.error({ fault: String(fault), element }, 'the store failed; it may keep what a move has written that is off'),
    )
  }
  /** Another node has that record now: nothing of it is written here any more. */
  release(owner: RecordOwner): void {
    this.owed.delete(owner)
    this.released.add(owner)
  }
  /** Tries the owed writes once more. */
  stop(): void {
    this.stopped = true
    this.timer?.cancel()
    if (this.owed.size > 0) void this.again([...this.owed])
  }

  private async write(owner: RecordOwner, writes: readonly StoreWrite[]): Promise<void> {
    const owed = this.owed.delete(owner) // this write says all that there is to say
    try {
      await this.store.write(writes)
    } catch (fault) {
      if (owed) this.owe(owner, fault)
      throw fault
    }
  }
  private put({ element, id }: RecordOwner, stored: SubscriptionRecord): StoreWrite {
    const value = { ...stored, epoch: this.epochs.get(element) ?? 0 } as Json
    return { key: recordKey(element, id), value, expires: stored.expires + 3_600_000 }
  }
  /** Told once, until all is stored. */
  private owe(owner: RecordOwner, fault: unknown): void {
    if (this.released.has(owner)) return
    if (this.timer === undefined) {
      const fields = { fault: String(fault), subscription: owner.id, element: owner.element }
      this.log.error(fields, 'the store failed: what became of subscriptions is written again until it is stored')
      this.arm()
    }
    this.owed.add(owner)
  }
  private arm(): void {
    if (this.stopped) return
    this.timer = this.clock.after(this.wait, () => void this.again([...this.owed].slice(0, page)))
  }
  private async again(owners: readonly RecordOwner[]): Promise<void> {
    for (const owner of owners) this.owed.delete(owner)
    try {
      await this.store.write(owners.map((owner) => (owner.erased ? drop(owner) : this.put(owner, owner.stored))))
      this.wait = againFirst
    } catch {
      for (const owner of owners) if (!this.released.has(owner)) this.owed.add(owner) // told when it began
      this.wait = Math.min(this.wait * 2, againMost)
    }
    if (this.owed.size > 0) return this.arm()
    this.timer = undefined
    this.log.info({}, 'what became of subscriptions is stored')
  }
}

function drop({ element, id }: RecordOwner): StoreWrite {
  return { key: recordKey(element, id), delete: true }
}
