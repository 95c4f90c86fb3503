/**
 * Check of receipts that users send (SPEC §5.5): its source must be one that the named message was sent to. The server of the
 * source knows what it has delivered to him, that of the destination what it has sent on for him.
 */
import { canonical, type Exchange, type Host, type Json, parseUri, RateLimit, seal, type Uri } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import {
  domainOfPushHost,
  type FlagWidths,
  flagsOf,
  isPushUri,
  type PushFlags,
  pushIdentifier,
  pushNamesOf,
} from '../shared/identifiers/push.ts'
import { Kept } from '../shared/state/kept.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'
import { codedBodyOf } from '../shared/values/body-coding.ts'
import { receiptIn, wishesOf } from '../shared/values/imdn.ts'
import type { DecisionRule } from './decisions.ts'
import type { ReceiptRule } from './receipts.ts'
import type { PushPeer } from './settings-type.ts'

/** A message whose sender asks for receipts. */
interface AskingMessage {
  readonly [member: string]: Json | undefined
  readonly messageId: string
  /** Canonical, as asserted. */
  readonly source: string
  /** Canonical: a subscriber of ours, or a destination elsewhere. */
  readonly recipient: string
  /** By whose rule it went; '' for none. */
  readonly application?: string
  /** Receipts that have gone through, each once. */
  readonly events: readonly string[]
  /** Milliseconds since the epoch. */
  readonly until: number
}

/** Undefined members: the request is no receipt, or nothing is against it. */
interface ReceiptVerdict {
  readonly refusal?: {
    readonly status: 400 | 403 | 503
    readonly rule: DecisionRule
    readonly warning: string
    readonly headers?: readonly (readonly [string, string])[]
  }
  /** It was passed on before: the source gets 200 once more. */
  readonly isRepeat?: true
  /** It is one, and may go on. */
  readonly isReceipt?: true
}

/** Source of a message, as asserted, and its application. */
interface AskingSource {
  readonly source: string
  readonly application: string
}

interface ReceiptCheckParts {
  readonly host: Host
  readonly subscribers: Subscribers
  readonly own: PushFlags
  readonly widths: FlagWidths
  readonly peers: readonly PushPeer[]
  readonly allows: ReceiptRule
  /** Milliseconds for which a message is known. */
  readonly keep: number
}

const rate = { rate: 20, burst: 200 } // receipts of one source
const sources = 10_000 // remembered by their rates
const most = 200_000 // messages asking for receipts, and of one source
const mostOfSource = 5000
const passes: ReceiptVerdict = {}
const goesOn: ReceiptVerdict = { isReceipt: true }

export class ReceiptCheck {
  private readonly parts: ReceiptCheckParts
  private readonly kept: Kept<AskingMessage>
  private readonly bySource: RecordSets<AskingMessage>
  private readonly byRecipient: RecordSets<AskingMessage>
  private readonly rates: RateLimit
  private readonly ofSource: RecordSets<AskingMessage>
  /** Receipts that are being sent on, and messages that ask for some: each with what its outcome changes. */
  private readonly underWay = new WeakMap<Exchange, (isAccepted: boolean) => void>()

  constructor(parts: ReceiptCheckParts) {
    this.parts = parts
    const { host } = parts
    this.rates = new RateLimit(host.clock, rate, sources)
    this.kept = new Kept<AskingMessage>(host, {
      prefix: `push/${host.name}/asking/`,
      noun: 'a message whose sender asks for receipts',
      expires: ({ until }) => until,
      ended: 'lapse',
    })
    this.bySource = this.kept.setIndex(({ messageId, source }) => [`${source} ${messageId}`])
    this.byRecipient = this.kept.setIndex(({ messageId, recipient }) => [`${recipient} ${messageId}`])
    this.ofSource = this.kept.setIndex(({ source }) => [source])
    host.gauge('messages_asking', () => this.kept.size)
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }

  /**
   * Keeps who may answer for a message that is on its way, where its sender asks for receipts. One too many is not kept, and
   * receipts about it pass. @param recipient canonical
   */
  async expect(exchange: Exchange, { application, source }: AskingSource, recipient: string): Promise<void> {
    const { request } = exchange
    const asked = source === '' ? undefined : wishesOf(codedBodyOf(request), request.callId)
    if (asked === undefined) return
    const { messageId } = asked
    const key = seal('', JSON.stringify([source, messageId, recipient]), 22)
    if (this.kept.get(key) !== undefined || this.isFull(source)) return
    this.underWay.set(exchange, (isAccepted) => {
      if (!isAccepted) void this.kept.expel(key)
    })
    const until = this.parts.host.clock.date() + this.parts.keep
    await this.kept.enforce(key, { messageId, source, recipient, application, events: [], until })
  }

  /** @param source asserted; '' where nobody vouches */
  async verdict(exchange: Exchange, source: string): Promise<ReceiptVerdict> {
    const receipt = receiptIn(codedBodyOf(exchange.request))
    if (receipt === undefined) return passes
    const { kind, messageId } = receipt
    if (messageId === undefined)
      return refused(400, 'receipt-malformed', 'the receipt names no message; expected message-id in message/imdn+xml')
    if (source === '') return refused(403, 'receipt', 'nobody vouches for the source of this receipt')
    const pause = this.rates.pauseOf(source)
    if (pause > 0) {
      const reset = String(Math.ceil(pause / 1000))
      const warning = `receipts: limit ${rate.burst}, used ${rate.burst}, reset in ${reset} s`
      return { refusal: { status: 503, rule: 'receipt-rate', warning, headers: [['Retry-After', reset]] } }
    }
    this.rates.take(source)
    return this.judged(exchange, source, messageId, kind)
  }
  private async judged(exchange: Exchange, source: string, messageId: string, kind: string): Promise<ReceiptVerdict> {
    const { subscribers } = this.parts
    const from = parseUri(source)
    const to = exchange.request.uri
    const sender = from === undefined ? undefined : await subscribers.lookup(from)
    const destination = await subscribers.lookup(to)
    const taken = sender === undefined ? [] : [...this.byRecipient.of(`${sender.id} ${messageId}`)]
    const delivered = taken.filter((one) => this.isFrom(one, to, destination))
    const sentOn = this.sentBy(destination, messageId)
    const own = sentOn.find((one) => this.isRecipient(one, source, sender, kind)) ?? delivered[0]
    const asking = destination === undefined ? [canonical(to)] : this.namesOf(destination)
    const isKnown = !asking.some((name) => this.isFull(name))
    if (own === undefined && isKnown && (sentOn.length > 0 || this.isServedHere(sender, to)))
      return refused(403, 'receipt', 'the message that this receipt names was not sent to its source')
    if (own === undefined) return passes // the server of its source knows; here it is a Push like any other
    if (!this.parts.allows(own.application ?? '', kind))
      return refused(403, 'receipt', `the rule of ${own.application} has no receipts such as ${kind}`)
    if (own.events.includes(kind)) return { isRepeat: true }
    const about = [...new Set([...sentOn, ...delivered])].filter(({ recipient }) => recipient === own.recipient)
    this.underWay.set(exchange, (isAccepted) => {
      if (isAccepted) this.tell(about, kind)
    })
    return goesOn
  }
  /** A receipt that was accepted is not sent on again, and a message that was not is answered by none. */
  settled(exchange: Exchange, status: number): void {
    this.underWay.get(exchange)?.(status < 300)
  }
  /** Whether messages of a source ask that are not known here. */
  private isFull(source: string): boolean {
    return this.kept.size >= most || this.ofSource.of(source).size >= mostOfSource
  }
  private namesOf(record: SubscriberRecord): readonly string[] {
    return [record.id, ...pushNamesOf(record.push ?? [], this.parts.host.domains)]
  }
  private sentBy(destination: SubscriberRecord | undefined, messageId: string): readonly AskingMessage[] {
    const names = destination === undefined ? [] : this.namesOf(destination)
    return names.flatMap((name) => [...this.bySource.of(`${name} ${messageId}`)])
  }
  /** Whether who gets a receipt has sent the message. Of another operator's user the server there knows all names. */
  private isFrom({ source }: AskingMessage, to: Uri, destination: SubscriberRecord | undefined): boolean {
    if (destination !== undefined) return this.namesOf(destination).includes(source)
    const { peers } = this.parts.host
    const peer = peers.nameOf(to.host)
    return source === canonical(to) || (peer !== undefined && peer === peers.nameOf(parseUri(source)?.host ?? ''))
  }
  /**
   * Whether all messages for a sender are delivered by this server, so that it knows what he may tell of. Who has no Push
   * identifier got none, and tells of ordinary messages alone, to an ordinary address.
   */
  private isServedHere(sender: SubscriberRecord | undefined, to: Uri): boolean {
    const { host, own, widths } = this.parts
    if (sender === undefined) return false
    const { push: ids = [] } = sender
    if (ids.length === 0) return isPushUri(to, host.domains) || domainOfPushHost(to.host) !== undefined
    return ids.every(({ id }) => {
      const { operator, server } = flagsOf(id, widths)
      return operator === own.operator && server === own.server
    })
  }
  /** By any of his names; where the message went to a name at another operator, any user there; and the servers in between. */
  private isRecipient({ recipient }: AskingMessage, source: string, sender: SubscriberRecord | undefined, kind: string): boolean {
    if (recipient === source || recipient === sender?.id) return true
    if (pushNamesOf(sender?.push ?? [], this.parts.host.domains).includes(recipient)) return true
    const [from, to] = [parseUri(source), parseUri(recipient)]
    if (from === undefined || to === undefined) return false
    const isServer = sender === undefined && kind !== 'display-notification' && this.isServerFor(from, to)
    const isElsewhere = this.parts.host.peers.has(to.host) && from.host === to.host
    return isServer || (pushIdentifier(to.user) === undefined && isElsewhere)
  }
  /** Whether it is an element of ours, or a Push server of the operator of a destination: one of those that are known. */
  private isServerFor(from: Uri, to: Uri): boolean {
    const { host, peers } = this.parts
    if (pushIdentifier(from.user) !== undefined) return false
    const domain = domainOfPushHost(to.host) ?? to.host
    const { servers = [] } = peers.find(({ domains }) => domains.includes(domain)) ?? {}
    if (host.domains.includes(from.host)) return true
    if (servers.length === 0) return from.host === domain
    return servers.some(({ server }) => canonicalText(server) === canonical(from))
  }
  private tell(messages: readonly AskingMessage[], event: string): void {
    for (const one of messages) {
      const key = seal('', JSON.stringify([one.source, one.messageId, one.recipient]), 22)
      const now = this.kept.get(key)
      if (now !== undefined && !now.events.includes(event))
        void this.kept.enforce(key, { ...now, events: [...now.events, event] })
    }
  }
}

function canonicalText(text: string): string | undefined {
  const uri = parseUri(text)
  return uri && canonical(uri)
}

function refused(status: 400 | 403, rule: DecisionRule, warning: string): ReceiptVerdict {
  return { refusal: { status, rule, warning } }
}
