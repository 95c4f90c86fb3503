/** Router of the proxy: decides where a request goes on, by its Route, the plan, or the bindings of its user. */
import { isIP } from 'node:net'
import type { Address, Exchange, Flow, ForwardTarget, Host, Uri } from '../../signalling/index.ts'
import { elementOfRoute, H, parseAddress, tokenOfRoute } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, isAddress } from '../shared/identifiers/devices.ts'
import { domainOfPushHost, hasFlags, isPushInForce, isPushUri, pushIdentifier } from '../shared/identifiers/push.ts'
import { pushSourceOf } from '../shared/identifiers/push-source.ts'
import type { Blocking } from '../shared/permissions/blocking.ts'
import { leadsToStation } from '../shared/values/base-station.ts'
import { purrOf } from '../shared/values/push-notification.ts'
import type { KnownSender } from './authentication.ts'
import type { Destination, RefusedDestination, TargetDestination } from './destination.ts'
import type { Gruus } from './gruu.ts'
import { type HiddenContacts, isHiddenRoute } from './hidden-contacts.ts'
import { namedByAddress, noRelay, type Reach } from './reach.ts'
import { asSips, isSecure, isSips } from './secure.ts'
import type { ProxyRules } from './settings.ts'
import type { DialogWays } from './ways.ts'

interface RouterParts {
  readonly host: Host
  readonly rules: ProxyRules
  readonly dialogWays: DialogWays
  readonly gruus: Gruus
  readonly hidden: HiddenContacts
  readonly subscribers: Subscribers
  readonly reach: Reach
  readonly blocking: Blocking
}

const asks = ['SUBSCRIBE', 'MESSAGE'] // methods for an element between UEs and another one
const unheard: RefusedDestination = { end: 'nowhere' }
const flowFailed: RefusedDestination = { end: 'nowhere', status: 430 } // RFC 5626 §5.3.1
const notSecure: RefusedDestination = {
  end: 'nowhere',
  status: 480,
  fields: { warning: 'the other end is not reached by TLS or WSS, as sips: demands; expected a sip: URI' },
}
const noRelayByRoute: RefusedDestination = {
  end: 'nowhere',
  status: 403,
  fields: { warning: 'no relay by your Route; expected none but what this server has recorded' },
}
const noSuchContact: RefusedDestination = {
  end: 'nowhere',
  status: 404,
  fields: { warning: 'no such Contact in this dialog; expected one that you were shown in it' },
}
const noTransit: RefusedDestination = {
  end: 'nowhere',
  status: 403,
  fields: { warning: 'no relay from one operator to another; expected a user of this network' },
}

/** A request for an element of ours, and the user that it is about. */
interface UserQuestion {
  readonly sender: string | undefined
  readonly element: string
  /** The name of that user, where the HSS is asked for its owner. */
  readonly name: string | undefined
  /** That user is called by an IP address. */
  readonly byAddress: boolean
}

const sourceExpired: RefusedDestination = {
  end: 'nowhere',
  status: 403,
  fields: { warning: 'source-expired: From names a Push identifier that is not in force; expected another one of yours' },
}

const blockedCaller: RefusedDestination = {
  end: 'nowhere',
  status: 403,
  fields: { warning: 'blocked: this user takes nothing from you' },
}

const asWritten: Pick<ForwardTarget, 'uri' | 'element'> = {}

export class Router {
  private readonly parts: RouterParts

  constructor(parts: RouterParts) {
    this.parts = parts
  }
  /**
   * `sender`: where this proxy has checked; undefined where a trusted peer vouches, or nobody need. A promise where the HSS has
   * to be asked; it rejects where the HSS does not answer.
   */
  destination(exchange: Exchange, sender: KnownSender | undefined): Destination | Promise<Destination> {
    const { dialogWays, gruus, hidden, host, reach } = this.parts
    const { request, ownRoutes, routes } = exchange
    const identity = sender?.identity
    const inside = exchange.flow.trusted
    const through = sender !== undefined && routes.length === 0 ? this.throughElement(exchange, sender) : undefined
    if (through !== undefined) return through
    let last = dialogWays.last(exchange)
    let route: readonly string[] | undefined
    if (last !== undefined && isHiddenRoute(last.uri)) {
      route = hidden.routesBehind(ownRoutes, hidden.dialogOf(exchange))
      if (route === undefined) return request.method === 'ACK' ? unheard : noRelayByRoute
      last = ownRoutes.findLast(({ uri }) => !isHiddenRoute(uri))
    }
    if (hidden.isContact(request.uri)) return this.toHidden(exchange, identity, last, route)
    const gruu = gruus.isOurs(request.uri)
    const station = this.toStation(exchange, identity, route)
    if (station !== undefined) return gruu ? reach.toDevice(exchange, identity, undefined) : station
    if (last !== undefined && !this.isForAnElement(exchange, gruu)) {
      const way = this.flowOfRoute(last.uri.user, exchange, identity)
      // RFC 5627 §3.4: a GRUU leads to its device even where the flow is gone; no base station knows what it stands for
      const ofGruu = way === 'dead' || leadsToStation(routes[0], this.parts.rules.stations) ? undefined : way
      if (gruu && way !== undefined) return reach.toDevice(exchange, identity, ofGruu)
      const purr = way === undefined ? undefined : purrOf(request.uriText)
      const registered = purr === undefined ? undefined : dialogWays.userOf(last.uri)
      const named = registered === undefined ? undefined : reach.toRegistration(exchange, identity, registered, purr!)
      if (named !== undefined) return named
      if (way === 'dead') return flowFailed
      if (way !== undefined) {
        const toPeer = host.peers.isAt(way)
        if (toPeer && isFromPeer(exchange, sender, host)) return request.method === 'ACK' ? unheard : noTransit
        if (isSips(request) && !isSecure(way) && !dialogWays.isInSipDialog(exchange)) return notSecure
        const user = dialogWays.userOf(last.uri)
        const recorded = dialogWays.recordRoutes(exchange, identity, way, user)
        const end = toPeer ? 'operator' : way.trusted ? 'node' : 'device'
        return { end, uri: request.uriText, flow: way, ...recorded, ...(route && { route }) }
      }
    }
    if (!inside && routes.length > 0) return this.straightToPeer(exchange, sender) ?? noRelayByRoute
    if (request.method === 'ACK' && !inside && !dialogWays.isSealed(ownRoutes)) return unheard // nobody vouches for it, nobody waits for an answer
    const { uri } = request
    if (this.parts.rules.push.length > 0 && isPush(exchange, sender, host)) return this.toPush(exchange, sender)
    if (host.peers.has(uri.host)) return this.toPeer(exchange, sender)
    const ours = uri.scheme === 'tel' || host.flows.isOurs(uri.host, uri.port) || isAddressOfUser(exchange, identity)
    const element = exchange.planned ?? this.elementOfAddress(exchange, identity)
    if (element !== undefined) return this.toElement(exchange, identity, element)
    if (!ours && inside) return { end: 'peer', ...dialogWays.recordRoutes(exchange, identity) }
    if (ours && this.isJudged(exchange, sender)) return this.unlessBlocked(exchange, sender, gruu)
    if (ours && gruu && request.method !== 'PUBLISH') return reach.toDevice(exchange, identity, undefined)
    if (ours) return this.toUser(exchange, sender)
    // Both ends of the dialog are behind one address: a request from there may go back there, and nowhere else.
    if (ownRoutes.length <= 1 || !dialogWays.isSealed(ownRoutes)) return noRelay(exchange, host)
    const { flow } = exchange
    return { end: 'peer', flow, ...dialogWays.recordRoutes(exchange, identity, flow, dialogWays.userOf(last!.uri)) }
  }
  /** Whether it is a call of somebody known, whom its callee may have blocked. */
  private isJudged({ request }: Exchange, sender: KnownSender | undefined): sender is KnownSender {
    return request.method === 'INVITE' && request.toTag === '' && sender !== undefined && !this.parts.rules.open
  }
  /** A call from whom its callee has blocked goes nowhere (SPEC §5.7). */
  private unlessBlocked(exchange: Exchange, sender: KnownSender, gruu: boolean): Destination | Promise<Destination> {
    const { blocking, gruus, host, reach, subscribers } = this.parts
    const { identity } = sender
    const { uri } = exchange.request
    const straight = (): Destination | Promise<Destination> =>
      gruu ? reach.toDevice(exchange, identity, undefined) : this.toUser(exchange, sender)
    const settle = (record: SubscriberRecord | undefined): Destination | Promise<Destination> => {
      if (record?.watchers?.block === undefined) return straight()
      return blocking.isBlocked(record, identity).then((isBlocked) => (isBlocked ? blockedCaller : straight()))
    }
    const callee = gruu ? gruus.meant(uri)?.aor : deviceKey(uri, host.domains)
    const found = callee === undefined ? undefined : subscribers.of(callee)
    return found instanceof Promise ? found.then(settle) : settle(found)
  }
  /** To a user's devices; a message may be a Push to him, where he has a Push identifier (SPEC §5.2). */
  private toUser(exchange: Exchange, sender: KnownSender | undefined): Destination | Promise<Destination> {
    const { host, reach, rules, subscribers } = this.parts
    const { method, toTag, uri } = exchange.request
    const straight = (): Destination | Promise<Destination> => reach.toUser(exchange, sender?.identity)
    const mayBePush = rules.messagesArePushes && method === 'MESSAGE' && toTag === '' && sender !== undefined && !rules.open
    const key = mayBePush ? deviceKey(uri, host.domains) : undefined
    if (key === undefined) return straight()
    const settle = (record: SubscriberRecord | undefined): Destination | Promise<Destination> =>
      record?.push?.some((one) => isPushInForce(one, host.clock.date())) === true ? this.toPush(exchange, sender) : straight()
    const found = subscribers.of(key)
    return found instanceof Promise ? found.then(settle, straight) : settle(found)
  }
  /** In a dialog with another operator: to the device or element whose Contact it was shown as one of ours. */
  private toHidden(
    exchange: Exchange,
    identity: string | undefined,
    last: Address | undefined,
    route: readonly string[] | undefined,
  ): Destination {
    const { dialogWays, hidden, host } = this.parts
    const { request } = exchange
    const meant = request.toTag === '' ? undefined : hidden.meant(request.uri, hidden.dialogOf(exchange))
    if (meant === undefined) return request.method === 'ACK' ? unheard : noSuchContact
    const station = this.toStation(exchange, identity, route)
    if (station !== undefined) return { ...station, uri: meant.text }
    const way = last === undefined ? undefined : this.flowOfRoute(last.uri.user, exchange, identity, meant.text)
    if (way !== undefined && way !== 'dead' && !host.peers.isAt(way)) {
      const recorded = dialogWays.recordRoutes(exchange, identity, way, dialogWays.userOf(last!.uri))
      return { end: 'device', uri: meant.text, flow: way, ...recorded, ...(route && { route }) }
    }
    if (exchange.plannedAt(meant) === undefined) return flowFailed
    return { end: 'element', uri: meant.text, ...dialogWays.recordRoutes(exchange, identity) }
  }
  /** To another operator's proxy; a request that one operator sends here is for our users alone. */
  private toPeer(exchange: Exchange, sender: KnownSender | undefined): Destination {
    const { host, dialogWays } = this.parts
    if (sender?.peer === true) return noRelay(exchange, host)
    const { uri } = exchange.request
    const way = host.peers.flowTo(uri.host)
    if (namesAnotherPlace(uri, way === undefined)) return notByUri(uri.host)
    // a peer that is looked up, and sips:, go by TLS alone, as the plan has it
    const flow = isSips(exchange.request) ? undefined : way
    const recorded = dialogWays.recordRoutes(exchange, sender?.identity, flow)
    return flow === undefined ? { end: 'operator', ...recorded } : { end: 'operator', flow, ...recorded }
  }
  /** To a Push server, with the sender's Push identifier asserted (SPEC §5.2). */
  private toPush(exchange: Exchange, sender: KnownSender | undefined): Destination {
    const { host, rules } = this.parts
    const { ownRoutes, request } = exchange
    const isOurs = !host.peers.has(request.uri.host)
    const usual = (isOurs ? exchange.planned : undefined) ?? rules.push[0]!.element
    const routed = rules.push.find(({ element }) => element === ownRoutes.at(-1)?.uri.user)?.element
    if (sender?.visitor === true)
      return { end: 'element', ...this.pushTarget(routed ?? usual), source: `${sender.identity};user=push` }
    if (sender?.subscriber === undefined) {
      const id = sender?.peer === true ? request.uri.user : undefined
      return { end: 'element', ...this.pushTarget(routed ?? this.pushServerOf(id) ?? usual) }
    }
    const source = this.pushSource(request.from.uri, sender.subscriber)
    if (source === 'expired') return sourceExpired
    if (source === undefined) return { end: 'element', ...this.pushTarget(routed ?? usual) }
    const own = source.slice('sip:'.length).split('@', 1)[0]
    return { end: 'element', ...this.pushTarget(routed ?? this.pushServerOf(own) ?? usual), source }
  }
  /** A Push to its destination's server, which the client names behind its own proxy, with the sender asserted (SPEC §5.2). */
  private straightToPeer(exchange: Exchange, sender: KnownSender | undefined): Destination | undefined {
    const { host } = this.parts
    const { request, routes } = exchange
    const peer = host.peers.nameOf(request.uri.host)
    const named = routes.length === 1 ? parseAddress(routes[0]!)?.uri : undefined
    if (named === undefined || peer === undefined || sender?.subscriber === undefined || !isPush(exchange, sender, host))
      return undefined
    if (host.peers.nameOf(named.host) !== peer || named.user === '' || namesAnotherPlace(named, true)) return undefined
    const source = this.pushSource(request.from.uri, sender.subscriber)
    if (source === 'expired') return sourceExpired
    const to = this.toPeer(exchange, sender)
    return to.end === 'operator' && source !== undefined ? { ...to, source } : to
  }
  /** By Route: at another node the Request-URI alone would not lead to it. */
  private pushTarget(element: string): Pick<ForwardTarget, 'route'> {
    return { route: [`<sip:${element}@${this.parts.host.domains[0]};lr>`] }
  }
  /** The Push server that has the flag bits of an identifier. */
  private pushServerOf(user: string | undefined): string | undefined {
    const id = user === undefined ? undefined : pushIdentifier(user)
    return id && this.parts.rules.push.find(({ flags }) => hasFlags(id, flags))?.element
  }
  private pushSource(from: Uri, record: SubscriberRecord): string | undefined {
    const { clock, domains } = this.parts.host
    return pushSourceOf(from, record, domains, clock.date())
  }
  /** The element that serves a request about a user called by an address, as if that were a user of the first domain. */
  private elementOfAddress(exchange: Exchange, identity: string | undefined): string | undefined {
    const { method, uri } = exchange.request
    if (method !== 'SUBSCRIBE' && method !== 'PUBLISH') return undefined
    if (this.parts.rules.open || !isAddressOfUser(exchange, identity)) return undefined
    return exchange.plannedAt(namedByAddress(uri, this.parts.host))
  }
  /** To the element that the plan names: a request for an alias is made one for its owner (SPEC §2.1). */
  private toElement(exchange: Exchange, sender: string | undefined, element: string): Destination | Promise<Destination> {
    const { host, rules, subscribers } = this.parts
    const { request } = exchange
    const isQuestion = (request.method === 'SUBSCRIBE' || request.method === 'PUBLISH') && request.toTag === ''
    const byAddress = request.uri.user === '' && exchange.planned === undefined
    const named = isQuestion && !rules.open && (byAddress || request.uri.user !== '')
    const name = named ? deviceKey(request.uri, host.domains) : undefined
    const question: UserQuestion = { sender, element, name, byAddress }
    const found = name === undefined ? undefined : subscribers.of(name)
    if (!(found instanceof Promise)) return this.toElementOf(exchange, question, found)
    return found.then(
      (record) => this.toElementOf(exchange, question, record),
      () => this.toElementOf(exchange, question, undefined), // the element decides about its work without the HSS
    )
  }
  private toElementOf(
    exchange: Exchange,
    question: UserQuestion,
    record: SubscriberRecord | undefined,
  ): Destination | Promise<Destination> {
    const { sender } = question
    if (question.byAddress && record === undefined) return this.parts.reach.toUser(exchange, sender) // nobody is called so
    const server = this.summaryServer(exchange, record)
    if (server !== undefined)
      return { end: 'element', ...this.pushTarget(server), ...this.parts.dialogWays.recordRoutes(exchange, sender) }
    return { end: 'element', ...this.asked(exchange, question, record), ...this.parts.dialogWays.recordRoutes(exchange, sender) }
  }
  /** The Push server of a user who asks for what waits for him (RFC 3842): by another one NOTIFYs would not find back. */
  private summaryServer({ request }: Exchange, record: SubscriberRecord | undefined): string | undefined {
    if (request.method !== 'SUBSCRIBE' || request.event?.value !== 'message-summary') return undefined
    const first = record?.push?.find((one) => isPushInForce(one, this.parts.host.clock.date()))
    return this.pushServerOf(first?.id)
  }
  private asked(
    { request }: Exchange,
    { name, element }: UserQuestion,
    record: SubscriberRecord | undefined,
  ): Pick<ForwardTarget, 'uri' | 'element'> {
    if (record === undefined || (record.id === name && !isAddress(name))) return asWritten
    const uri = isSips(request) ? asSips(record.id) : record.id
    if (!isAddress(record.id)) return { uri }
    // by the address alone it would go there
    const home = `sip:${encodeURIComponent(request.uri.host)}@${this.parts.host.domains[0]}`
    return element.includes(':') ? (request.uri.user === '' ? { uri: home } : asWritten) : { uri, element }
  }
  /** To a UE behind a base station: by its sealed Route here, or as an element says. `revealed`: hidden from another operator. */
  private toStation(
    exchange: Exchange,
    identity: string | undefined,
    revealed: readonly string[] | undefined,
  ): TargetDestination | undefined {
    const { dialogWays, rules } = this.parts
    const { stations } = rules
    if (stations.length === 0) return undefined
    const { flow, ownRoutes, request, routes } = exchange
    const last = ownRoutes.at(-1)
    const isHere = leadsToStation(last, stations) && dialogWays.isSealed([last!])
    const route = isHere ? [`<${last!.uri.text}>`] : leadsToStation(revealed?.[0], stations) ? revealed : []
    // behind a sealed Route stands what its UE has written: only the flow of that may follow
    const isOfElement = flow.trusted && !dialogWays.isSealed(ownRoutes)
    if (route!.length === 0 && !(isOfElement && leadsToStation(routes[0], stations))) return undefined
    return { end: 'device', uri: request.uriText, route: route!, ...dialogWays.recordRoutes(exchange, identity) }
  }
  /** By the Route of a UE to an element that stands between it and others: an MME (SPEC §3.6). */
  private throughElement(exchange: Exchange, sender: KnownSender): TargetDestination | undefined {
    const { dialogWays, rules } = this.parts
    const { through } = rules
    const { ownRoutes, request } = exchange
    if (through.length === 0 || ownRoutes.length === 0 || !asks.includes(request.method)) return undefined
    // no further than to such elements: a token of somebody else's flow behind them leads nobody there
    const route = ownRoutes.filter(({ uri }) => through.includes(elementOfRoute(uri.user))).map(({ uri }) => `<${uri.text}>`)
    if (route.length === 0) return undefined
    return { end: 'element', route, ...dialogWays.recordRoutes(exchange, sender.identity) }
  }
  /** An outsider's request to one of our elements goes there: a token of somebody else's flow in its Route leads nobody to them. */
  private isForAnElement(exchange: Exchange, gruu: boolean): boolean {
    if (exchange.flow.trusted || gruu) return false
    const { host, port } = exchange.request.uri
    return this.parts.host.flows.isOurs(host, port) && exchange.planned !== undefined
  }
  /** The way that a Record-Route of ours names: undefined where it leads back to where the request came from. */
  private flowOfRoute(
    user: string,
    exchange: Exchange,
    identity: string | undefined,
    requestUri = exchange.request.uriText,
  ): Flow | 'dead' | undefined {
    const token = tokenOfRoute(user)
    if (token === undefined) return undefined
    const node = leadsToStation(exchange.routes[0], this.parts.rules.stations) ? this.parts.host.flows.find(token) : undefined
    if (node?.trusted === true) return node // the base station there knows the UE
    const flow = this.parts.dialogWays.of(token, requestUri)
    if (flow === exchange.flow) return undefined
    // A route set of the sender's own side, from before it moved or made its connection anew: the Request-URI decides.
    const isOwnSide =
      exchange.ownRoutes.length === 1 && identity !== undefined && this.parts.host.flows.read(token)?.user === identity
    if (isOwnSide) return undefined
    if (flow !== undefined) return flow
    return exchange.planned !== undefined && !exchange.flow.trusted ? undefined : 'dead'
  }
}

/** Whether a MESSAGE is a Push (SPEC §5.1): to a Push URI, or for an application. */
export function isPush({ flow, request }: Exchange, sender: KnownSender | undefined, { domains, peers }: Host): boolean {
  const { method, uri } = request
  if (method !== 'MESSAGE') return false
  if (isPushUri(uri, domains)) return true
  if (flow.trusted) return false // what our servers send to another operator leaves
  if (request.find(H['Push-Application']) >= 0) return true
  return sender?.peer !== true && domainOfPushHost(uri.host) !== undefined && peers.has(uri.host)
}

/** A user may be called by an IP address; elsewhere it is where a request goes. */
function isAddressOfUser({ request }: Exchange, identity: string | undefined): boolean {
  const { uri, toTag } = request
  return identity !== undefined && toTag === '' && uri.user === '' && uri.port === 0 && isIP(uri.host) !== 0
}

/** Whether another operator sends it; who sends an ACK is known by its flow alone. */
function isFromPeer({ flow, request }: Exchange, sender: KnownSender | undefined, { peers }: Host): boolean {
  return sender?.peer === true || (request.method === 'ACK' && peers.isAt(flow))
}

/** Whether a URI at a peer's domain names a way of its own: a peer is met as agreed, or looked up. */
function namesAnotherPlace({ parameters, port }: Uri, lookedUp: boolean): boolean {
  if (parameters.has('maddr')) return true
  return lookedUp && (port !== 0 || (parameters.get('transport')?.toLowerCase() ?? 'tls') !== 'tls')
}

function notByUri(domain: string): RefusedDestination {
  const warning = `no relay by maddr, port or transport; expected a bare URI at ${domain.slice(0, 40)}`
  return { end: 'nowhere', status: 403, fields: { warning } }
}
