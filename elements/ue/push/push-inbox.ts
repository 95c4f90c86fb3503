/**
 * Inbox of a Push client: Pushes that it has not handed over yet, keys by which repeats are known, and receipts that it owes.
 * All of it is durable before a 200 leaves (SPEC §5.5).
 */
import type { Clock, Ids, Json, Log, Store } from '../../../signalling/index.ts'
import { keyPart } from '../../shared/identifiers/keys.ts'
import { Kept } from '../../shared/state/kept.ts'
import { type Disposition, dispositions } from '../../shared/values/imdn.ts'
import type { ReceivedPush } from './received-push.ts'

/** A receipt that has not been taken yet. */
export interface OwedReceipt {
  readonly [member: string]: Json | undefined
  readonly disposition: Disposition
  /** Its own name, the same over all tries. */
  readonly ownId: string
  /** Milliseconds since the epoch of the event. */
  readonly at: number
}

interface InboxRecord {
  readonly [member: string]: Json | undefined
  /** Until it is handed over, or for good where nothing could open it. */
  readonly push?: ReceivedPush
  /** Nothing could open it: the user may. */
  readonly isKept?: true
  readonly source: string
  readonly to: string
  readonly messageId?: string
  readonly wishes?: readonly string[]
  readonly owed: readonly OwedReceipt[]
  /** Milliseconds since the epoch. */
  readonly until: number
}

interface PushInboxParts {
  readonly clock: Clock
  readonly store: Store
  readonly log: Log
  readonly newId: Ids['token']
  /** Address of its user. */
  readonly user: string
  /** Events of which senders are told, where they ask. */
  readonly tells: (disposition: Disposition) => boolean
}

/** Outcome for the user: the application has it, he declined, or nothing can open it. */
export type PushOutcome = 'displayed' | 'declined' | 'unopened'

const remembered = 604_800_000 // milliseconds, as long as a server keeps a message
const most = 10_000

export class PushInbox {
  private readonly parts: PushInboxParts
  private readonly kept: Kept<InboxRecord>

  constructor(parts: PushInboxParts) {
    this.parts = parts
    this.kept = new Kept<InboxRecord>(parts, {
      prefix: `ue-push/${keyPart(parts.user)}/inbox/`,
      noun: 'a Push',
      expires: ({ until }) => until,
      ended: 'lapse',
    })
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }
  get size(): number {
    return this.kept.size
  }

  /** Resolves when durable. `full`: it is not taken, and may come again. Rejects where the store fails. */
  take(push: ReceivedPush): Promise<'new' | 'repeat' | 'full'> {
    return this.kept.inTurn(push.key, async () => {
      if (this.kept.get(push.key) !== undefined) return 'repeat'
      if (!this.makeRoom()) return 'full'
      const { messageId, source, to, wishes } = push
      const record = { push, source, to, owed: [], until: this.parts.clock.date() + remembered }
      const asked = messageId === undefined ? {} : { messageId, ...(wishes === undefined ? {} : { wishes }) }
      await this.kept.put(push.key, this.owing({ ...record, ...asked }, 'delivered'))
      return 'new'
    })
  }
  /** Pushes that an earlier process took, and has not handed over. */
  unsettled(): readonly ReceivedPush[] {
    return [...this.kept.values()].flatMap(({ isKept, push }) => (push === undefined || isKept === true ? [] : [push]))
  }
  /** Pushes that nothing could open, the oldest first. */
  unopened(): readonly ReceivedPush[] {
    return [...this.kept.values()].flatMap(({ isKept, push }) => (push !== undefined && isKept === true ? [push] : []))
  }
  /** About to be handed over: a restart does not hand it over again. Resolves when durable. */
  handing(key: string): Promise<void> {
    return this.change(key, ({ push: _, ...record }) => record)
  }
  /** Resolves when the outcome and the receipt of it are durable. */
  settle(push: ReceivedPush, outcome: PushOutcome): Promise<void> {
    return this.change(push.key, ({ push: _, ...record }) =>
      this.owing(outcome === 'unopened' ? { ...record, push, isKept: true } : record, outcome),
    )
  }
  /** Receipts to be sent, with what they are about. */
  *owed(): Iterable<readonly [key: string, record: InboxRecord, receipt: OwedReceipt]> {
    for (const [key, record] of this.kept.entries()) for (const receipt of record.owed) yield [key, record, receipt]
  }
  /** It has been taken, or is refused for good. */
  paid(key: string, { ownId }: OwedReceipt): Promise<void> {
    return this.change(key, (record) => ({ ...record, owed: record.owed.filter((each) => each.ownId !== ownId) }))
  }

  private async change(key: string, update: (record: InboxRecord) => InboxRecord): Promise<void> {
    await this.kept.inTurn(key, async () => {
      const record = this.kept.get(key)
      if (record !== undefined) await this.kept.enforce(key, update(record))
    })
  }
  private owing(record: InboxRecord, disposition: Disposition): InboxRecord {
    const { clock, newId, tells } = this.parts
    const isAsked = record.wishes?.includes(dispositions[disposition].wish) === true
    if (!isAsked || record.source === '' || !tells(disposition)) return record
    return { ...record, owed: [...record.owed, { disposition, ownId: newId(16), at: clock.date() }] }
  }
  /** The oldest repeat goes; what is not handed over yet stays. */
  private makeRoom(): boolean {
    if (this.kept.size < most) return true
    for (const [key, { isKept, owed, push }] of this.kept.entries()) {
      if ((push !== undefined && isKept !== true) || owed.length > 0) continue
      void this.kept.expel(key)
      return true
    }
    return false
  }
}
