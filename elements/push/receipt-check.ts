/**
 * Check of receipts that users send (SPEC §5.5): its source must be one that the named message was sent to. The server of the
 * source knows what it has delivered to him, that of the destination what it has sent on for him.
 */
import { type Exchange, type Host, type Json, parseUri, RateLimit, seal } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import {
  domainOfPushHost,
  type FlagWidths,
  flagsOf,
  type PushFlags,
  pushIdentifier,
  pushNamesOf,
} from '../shared/identifiers/push.ts'
import { Kept } from '../shared/state/kept.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'
import { codedBodyOf } from '../shared/values/body-coding.ts'
import { receiptIn, wishesOf } from '../shared/values/imdn.ts'

/** A message whose sender asks for receipts. */
interface AskingMessage {
  readonly [member: string]: Json | undefined
  readonly messageId: string
  /** Canonical, as asserted. */
  readonly source: string
  /** Canonical: a subscriber of ours, or a destination elsewhere. */
  readonly recipient: string
  /** Receipts that have gone through, each once. */
  readonly events: readonly string[]
  /** Milliseconds since the epoch. */
  readonly until: number
}

/** Undefined members: the request is no receipt, or nothing is against it. */
interface ReceiptVerdict {
  readonly refusal?: {
    readonly status: 400 | 403 | 503
    readonly rule: string
    readonly warning: string
    readonly headers?: readonly (readonly [string, string])[]
  }
  /** It was passed on before: the source gets 200 once more. */
  readonly isRepeat?: true
}

interface ReceiptCheckParts {
  readonly host: Host
  readonly subscribers: Subscribers
  readonly own: PushFlags
  readonly widths: FlagWidths
  /** Milliseconds for which a message is known. */
  readonly keep: number
}

const rate = { rate: 20, burst: 200 } // receipts of one source
const sources = 10_000 // remembered by their rates
const most = 200_000
const passes: ReceiptVerdict = {}

export class ReceiptCheck {
  private readonly parts: ReceiptCheckParts
  private readonly kept: Kept<AskingMessage>
  private readonly bySource: RecordSets<AskingMessage>
  private readonly byRecipient: RecordSets<AskingMessage>
  private readonly rates: RateLimit
  /** Receipts that are being sent on, each with what is to be kept of it then. */
  private readonly underWay = new WeakMap<Exchange, () => void>()

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
    host.gauge('messages_asking', () => this.kept.size)
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }

  /** Keeps who may answer for a message, where its sender asks for receipts. @param recipient canonical */
  async expect({ request }: Exchange, source: string, recipient: string): Promise<void> {
    const asked = source === '' ? undefined : wishesOf(codedBodyOf(request), request.callId)
    if (asked === undefined) return
    const { messageId } = asked
    const key = seal('', JSON.stringify([source, messageId, recipient]), 22)
    if (this.kept.get(key) !== undefined) return
    if (this.kept.size >= most) {
      const [oldest] = this.kept.entries()
      if (oldest !== undefined) void this.kept.expel(oldest[0])
    }
    const until = this.parts.host.clock.date() + this.parts.keep
    await this.kept.enforce(key, { messageId, source, recipient, events: [], until })
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
    const uri = parseUri(source)
    const sender = uri === undefined ? undefined : await subscribers.lookup(uri)
    const destination = await subscribers.lookup(exchange.request.uri)
    const delivered = sender === undefined ? [] : [...this.byRecipient.of(`${sender.id} ${messageId}`)]
    const sentOn = this.sentBy(destination, messageId)
    const own = sentOn.find((one) => this.isRecipient(one, source, sender)) ?? delivered[0]
    if (own === undefined && (sentOn.length > 0 || this.isServedHere(sender)))
      return refused(403, 'receipt', 'the message that this receipt names was not sent to its source')
    if (own === undefined) return passes // the server of its source knows
    if (own.events.includes(kind)) return { isRepeat: true }
    const about = [...new Set([...sentOn, ...delivered])].filter(({ recipient }) => recipient === own.recipient)
    this.underWay.set(exchange, () => this.tell(about, kind))
    return passes
  }
  /** A receipt that was accepted is not sent on again. */
  settled(exchange: Exchange, status: number): void {
    if (status < 300) this.underWay.get(exchange)?.()
  }
  private sentBy(destination: SubscriberRecord | undefined, messageId: string): readonly AskingMessage[] {
    if (destination === undefined) return []
    const names = [destination.id, ...pushNamesOf(destination.push ?? [], this.parts.host.domains)]
    return names.flatMap((name) => [...this.bySource.of(`${name} ${messageId}`)])
  }
  /** Whether all messages for a sender are delivered by this server, so that it knows what he may tell of. */
  private isServedHere(sender: SubscriberRecord | undefined): boolean {
    const { own, widths } = this.parts
    const ids = sender?.push ?? []
    return (
      ids.length > 0 &&
      ids.every(({ id }) => {
        const { operator, server } = flagsOf(id, widths)
        return operator === own.operator && server === own.server
      })
    )
  }
  /** By any of his names; where the message went to a name at another operator, any user there; and the servers in between. */
  private isRecipient({ recipient }: AskingMessage, source: string, sender: SubscriberRecord | undefined): boolean {
    if (recipient === source || recipient === sender?.id) return true
    if (pushNamesOf(sender?.push ?? [], this.parts.host.domains).includes(recipient)) return true
    const [from, to] = [parseUri(source), parseUri(recipient)]
    if (from === undefined || to === undefined) return false
    const domain = domainOfPushHost(to.host) ?? to.host
    const isServer =
      sender === undefined &&
      pushIdentifier(from.user) === undefined &&
      (from.host === domain || this.parts.host.domains.includes(from.host))
    return isServer || (pushIdentifier(to.user) === undefined && from.host === to.host)
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

function refused(status: 400 | 403, rule: string, warning: string): ReceiptVerdict {
  return { refusal: { status, rule, warning } }
}
