/** Message store of a Push server (PUSH §3.1): messages, their copies for devices, and the keys of what was answered 2xx. */
import type { Host, Json } from '../../signalling/index.ts'
import { keyPart } from '../shared/identifiers/keys.ts'
import { Kept } from '../shared/state/kept.ts'
import { type KeptChange, putTogether } from '../shared/state/kept-change.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'
import type { MessageOutcomes, MessageState } from './outcomes.ts'
import type { PushMessage } from './push-message.ts'

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

/** The answer to a message, for its repeats. */
interface AnsweredKey {
  readonly [member: string]: Json | undefined
  readonly status: number
  /** Milliseconds since the epoch. */
  readonly until: number
}

export class MessageStore {
  private readonly host: Host
  private readonly outcomes: MessageOutcomes
  private readonly messages: Kept<PushMessage>
  private readonly copies: Kept<StoredCopy>
  private readonly keys: Kept<AnsweredKey>
  private readonly copiesOf: RecordSets<StoredCopy>
  /** Told of subscribers for whom other messages wait than before. */
  onChange: (subscriber: string) => void = () => undefined

  /** @param ended is told of messages whose time is over */
  constructor(host: Host, outcomes: MessageOutcomes, ended: (messages: readonly PushMessage[]) => void) {
    this.host = host
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
    this.keys = new Kept<AnsweredKey>(host, {
      prefix: `push/${host.name}/key/`,
      noun: 'the key of a message',
      expires: ({ until }) => until,
      ended: 'lapse',
    })
    this.copiesOf = this.copies.setIndex(({ message }) => [message])
    host.gauge('copies_waiting', () => this.copies.size)
  }
  async load(): Promise<void> {
    await this.messages.load()
    await this.copies.load()
    await this.keys.load()
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
    return this.keys.get(key)?.status
  }

  /**
   * W1: message, copies and key, all or nothing; resolves when durable.
   * @param more what is written with them
   */
  async store(
    message: PushMessage,
    copies: readonly StoredCopy[],
    until: number,
    more: readonly KeptChange[] = [],
  ): Promise<void> {
    const outcome = this.outcomes.changesFor(message, 'stored')
    const changes: KeptChange[] = [this.messages.putting(message.id, message), ...more, ...outcome]
    for (const copy of copies) changes.push(this.copies.putting(partOf(copy), copy))
    changes.push(this.keys.putting(message.key, { status: 202, until }))
    await putTogether(this.host.store, changes)
    this.onChange(message.subscriber)
  }
  /** W2, or its way back to waiting. */
  async update(copy: StoredCopy): Promise<void> {
    await this.copies.put(partOf(copy), copy)
  }
  /**
   * W3: a device has its copy. The message leaves with its last one.
   * @param more what is written with it
   */
  async take(copy: StoredCopy, more: readonly KeptChange[] = []): Promise<void> {
    const changes: KeptChange[] = [...more, this.copies.removing(partOf(copy))]
    const message = this.messages.get(copy.message)
    if (message !== undefined) changes.push(...this.outcomes.changesFor(message, 'delivered'))
    if (this.copiesOf.of(copy.message).size <= 1) changes.push(this.messages.removing(copy.message))
    else if (message !== undefined && message.taken !== true)
      changes.push(this.messages.putting(message.id, { ...message, taken: true }))
    await putTogether(this.host.store, changes)
    this.onChange(copy.subscriber)
  }
  /**
   * W4: the copies leave, and each message with its last one.
   * @param state what became of them
   * @param more what is written with them
   */
  async remove(copies: readonly StoredCopy[], state: MessageState, more: readonly KeptChange[] = []): Promise<void> {
    const changes: KeptChange[] = [...more]
    const left = new Map<string, number>()
    for (const copy of copies) {
      changes.push(this.copies.removing(partOf(copy)))
      left.set(copy.message, (left.get(copy.message) ?? this.copiesOf.of(copy.message).size) - 1)
    }
    for (const [id, count] of left) {
      const message = this.messages.get(id)
      if (message !== undefined && (count <= 0 || state === 'delivered'))
        changes.push(...this.outcomes.changesFor(message, state))
      if (count <= 0) changes.push(this.messages.removing(id))
    }
    await putTogether(this.host.store, changes)
    for (const subscriber of new Set(copies.map((copy) => copy.subscriber))) this.onChange(subscriber)
  }
}

function partOf({ subscriber, device, number }: StoredCopy): string {
  return `${keyPart(subscriber)}/${keyPart(device)}/${String(number).padStart(12, '0')}`
}
