/** Dispatch of a Push (SPEC §5.2): judged in the order of its checks, then taken here or handed over by the flag bits. */
import { canonical, type Exchange, type ForwardTarget, type Host, type SipRequest, type Uri } from '../../signalling/index.ts'
import { domainOfPushHost, hasFlags, isPushUri, pushIdentifier } from '../shared/identifiers/push.ts'
import type { Blocking } from '../shared/permissions/blocking.ts'
import { codedBodyOf, knownCodings, plainBody } from '../shared/values/body-coding.ts'
import { cpimType } from '../shared/values/cpim.ts'
import { imdnType } from '../shared/values/imdn.ts'
import type { Acceptance } from './acceptance.ts'
import type { Aliases } from './aliases.ts'
import type { ApplicationRules } from './application-rules.ts'
import { type Decisions, subjectOf } from './decisions.ts'
import type { Destinations, PushDestination } from './destinations.ts'
import { endOf } from './lifetime.ts'
import { type PushPolicing, ruledPolicy } from './policing.ts'
import { keyOfRepeats, messageOf, type PushMessage, type PushSender } from './push-message.ts'
import type { ReceiptCheck } from './receipt-check.ts'
import type { Relay } from './relay.ts'
import { handedOverTo, isHandedOver, type ServerRoutes } from './routes.ts'
import type { StoringRules } from './rules.ts'
import type { PushPeer } from './settings-type.ts'
import type { Sources } from './source.ts'
import type { WatchedBindings } from './watched-bindings.ts'

interface DispatchParts {
  readonly host: Host
  readonly acceptance: Acceptance
  readonly aliases: Aliases
  readonly applicationRules: ApplicationRules
  readonly blocking: Blocking
  readonly decisions: Decisions
  readonly destinations: Destinations
  readonly peers: readonly PushPeer[]
  readonly receiptCheck: ReceiptCheck
  readonly routes: ServerRoutes
  readonly rules: StoringRules
  readonly sources: Sources
  /** Undefined: the bindings are its own. */
  readonly bindings: WatchedBindings | undefined
  readonly policing: PushPolicing
  /** Keeps messages for other servers that are not there; undefined: they are refused. */
  readonly relay: Relay | undefined
}

const noIdentifier = {
  status: 404,
  rule: 'no-identifier',
  warning: 'that user has no Push identifier; expected one, or a message for no application',
} as const
const blocked = { status: 403, rule: 'blocked', warning: 'blocked: this user takes nothing from you' } as const
const noCoding = {
  status: 415,
  rule: 'content-encoding',
  headers: [['Accept-Encoding', knownCodings]],
  warning: `the body cannot be unpacked, and names its sender; expected Content-Encoding ${knownCodings}`,
} as const
const noServer = { status: 404, rule: 'flag-bits', warning: 'no Push server has the flag bits of that identifier' } as const
const noTable = {
  status: 503,
  rule: 'no-table',
  headers: [['Retry-After', '5']],
  warning: 'the flag-bit table is not here yet: come again later',
} as const

export class Dispatch {
  private readonly parts: DispatchParts

  constructor(parts: DispatchParts) {
    this.parts = parts
  }

  async handle(exchange: Exchange): Promise<void> {
    const { request } = exchange
    if (isJudgedByBody(request) && plainBody(codedBodyOf(request)) === undefined)
      return this.parts.decisions.refuse(exchange, '', noCoding)
    const verdict = await this.parts.sources.verdict(exchange)
    if ('refusal' in verdict) {
      this.parts.host.count(`refused_${verdict.refusal.replace('-', '_')}`)
      const warning = `${verdict.refusal}: ${verdict.warning}`
      return this.parts.decisions.refuse(exchange, '', { status: 403, rule: verdict.refusal, warning })
    }
    const { payer, source } = verdict
    if (this.parts.aliases.refuses(exchange, source)) return
    const receipt = await this.parts.receiptCheck.verdict(exchange, source)
    if (receipt.refusal !== undefined) return this.parts.decisions.refuse(exchange, source, receipt.refusal)
    if (receipt.isRepeat === true) return exchange.reply(200)
    const rule = this.parts.applicationRules.verdict(request, source, await this.parts.destinations.recipientAt(request.uri))
    if ('refusal' in rule) return this.parts.decisions.refuse(exchange, source, rule.refusal)
    const isFree = payer === undefined || receipt.isReceipt === true || !this.parts.policing.isOn
    await this.send(exchange, request.uri, { ...rule, source, ...(isFree ? {} : { payer }) })
  }
  /** To the Push identifier or string that a URI names, or to the one that is meant by it. */
  private async send(exchange: Exchange, uri: Uri, sender: PushSender): Promise<void> {
    const { domains } = this.parts.host
    const isOrdinary = uri.scheme === 'tel' || (domains.includes(uri.host) && !isPushUri(uri, domains))
    if (!isOrdinary && !isPushUri(uri, domains)) return this.handOver(exchange, uri, sender)
    const destination = await this.parts.destinations.at(uri)
    if (destination === undefined && isOrdinary) return this.parts.decisions.refuse(exchange, sender.source, noIdentifier)
    if (destination === undefined) {
      const meant = await this.parts.aliases.meant(exchange, uri, sender.source)
      return meant && this.send(exchange, meant, sender)
    }
    const { relay } = this.parts
    const server = this.parts.routes.elementFor(destination.identifier.id)
    if (server === this.parts.host.name) return this.take(exchange, destination, sender)
    if (server !== undefined && isHandedOver(exchange)) {
      const warning = `the flag-bit tables of ${this.parts.host.name} and ${server} point at each other`
      return this.parts.decisions.refuse(exchange, sender.source, { status: 482, rule: 'loop', warning })
    }
    if (server !== undefined) await this.parts.receiptCheck.expect(exchange, sender, canonical(uri))
    // that server asks about the source, and charges it
    if (server !== undefined && relay !== undefined) return relay.take(exchange, uri, { ...sender, payer: undefined })
    if (server !== undefined) return this.forward(exchange, sender, this.parts.routes.fellow(server, uri.text), server)
    this.parts.decisions.refuse(exchange, sender.source, this.parts.routes.isKnown ? noServer : noTable)
  }
  /** To the server of another operator, whose flag bits the identifier has to have. */
  private async handOver(exchange: Exchange, uri: Uri, sender: PushSender): Promise<void> {
    if (!this.parts.host.peers.has(uri.host))
      return this.parts.decisions.refuse(exchange, sender.source, {
        ...{ status: 404, rule: 'host', warning: `${uri.host} is no Push host of ours or of a peer` },
      })
    const { relay } = this.parts
    const id = pushIdentifier(uri.user)
    const domain = domainOfPushHost(uri.host) ?? uri.host
    const { flags = [] } = this.parts.peers.find(({ domains }) => domains.includes(domain)) ?? {}
    if (id !== undefined && flags.length > 0 && !flags.some((bits) => hasFlags(id, bits)))
      return this.parts.decisions.refuse(exchange, sender.source, {
        ...{ status: 404, rule: 'flag-bits' },
        warning: `the flag bits of ${id} are none of ${uri.host}; expected ${flags.join(' or ')}`,
      })
    await this.parts.receiptCheck.expect(exchange, sender, canonical(uri))
    if (relay !== undefined && id !== undefined) return relay.take(exchange, uri, sender)
    const route = id === undefined ? [] : this.parts.routes.routesTo(id, domain)
    const target = { uri: uri.text, route }
    if (sender.payer === undefined) this.forward(exchange, sender, target, uri.host)
    else await this.forwardCharged(exchange, sender, target, uri.host)
  }
  /** As `forward`, by the policy about its source; charged before its 2xx leaves. */
  private async forwardCharged(exchange: Exchange, sender: PushSender, target: ForwardTarget, server: string): Promise<void> {
    const { acceptance, decisions, policing, receiptCheck } = this.parts
    const key = keyOfRepeats(exchange.request, sender.source)
    const isRepeat = acceptance.answered(key) !== undefined
    const refusal = isRepeat ? undefined : await policing.takeUnit(sender)
    if (refusal === undefined)
      return this.forward(exchange, sender, target, server, (status) => acceptance.settleElsewhere(key, sender, status))
    const { retryAfter, ...ruled } = ruledPolicy(refusal)
    receiptCheck.settled(exchange, ruled.status)
    const headers = retryAfter === undefined ? [] : [['Retry-After', String(retryAfter)] as const]
    decisions.refuse(exchange, sender.source, { ...ruled, headers })
  }
  /** Hands over to the next server, and notes its answer. @param settle is done before that goes back */
  private forward(
    exchange: Exchange,
    { application, source }: PushSender,
    target: ForwardTarget,
    server: string,
    settle?: (status: number) => Promise<void>,
  ): void {
    const subject = { ...subjectOf(exchange, source), application }
    this.parts.decisions.note({ ...subject, rule: 'handed-over', text: `to ${server}, by the flag bits or the host` })
    if (exchange.request.maxForwards <= 0)
      this.parts.decisions.note({ ...subject, rule: 'hops', status: 483, text: 'Max-Forwards is 0' })
    const note = (status: number): void => {
      this.parts.receiptCheck.settled(exchange, status)
      this.parts.decisions.note({ ...subject, rule: 'next-server', status, text: `${server} has answered` })
    }
    exchange.forward(target, handedOverTo(this.parts.host, note, settle))
  }
  private async take(exchange: Exchange, destination: PushDestination, sender: PushSender): Promise<void> {
    const { request } = exchange
    if (await this.parts.blocking.isBlocked(destination.record, sender.source))
      return this.parts.decisions.refuse(exchange, sender.source, blocked)
    await this.parts.receiptCheck.expect(exchange, sender, destination.record.id)
    const end = endOf(request, this.parts.host.clock.date(), this.parts.rules.keep, destination.identifier.validUntil)
    const message = this.messageOf(exchange, destination, sender, end)
    await this.parts.bindings?.ready(message.subscriber)
    const answer = await this.parts.acceptance.accept(message, destination.identifier.device, end !== undefined)
    const { retryAfter, rule, status, warning, why } = answer
    this.parts.receiptCheck.settled(exchange, status)
    const subject = { ...subjectOf(exchange, sender.source), user: message.subscriber, identifier: message.identifier }
    this.parts.decisions.note({ ...subject, application: sender.application, rule, status, text: why })
    const headers = retryAfter === undefined ? [] : [['Retry-After', String(retryAfter)] as const]
    exchange.reply(status, { headers, ...(warning === undefined ? {} : { warning }) })
  }
  private messageOf(
    { request }: Exchange,
    destination: PushDestination,
    sender: PushSender,
    end: number | undefined,
  ): PushMessage {
    const { clock, ids } = this.parts.host
    const now = clock.date()
    return messageOf(request, {
      id: ids.token(22),
      subscriber: destination.record.id,
      identifier: destination.identifier.id,
      ...sender,
      accepted: now,
      expires: end ?? now,
    })
  }
}

/** Whether a request has its sender, or what it tells of, in its body. */
function isJudgedByBody({ contentType }: SipRequest): boolean {
  return contentType === cpimType || contentType === imdnType
}
