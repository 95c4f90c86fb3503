/** Acceptance of a Push by its destination's server (SPEC §5.6): 200 where a device took it, 202 where it is stored, durably. */
import type { Host } from '../../signalling/index.ts'
import type { CircuitFallback } from './circuit-fallback.ts'
import type { AcceptanceRule } from './decisions.ts'
import type { DeviceQueue } from './device-queue.ts'
import type { DeviceQueues } from './device-queues.ts'
import { type PushPolicing, ruledPolicy } from './policing.ts'
import type { PushMessage, PushSender } from './push-message.ts'
import type { CopyEnd, QueuedCopy } from './queued-copy.ts'
import type { StoringRules } from './rules.ts'

interface AcceptanceAnswer {
  readonly status: number
  /** Its rule, and the reason for people. */
  readonly rule: AcceptanceRule
  readonly why: string
  readonly warning?: string
  /** Seconds. */
  readonly retryAfter?: number
}

interface AcceptanceParts {
  readonly host: Host
  readonly rules: StoringRules
  readonly queues: DeviceQueues
  readonly fallback: CircuitFallback | undefined
  readonly policing: PushPolicing
}

interface Offer {
  readonly queue: DeviceQueue
  readonly copy: QueuedCopy
  end: CopyEnd | undefined
}

/** Part of the server's store that each class may fill: what matters less is shed first. */
const share: { readonly [name in PushMessage['class']]: number } = { authenticate: 0.9, 'min-delay': 0.95, priority: 1 }
const remembered = 100_000 // messages answered 200 without a write, of the last `repeat`

export class Acceptance {
  private readonly host: Host
  private readonly rules: StoringRules
  private readonly queues: DeviceQueues
  private readonly fallback: CircuitFallback | undefined
  private readonly policing: PushPolicing
  private readonly underWay = new Map<string, Promise<AcceptanceAnswer>>()
  /** Keys of messages of other servers that are being charged. */
  private readonly settling = new Set<string>()
  /** Keys of messages that were taken at once, with their end in milliseconds since the epoch, oldest first. */
  private readonly taken = new Map<string, number>()

  constructor({ fallback, host, policing, queues, rules }: AcceptanceParts) {
    this.fallback = fallback
    this.host = host
    this.policing = policing
    this.rules = rules
    this.queues = queues
  }

  /**
   * A repeat gets the answer of the first one.
   * @param only the device that the identifier belongs to; undefined: all
   * @param mayStore false: now or never (Expires: 0)
   */
  accept(message: PushMessage, only: string | undefined, mayStore: boolean): Promise<AcceptanceAnswer> {
    const known = this.answered(message.key)
    if (known !== undefined) return Promise.resolve({ status: known, rule: 'repeat', why: 'it has been accepted before' })
    let answer = this.underWay.get(message.key)
    if (answer === undefined) {
      answer = this.answer(message, only, mayStore).finally(() => this.underWay.delete(message.key))
      this.underWay.set(message.key, answer)
    }
    return answer
  }
  /** A message that another server has answered is charged before its 2xx leaves, once. */
  async settleElsewhere(key: string, sender: PushSender, status: number): Promise<void> {
    if (status >= 300 || this.settling.has(key) || this.answered(key) !== undefined) return
    const charge = this.policing.chargeFor(sender)
    if (charge.length === 0) return
    this.settling.add(key)
    try {
      await this.queues.store.settle({ key }, status, charge)
    } finally {
      this.settling.delete(key)
    }
  }
  /** The 2xx that a message got before. */
  answered(key: string): number | undefined {
    const until = this.taken.get(key)
    if (until !== undefined && until > this.host.clock.date()) return 200
    return this.queues.store.answered(key)
  }

  /** By the policy about its source, then by the devices. */
  private async answer(message: PushMessage, only: string | undefined, mayStore: boolean): Promise<AcceptanceAnswer> {
    const refusal = await this.policing.takeUnit(message)
    if (refusal === undefined) return this.offer(message, only, mayStore)
    const found = ruledPolicy(refusal)
    return { ...found, why: found.warning }
  }
  private async offer(message: PushMessage, only: string | undefined, mayStore: boolean): Promise<AcceptanceAnswer> {
    const full = mayStore ? this.full(message) : undefined
    const offers = await this.settled(message, this.queues.for(message, only))
    const open = offers.filter(({ end }) => end === undefined || end.answer === 'away')
    const taken = offers.filter(({ end }) => end?.answer === 'taken').length
    const isTaken = taken > 0
    const isStored = open.length > 0 && mayStore && full === undefined
    if (isStored) await this.write(isTaken ? { ...message, taken: true } : message, open)
    else for (const { copy, queue } of open) queue.drop(copy)
    if (open.length > 0 && !isStored && !isTaken) return full ?? nobodyThere
    if (!isTaken && !isStored) return { status: refusalOf(offers), rule: 'device', why: 'its devices refuse it' }
    await this.replace(message)
    this.host.count('copies_accepted', offers.length - open.length)
    this.host.count('copies_delivered', taken)
    this.host.count('copies_refused', offers.length - open.length - taken)
    if (!isTaken) return { status: 202, rule: 'stored', why: waitingWords(offers) }
    const [first] = offers
    const isElsewhere = message.relayed === true && first?.end?.answer === 'taken' && first.end.status === 202
    const status = isElsewhere ? 202 : 200
    const charge = isStored ? [] : this.policing.chargeFor(message)
    if (charge.length > 0) await this.queues.store.settle(message, status, charge)
    this.remember(message.key)
    if (isElsewhere) return { status, rule: 'stored', why: 'the next server has stored it' }
    return { status, rule: 'taken', why: `${taken} of ${offers.length} devices have it` }
  }
  /** Every device's end, or none where the time of `accept` is over before. */
  private settled(message: PushMessage, queues: readonly DeviceQueue[]): Promise<readonly Offer[]> {
    return new Promise((resolve) => {
      let open = queues.length
      const offers: Offer[] = []
      const timer = this.host.clock.after(this.rules.accept, () => resolve(offers))
      const ended = (index: number, end: CopyEnd): void => {
        ends[index] = end
        if (offers[index] !== undefined) offers[index].end = end
        if (--open > 0) return
        timer.cancel()
        resolve(offers)
      }
      const ends: CopyEnd[] = []
      for (const [index, queue] of queues.entries()) {
        const copy = queue.offer(message, (end) => ended(index, end))
        offers.push({ queue, copy, end: ends[index] })
      }
    })
  }
  /** W1. Where the store fails nothing waits, and the sender hears of it. */
  private async write(message: PushMessage, open: readonly Offer[]): Promise<void> {
    const records = open.map(({ copy, queue }) => queue.recordOf(copy))
    const more = this.fallback?.changesFor(message) ?? []
    const writing = this.queues.store.store(message, records, more, this.policing.chargeFor(message))
    for (const { copy } of open) {
      copy.onEnd = undefined
      copy.writing = writing.then(
        () => {
          copy.stored = true
        },
        () => undefined,
      )
    }
    try {
      await writing
    } catch (fault) {
      for (const { copy, queue } of open) queue.drop(copy)
      throw fault
    }
    this.host.count('copies_accepted', open.length)
    for (const { queue } of open) queue.go()
  }
  /** Ends older messages of the same source, application and topic. */
  private async replace({ application, id, identifier, source, subscriber, topic }: PushMessage): Promise<void> {
    if (topic === undefined) return
    const old = this.queues.waitingFor(subscriber).filter((other) => {
      const isOfTopic = other.topic === topic && other.source === source && other.application === application
      const isWritten = this.queues.store.message(other.id) !== undefined // else its sender has no answer yet
      return isOfTopic && isWritten && other.identifier === identifier && other.id !== id
    })
    if (old.length > 0) await this.queues.endSurely(old, 'copies_replaced')
  }
  private remember(key: string): void {
    this.taken.set(key, this.host.clock.date() + this.rules.repeat)
    if (this.taken.size > remembered) this.taken.delete(this.taken.keys().next().value!)
  }

  /** Why no more may wait; undefined: it may. */
  private full({ class: name, source, subscriber }: PushMessage): AcceptanceAnswer | undefined {
    const { forUser, inAll, ofSource } = this.rules
    const waiting = this.queues.copiesFor(subscriber) < Math.min(forUser, ofSource) ? [] : this.queues.waitingFor(subscriber)
    if (waiting.length >= forUser) return refused(480, 'store-full', `store-full: ${waiting.length} messages wait for this user`)
    const own = waiting.filter((message) => message.source === source).length
    if (own >= ofSource)
      return refused(503, 'store-share', `${own} of your messages wait for this user; expected ${ofSource} at most`)
    if (this.queues.store.size < inAll * share[name]) return undefined
    return refused(503, 'server-full', 'the server keeps as many messages as it may')
  }
}

const nobodyThere: AcceptanceAnswer = refused(480, 'offline', 'offline: nobody is there now')

function refused(status: 480 | 503, rule: AcceptanceRule, warning: string): AcceptanceAnswer {
  return { status, rule, warning, why: warning, ...(status === 503 ? { retryAfter: 60 } : {}) }
}

function waitingWords(offers: readonly Offer[]): string {
  const isNobodyThere = offers.every(({ end }) => end?.answer === 'away')
  return isNobodyThere ? 'no device is registered: it waits' : `none of ${offers.length} devices has taken it: it waits`
}

/** The answer that says most: of several refusals the lowest. */
function refusalOf(offers: readonly Offer[]): number {
  const statuses = offers.flatMap(({ end }) => (end?.answer === 'refused' ? [end.status] : []))
  return Math.min(...statuses)
}
