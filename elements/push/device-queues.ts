/** Device queues of a Push server (SPEC §5.6): what waits for whom, and all ends that a waiting message may have. */
import type { Host } from '../../signalling/index.ts'
import type { BoundDevices } from './bound-devices.ts'
import { type Decisions, storedSubject } from './decisions.ts'
import { deviceAnswer, relayAnswer } from './device-answer.ts'
import type { DeviceBinding } from './device-binding.ts'
import { DeviceQueue, type QueueWaking } from './device-queue.ts'
import { MessageStore, type StoredCopy } from './message-store.ts'
import type { MessageOutcomes } from './outcomes.ts'
import type { PushMessage } from './push-message.ts'
import { QueuedCopy } from './queued-copy.ts'
import type { Receipts } from './receipts.ts'
import { nextServer, relayRules, type StoringRules } from './rules.ts'

/** Device of a subscriber of whom none is known: the first that registers, for that identifier or for all. */
const anyDevice = '*'

interface DeviceQueuesParts {
  readonly rules: StoringRules
  readonly devices: BoundDevices
  readonly receipts: Receipts
  readonly outcomes: MessageOutcomes
  /** The server behind which the destination of that URI is, as a device. */
  readonly relay: (uri: string) => DeviceBinding
  readonly waking: QueueWaking
  readonly decisions: Decisions
  /** Whether the short message centre has a message. */
  readonly isHeld: (id: string) => boolean
}

/** Ends that a waiting message may have without its device, by their counters. */
const ends = {
  copies_expired: 'expired',
  copies_replaced: 'replaced',
  copies_withdrawn: 'withdrawn',
  copies_delivered: 'delivered', // by the short message centre
  copies_refused: 'blocked',
} as const

/** A copy whose end is being written. */
interface EndingCopy {
  readonly copy: QueuedCopy
  readonly queue: DeviceQueue
}

const firstPause = 1000 // milliseconds after a write that failed, doubled for each
const longestPause = 60_000

export class DeviceQueues {
  readonly store: MessageStore
  private readonly host: Host
  private readonly rules: StoringRules
  private readonly devices: BoundDevices
  private readonly receipts: Receipts
  private readonly relay: (uri: string) => DeviceBinding
  private readonly waking: QueueWaking
  private readonly isHeld: (id: string) => boolean
  private readonly decisions: Decisions
  private readonly queues = new Map<string, Map<string, DeviceQueue>>()
  private isStopped = false

  constructor(host: Host, { decisions, devices, isHeld, outcomes, receipts, relay, rules, waking }: DeviceQueuesParts) {
    this.host = host
    this.waking = waking
    this.isHeld = isHeld
    this.decisions = decisions
    this.relay = relay
    this.receipts = receipts
    this.rules = rules
    this.devices = devices
    host.gauge('queues', () => [...this.queues.values()].reduce((sum, { size }) => sum + size, 0))
    const { repeat } = rules
    const ended = (messages: readonly PushMessage[]): void => void this.endSurely(messages, 'copies_expired')
    this.store = new MessageStore({ host, outcomes, receipts, repeat, ended })
  }
  /** @param listener told of subscribers for whom other messages wait than before */
  onChange(listener: (subscriber: string) => void): void {
    this.store.onChange = listener
  }
  /** Reads what an earlier process has left; what is due goes at once. */
  async load(): Promise<void> {
    await this.store.load()
    const lost: StoredCopy[] = []
    for (const copy of this.store.all()) {
      const message = this.store.message(copy.message)
      if (message === undefined) lost.push(copy)
      else this.of(copy.subscriber, copy.device).restore(message, copy)
    }
    if (lost.length > 0) await this.store.remove(lost, 'expired')
  }
  start(): void {
    for (const queues of this.queues.values()) for (const queue of queues.values()) queue.go()
  }
  stop(): Promise<void> {
    this.isStopped = true
    for (const queues of this.queues.values()) for (const queue of queues.values()) queue.stop()
    return this.store.stop()
  }

  /**
   * Queues that a message goes to: of the device that its identifier belongs to, or of all that have not registered another
   * identifier alone.
   */
  for(
    { identifier, subscriber }: Pick<PushMessage, 'identifier' | 'subscriber'>,
    only: string | undefined,
  ): readonly DeviceQueue[] {
    const known = this.devices.of(subscriber).filter((device) => (device.identifier ?? identifier) === identifier)
    const meant = only === undefined ? known : known.filter(({ contact, device }) => device === only || contact === only)
    // a device that only its Contact names is not waited for while it is away: it may come back under another
    const awaited = meant.filter((one) => this.devices.isBound(one) || one.device !== one.contact)
    const any = anyDevice + identifier
    if (awaited.length > 0) return awaited.map(({ device }) => this.of(subscriber, this.orderedBehind(subscriber, device, any)))
    return [this.of(subscriber, only ?? any)]
  }
  /** The device itself, or any device while it gets what has waited for any: order holds. */
  private orderedBehind(subscriber: string, device: string, any: string): string {
    const waiting = this.queues.get(subscriber)?.get(any)?.size ?? 0
    return waiting > 0 && this.anyOf(subscriber, any)?.device === device ? any : device
  }
  private of(subscriber: string, device: string): DeviceQueue {
    const known = this.queues.get(subscriber)?.get(device)
    if (known !== undefined) return known
    const { decisions, host, receipts, rules, store } = this
    const relayed = device === nextServer
    const bound = () => (device.startsWith(anyDevice) ? this.anyOf(subscriber, device) : this.devices.bound(subscriber, device))
    const queue: DeviceQueue = new DeviceQueue(subscriber, device, {
      ...{ decisions, host, receipts, store },
      emptied: () => this.discard(queue),
      silent: () => void this.handOver(queue),
      rules: relayed ? relayRules(rules) : rules,
      meaning: relayed ? relayAnswer : deviceAnswer,
      binding: relayed ? () => this.relay(subscriber) : bound,
      ...(relayed
        ? {}
        : { isHeld: this.isHeld, waking: this.waking, lapsed: () => this.devices.named(`${subscriber} ${device}`) }),
    })
    let queues = this.queues.get(subscriber)
    if (queues === undefined) this.queues.set(subscriber, (queues = new Map()))
    queues.set(device, queue)
    return queue
  }
  /** A queue is there while something is in it. A late answer to an old one leaves its successor alone. */
  private discard(queue: DeviceQueue): void {
    const queues = this.queues.get(queue.subscriber)
    if (queues?.get(queue.device) !== queue) return
    queues.delete(queue.device)
    if (queues.size === 0) this.queues.delete(queue.subscriber)
  }
  private anyOf(subscriber: string, any: string): DeviceBinding | undefined {
    const isMeant = ({ identifier }: DeviceBinding): boolean => identifier === undefined || any === anyDevice + identifier
    return this.devices.of(subscriber).find((device) => this.devices.isBound(device) && isMeant(device))
  }

  /** A device of a subscriber has registered. */
  bound(subscriber: string, device: string): void {
    const queues = [...(this.queues.get(subscriber) ?? [])]
    for (const [name, queue] of queues) if (name === device || name.startsWith(anyDevice)) queue.bound()
    for (const [name, queue] of queues) if (name !== device) void this.handOver(queue)
  }
  /**
   * A device that only its Contact names may have come back under another. Its copies of what no device has go to its heir; the
   * others stay while it is bound.
   */
  private async handOver(from: DeviceQueue): Promise<void> {
    const { host, store } = this
    const own = this.devices.named(`${from.subscriber} ${from.device}`)
    const heir = own && this.heirOf(own)
    if (own === undefined || heir === undefined) return
    const isAway = !this.devices.isBound(own)
    const to = this.of(from.subscriber, heir.device)
    for (const copy of from.strays(isAway)) {
      const message = store.message(copy.message.id)
      const isHad = message?.taken === true || to.copyOf(copy.message.id) !== undefined
      if (message === undefined || (isHad && !isAway)) continue
      copy.isEnding = true
      const record = to.recordOf(new QueuedCopy(message, to.reserve(), true))
      try {
        if (isHad) await store.forgo(from.recordOf(copy))
        else await store.move(from.recordOf(copy), record)
      } catch (fault) {
        copy.isEnding = false
        host.log.error(
          { fault: String(fault) },
          'a message waits on for a Contact that is gone: that another gets it cannot be written',
        )
        break
      }
      if (isHad) host.count('copies_replaced')
      else to.restore(message, record)
      from.drop(copy)
      if (message.expires <= host.clock.date()) await this.endSurely([message], 'copies_expired')
    }
    to.go()
    this.discardEmpty(to)
  }
  /** The device that gets what waits for one that only its Contact names: the newest such, or once that is away any. */
  private heirOf(own: DeviceBinding): DeviceBinding | undefined {
    if (own.device !== own.contact) return undefined
    const isAway = !this.devices.isBound(own)
    const others = this.devices.of(own.subscriber).filter((one) => {
      const isNewer = one.device === one.contact && one.expires > own.expires
      return one.device !== own.device && one.identifier === own.identifier && this.devices.isBound(one) && (isAway || isNewer)
    })
    return others.toSorted((a, b) => b.expires - a.expires)[0]
  }
  private discardEmpty(queue: DeviceQueue): void {
    if (queue.size === 0) this.discard(queue)
  }
  /** Nobody can wake a device of a subscriber any more. */
  unwakeable({ device, subscriber }: Pick<DeviceBinding, 'device' | 'subscriber'>): void {
    for (const queue of this.queuesTo(subscriber, device)) queue.unwakeable()
  }
  /** Whether something waits that wakes a device. */
  isUrgentFor({ device, subscriber }: Pick<DeviceBinding, 'device' | 'subscriber'>): boolean {
    return this.queuesTo(subscriber, device).some(({ isUrgent }) => isUrgent)
  }
  /** Queues whose messages go to a device now. */
  private queuesTo(subscriber: string, device: string): readonly DeviceQueue[] {
    const queues = [...(this.queues.get(subscriber) ?? [])].filter(
      ([name]) => name === device || (name.startsWith(anyDevice) && this.anyOf(subscriber, name)?.device === device),
    )
    return queues.map(([, queue]) => queue)
  }
  /** The short message centre has a message of a subscriber no more. */
  release(subscriber: string): void {
    for (const queue of this.queues.get(subscriber)?.values() ?? []) queue.go()
  }
  /** Copies for a subscriber: no less than messages, and quickly counted. */
  copiesFor(subscriber: string): number {
    let count = 0
    for (const { size } of this.queues.get(subscriber)?.values() ?? []) count += size
    return count
  }
  /** Messages that wait for a subscriber, in the order in which they were accepted. */
  waitingFor(subscriber: string): readonly PushMessage[] {
    const all = [...(this.queues.get(subscriber)?.values() ?? [])].flatMap(({ messages }) => messages)
    return [...new Set(all)].sort((a, b) => a.accepted - b.accepted)
  }
  /** Ends all copies of these messages, once that is durable; each counts. Rejects where the store fails: they wait on. */
  async end(messages: readonly PushMessage[], counter: keyof typeof ends): Promise<void> {
    const ending = await this.endingOf(messages)
    try {
      await this.endDurably(ending, counter)
    } catch (fault) {
      for (const { copy } of ending) copy.isEnding = false
      for (const { queue } of ending) queue.go()
      throw fault
    }
  }
  /** As `end`, but tried again where the store fails; no device gets them meanwhile. Resolves after the first try. */
  async endSurely(messages: readonly PushMessage[], counter: keyof typeof ends): Promise<void> {
    await this.tryEnd(await this.endingOf(messages), counter)
  }
  /** A device is not kept any more: what waits for it alone is over. */
  async forget(subscriber: string, device: string): Promise<void> {
    const queue = this.queues.get(subscriber)?.get(device)
    if (queue !== undefined) await this.tryEnd(await this.endingOf(queue.messages, device), 'copies_expired')
  }
  /** Written copies of these messages, in one queue or in all: nobody gets them from now on. */
  private async endingOf(messages: readonly PushMessage[], device?: string): Promise<readonly EndingCopy[]> {
    const ending: EndingCopy[] = []
    for (const { id, subscriber } of messages) {
      for (const [name, queue] of this.queues.get(subscriber) ?? []) {
        const copy = device === undefined || name === device ? queue.copyOf(id) : undefined
        if (copy?.stored === false) await copy.writing // where that is not under way, its sender has no answer yet
        if (copy === undefined || copy !== queue.copyOf(id) || !copy.stored || copy.isEnding) continue
        copy.isEnding = true
        ending.push({ copy, queue })
      }
    }
    return ending
  }
  private async tryEnd(ending: readonly EndingCopy[], counter: keyof typeof ends, pause = firstPause): Promise<void> {
    try {
      await this.endDurably(ending, counter)
    } catch (fault) {
      if (this.isStopped) return
      this.host.log.error({ fault: String(fault) }, 'messages that are over stay in the store, and their end is tried again')
      this.host.clock.after(pause, () => void this.tryEnd(ending, counter, Math.min(pause * 2, longestPause)))
    }
  }
  private async endDurably(ending: readonly EndingCopy[], counter: keyof typeof ends): Promise<void> {
    const messages = new Set(ending.map(({ copy }) => copy.message))
    await this.store.remove(
      ending.map(({ copy, queue }) => queue.recordOf(copy)),
      ends[counter],
    )
    this.host.count(counter, ending.length)
    for (const { copy, queue } of ending) queue.drop(copy)
    for (const message of messages)
      this.decisions.note({ ...storedSubject(message), rule: ends[counter], text: 'it waits no more' })
    for (const { queue } of ending) queue.go() // what stood behind them need not wait
  }
  /** Puts copies that were set aside back into their queues, of one subscriber or of all. Resolves with their number. */
  async retry(subscriber: string | undefined): Promise<number> {
    const chosen =
      subscriber === undefined ? [...this.queues.values()] : [this.queues.get(subscriber) ?? new Map<string, DeviceQueue>()]
    let count = 0
    for (const queues of chosen) for (const queue of queues.values()) count += await queue.retry()
    return count
  }
}
