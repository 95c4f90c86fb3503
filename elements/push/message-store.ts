/** Message store of a Push server (SPEC §5.6): messages, their copies for devices, and the keys of what was answered 2xx. */
import type { Host, Json, StoreWrite } from '../../signalling/index.ts'
import { keyPart } from '../shared/identifiers/keys.ts'
import { Kept } from '../shared/state/kept.ts'
import { type KeptChange, putTogether } from '../shared/state/kept-change.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'
import type { Disposition } from '../shared/values/imdn.ts'
import { AnsweredKeys } from './answered-keys.ts'
import type { MessageOutcomes, MessageState } from './outcomes.ts'
import type { PushMessage } from './push-message.ts'
import type { Receipts } from './receipts.ts'

/** One message for one device. */
export interface StoredCopy {
  readonly [member: string]: Json | undefined
  readonly message: string
  readonly subscriber: string
  readonly device: string
  /** Its place in the queue of that device. */
  readonly number: number
  readonly state: 'waiting' | 'sending' | 'set-aside'
  readonly tries: number
  /** Branch of the try that is or was under way; sent again with it after a crash. */
  readonly branch?: string
  /** Milliseconds since the epoch; absent: once the device is bound. */
  readonly next?: number
}

/** Ends of copies, each as it is told to who follows the message, and to its sender (SPEC §5.5). */
const outcomes = {
  delivered: { state: 'delivered', receipt: 'delivered' }, // by the short message centre
  refused: { state: 'failed', receipt: 'failed' },
  blocked: { state: 'failed', receipt: 'forbidden' },
  expired: { state: 'expired', receipt: 'failed' },
  replaced: { state: 'replaced', receipt: undefined },
  withdrawn: { state: 'withdrawn', receipt: undefined },
} as const satisfies { readonly [end: string]: { readonly state: MessageState; readonly receipt: Disposition | undefined } }
type CopyOutcome = keyof typeof outcomes

interface MessageStoreParts {
  readonly host: Host
  readonly outcomes: MessageOutcomes
  readonly receipts: Receipts
  /** Milliseconds for which keys are known beyond the end of their message. */
  readonly repeat: number
  /** Told of messages whose time is over. */
  readonly ended: (messages: readonly PushMessage[]) => void
}

export class MessageStore {
  private readonly host: Host
  private readonly outcomes: MessageOutcomes
  private readonly receipts: Receipts
  private readonly messages: Kept<PushMessage>
  private readonly copies: Kept<StoredCopy>
  private readonly keys: AnsweredKeys
  private readonly copiesOf: RecordSets<StoredCopy>
  /** Parts of copies whose removal is being written. */
  private readonly leaving = new Set<string>()
  /** Told of subscribers for whom other messages wait than before. */
  onChange: (subscriber: string) => void = () => undefined

  constructor({ ended, host, outcomes, receipts, repeat }: MessageStoreParts) {
    this.host = host
    this.receipts = receipts
    this.outcomes = outcomes
    this.messages = new Kept<PushMessage>(host, {
      prefix: `push/${host.name}/message/`,
      noun: 'a message',
      due: ({ expires }) => expires,
      ended: (records) => ended(records.map(([, message]) => message)),
    })
    this.copies = new Kept<StoredCopy>(host, {
      prefix: `push/${host.name}/copy/`,
      noun: 'a copy of a message',
      partOf: (part) => part,
      fromStored: (stored, part) => [part, stored as StoredCopy],
    })
    this.keys = new AnsweredKeys(host, repeat)
    this.copiesOf = this.copies.setIndex(({ message }) => [message])
    host.gauge('copies_waiting', () => this.copies.size)
  }
  async load(): Promise<void> {
    await this.messages.load()
    await this.copies.load()
    await this.keys.load(new Set([...this.messages.values()].map(({ key }) => key)))
    const bare = [...this.messages.values()].filter(({ id }) => this.copiesOf.of(id).size === 0)
    if (bare.length === 0) return
    this.host.log.warn({ messages: bare.length }, 'messages in the store have no copy: they leave it')
    await putTogether(
      this.host.store,
      bare.map(({ id }) => this.messages.removing(id)),
    )
  }
  async stop(): Promise<void> {
    await Promise.all([this.messages.stop(), this.copies.stop(), this.keys.stop()])
  }

  /** Copies, and names of messages, that the store has now. */
  async stored(): Promise<{ readonly copies: readonly StoredCopy[]; readonly messages: ReadonlySet<string> }> {
    const { name, store } = this.host
    const copies: StoredCopy[] = []
    const messages = new Set<string>()
    for await (const [, { value }] of store.scan(`push/${name}/copy/`)) copies.push(value as StoredCopy)
    for await (const [, { value }] of store.scan(`push/${name}/message/`)) messages.add((value as PushMessage).id)
    return { copies, messages }
  }
  /** Copies that wait. */
  get size(): number {
    return this.copies.size
  }
  message(id: string): PushMessage | undefined {
    return this.messages.get(id)
  }
  /** Stored copies of all messages. */
  all(): Iterable<StoredCopy> {
    return this.copies.values()
  }
  /** The status that was answered to an earlier one of the same key. */
  answered(key: string): number | undefined {
    return this.keys.status(key)
  }

  /**
   * W1: message, copies, key and receipt, all or nothing; resolves when durable.
   * @param more what is written with them
   * @param charge the chargeable event, if it is charged
   */
  async store(
    message: PushMessage,
    copies: readonly StoredCopy[],
    more: readonly KeptChange[],
    charge: readonly StoreWrite[],
  ): Promise<void> {
    const known = [...this.outcomes.changesFor(message, 'stored'), ...this.receipts.changesFor(message, 'stored')]
    const changes: KeptChange[] = [this.messages.putting(message.id, message), ...more, ...known]
    for (const copy of copies) changes.push(this.copies.putting(partOf(copy), copy))
    changes.push(this.keys.putting(message.key, message.expires))
    await putTogether(this.host.store, changes, charge)
    this.receipts.go(message, 'stored')
    this.onChange(message.subscriber)
  }
  /** A message that waits for nobody is answered so: its repeats are known, and it is charged once. */
  async settle({ key }: Pick<PushMessage, 'key'>, status: number, charge: readonly StoreWrite[]): Promise<void> {
    await putTogether(this.host.store, this.keys.settling(key, status), charge)
  }
  /** W2, its way back to waiting, or aside: the sender hears of that where nothing else of the message waits. */
  async update(copy: StoredCopy): Promise<void> {
    const message = this.messages.get(copy.message)
    const isOver = copy.state === 'set-aside' && this.isOver(copy.message, partOf(copy))
    const receipt = isOver && message !== undefined ? this.receipts.changesFor(message, 'failed') : []
    await putTogether(this.host.store, [this.copies.putting(partOf(copy), copy), ...receipt])
    if (receipt.length > 0) this.receipts.go(message!, 'failed')
  }
  /** Whether all copies of a message leave or are set aside, but for one. */
  private isOver(message: string, except?: string): boolean {
    const isOut = (copy: StoredCopy): boolean => copy.state === 'set-aside' || this.leaving.has(partOf(copy))
    return [...this.copiesOf.of(message)].every((copy) => isOut(copy) || partOf(copy) === except)
  }
  /**
   * W3: a device has its copy. The message leaves with its last one.
   * @param isTold the server says so: the device got the content alone
   */
  async take(copy: StoredCopy, isTold: boolean): Promise<void> {
    await this.leave([copy], 'delivered', (message, isLast) => {
      const taken = isLast || message.taken === true ? [] : [this.messages.putting(message.id, { ...message, taken: true })]
      const receipt = isTold ? this.receipts.changesFor(message, 'delivered') : []
      return [...this.outcomes.changesFor(message, 'delivered'), ...taken, ...receipt]
    })
  }
  /** A copy for another device in place of one. */
  async move(from: StoredCopy, to: StoredCopy): Promise<void> {
    await putTogether(this.host.store, [this.copies.removing(partOf(from)), this.copies.putting(partOf(to), to)])
  }
  /** A copy of a message that another device has, or is to get: nobody is told. */
  forgo(copy: StoredCopy): Promise<void> {
    return this.leave([copy], undefined, () => [])
  }
  /** W4: the copies leave, and each message with its last one. Its sender hears of the last that would have come. */
  async remove(copies: readonly StoredCopy[], end: CopyOutcome): Promise<void> {
    const { receipt, state } = outcomes[end]
    await this.leave(copies, receipt, (message, isLast) => [
      ...(isLast || end === 'delivered' ? this.outcomes.changesFor(message, state) : []),
      ...(receipt !== undefined && (end === 'delivered' || this.isOver(message.id))
        ? this.receipts.changesFor(message, receipt)
        : []),
    ])
  }
  /** Copies that leave by another write already count no more: of several at once, one takes the message away. */
  private async leave(
    copies: readonly StoredCopy[],
    receipt: Disposition | undefined,
    changesFor: (message: PushMessage, isLast: boolean) => readonly KeptChange[],
  ): Promise<void> {
    const parts = copies.map((copy) => partOf(copy))
    for (const part of parts) this.leaving.add(part)
    const changes = parts.map((part): KeptChange => this.copies.removing(part))
    const messages: PushMessage[] = []
    for (const id of new Set(copies.map(({ message }) => message))) {
      const message = this.messages.get(id)
      if (message !== undefined) messages.push(message)
      const isLast = [...this.copiesOf.of(id)].every((copy) => this.leaving.has(partOf(copy)))
      if (message !== undefined) changes.push(...changesFor(message, isLast))
      if (isLast) changes.push(this.messages.removing(id), ...(message === undefined ? [] : this.keys.ending(message.key)))
    }
    try {
      await putTogether(this.host.store, changes)
    } finally {
      for (const part of parts) this.leaving.delete(part)
    }
    if (receipt !== undefined) for (const message of messages) this.receipts.go(message, receipt)
    for (const subscriber of new Set(copies.map((copy) => copy.subscriber))) this.onChange(subscriber)
  }
}

function partOf({ subscriber, device, number }: StoredCopy): string {
  return `${keyPart(subscriber)}/${keyPart(device)}/${String(number).padStart(12, '0')}`
}
