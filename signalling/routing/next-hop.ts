/** The next hop of a request: another element of the network, or an address over a flow (RFC 3261 §16.6 step 7, §8.1.2). */
import type { OutgoingParts } from '../dialogs/sender.ts'
import { type Address, parseAddress } from '../messages/address.ts'
import type { SipRequest } from '../messages/message.ts'
import { parseUri, printHostPort, type Uri } from '../messages/uri.ts'
import { defaultPort, type ServerAddress } from '../transports/locate.ts'
import { elementOfRoute } from '../transports/route-parts.ts'
import type { Flow, HostPort } from '../transports/transport.ts'
import { type Plan, type PlanDecision, type PlanQuery, type PlanRule, valuesOf } from './plan.ts'

export type NextHop =
  | { readonly element: string }
  | { readonly flow: Flow /** A name was looked up for it. */; readonly located?: boolean }
  /** A host name, to be looked up. */
  | { readonly place: ServerAddress }
  | { readonly refused: number; readonly text: string }

/** The node of the resolver, as the resolver sees it. */
export interface NextHopHolder {
  readonly plan: Plan
  readonly elements: { has(name: string): boolean }
  /** Host names can be looked up. */
  readonly locates: boolean
  isOurs(host: string, port: number): boolean
  /** A flow for that transport (upper case) to that address; undefined: no such transport here. */
  flowTo(transport: string, remote: HostPort): Flow | undefined
}

interface SentRequest {
  readonly flow: Pick<Flow, 'trusted'>
  readonly request: SipRequest
}

export const noUri: NextHop = { refused: 400, text: 'no URI' }
const numeric = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:.]*)$/

/** The plan's query for a request. */
export function planQuery(request: SipRequest, from: string, sender: string | undefined, uri: Uri = request.uri): PlanQuery {
  const { method } = request
  const subscribes = method === 'SUBSCRIBE' || method === 'PUBLISH'
  return {
    method,
    user: uri.user,
    host: uri.host,
    from,
    sender,
    event: subscribes ? (request.event?.value ?? '') : undefined,
    content: request.bodyEnd > request.bodyStart ? (request.contentType ?? '') : undefined,
  }
}

/**
 * The sender, as rules know him; undefined: nobody is vouched for, or no rule asks.
 * @param changed the identity that the copy will have instead; '' is nobody
 */
export function senderOf(plan: Plan, { flow, request }: SentRequest, changed?: string): string | undefined {
  if (!plan.asksSender) return undefined
  const asserted = changed ?? (flow.trusted ? request.asserted[0]?.uri.text : undefined)
  return asserted === undefined || asserted === '' ? undefined : plan.identityOf(asserted)
}

/** The same for the proxy, which asks before it knows who sends from outside. */
export function soonKnown(plan: Plan, sent: SentRequest): string | undefined {
  return plan.asksSender && !sent.flow.trusted ? '*' : senderOf(plan, sent)
}

/** The plan's query for a request of an element's own. */
export function ownQuery({ method, element, headers }: OutgoingParts, { user, host }: Uri, plan: Plan): PlanQuery {
  const header = (wanted: string): string | undefined => headers.find(([name]) => name === wanted)?.[1]
  const asserted = plan.asksSender ? header('P-Asserted-Identity')?.replace(/^<(.*)>$/, '$1') : undefined
  const sender = asserted === undefined ? undefined : plan.identityOf(asserted)
  // a NOTIFY goes where its dialog leads, whatever it holds
  const content = method === 'NOTIFY' ? undefined : header('Content-Type')?.split(';')[0]?.trim().toLowerCase()
  return { method, user, host, from: element, sender, event: header('Event')?.split(';')[0], content }
}

/** The element that a Route of ours names: `sip:proxy.<token>@…` or `sip:mme@…`. */
export function routeOwner(route: Address, elements: { has(name: string): boolean }): string | undefined {
  const name = elementOfRoute(route.uri.user)
  return elements.has(name) ? name : undefined
}

/** A URI on the network: an address at once, a name to be looked up (RFC 3263 §4). */
function flowFor(uri: Uri, surroundings: NextHopHolder): NextHop {
  const secure = uri.scheme === 'sips'
  if (uri.scheme !== 'sip' && !secure) return { refused: 416, text: `no way to send to ${uri.scheme}:; expected sip: or sips:` }
  const named = (uri.parameters.get('transport') ?? '').toUpperCase()
  const transport = secure ? (overTls.get(named) ?? '') : named
  if (secure && named !== '' && transport === '')
    return { refused: 416, text: `sips: never goes over ${named}; expected TLS or WSS` } // RFC 5630 §3.1.1
  const host = uri.parameters.get('maddr') ?? uri.host
  const by = transport !== '' ? transport : secure ? 'TLS' : 'UDP'
  const isHere = host === 'localhost'
  if (!isHere && !numeric.test(host) && by !== 'MEM' && !surroundings.isOurs(host, uri.port)) {
    if (surroundings.locates) return { place: { host, port: uri.port, transport, secure } }
    return { refused: 480, text: `${host} is no address, and names are not looked up; expected an IP address` }
  }
  const port = uri.port || defaultPort(by)
  const flow =
    surroundings.flowTo(by, { host: isHere ? '127.0.0.1' : host, port }) ??
    (isHere ? surroundings.flowTo(by, { host: '::1', port }) : undefined)
  return flow === undefined
    ? { refused: 480, text: `no ${by} transport here: listen on ${by.toLowerCase()}:// in the dialplan` }
    : { flow }
}

/** RFC 5630 §3.1.4: the meaning of a transport parameter in a sips: URI. */
const overTls: ReadonlyMap<string, string> = new Map([
  ['TCP', 'TLS'],
  ['TLS', 'TLS'],
  ['WS', 'WSS'],
  ['WSS', 'WSS'],
])

/**
 * The target that is settled before addresses are: by a Route, a rule for this sender, an element's own URI, or any other
 * rule. The name of an element, or a URI; undefined: the address has to decide.
 */
export function planned(query: PlanQuery, uri: Uri, routes: readonly string[], surroundings: NextHopHolder): string | undefined {
  const { elements, plan } = surroundings
  const top = routes[0] === undefined ? undefined : parseAddress(routes[0])
  if (top !== undefined) {
    if (!surroundings.isOurs(top.uri.host, top.uri.port)) return top.uri.text
    const owner = routeOwner(top, elements)
    if (owner !== undefined) return owner
    const place = nodeOf(elementOfRoute(top.uri.user), plan)
    if (place !== undefined) return place
  }
  const directed = plan.directs ? plan.decide(query) : undefined
  if (directed !== undefined && isDirected(directed.rule, query.from)) return targetOf(directed, query)
  const ours = uri.scheme === 'tel' || surroundings.isOurs(uri.host, uri.port)
  if (ours && uri.user !== query.from && elements.has(uri.user)) return uri.user
  const decision = plan.decide(query)
  return decision && targetOf(decision, query)
}

/** Name of an element here, or a URI. */
function targetOf({ element, uri, plan }: PlanDecision, query: PlanQuery): string | undefined {
  if (element === undefined) return uri
  const instance = plan.instanceOf(element, query)
  return nodeOf(instance, plan) ?? instance
}

/** `sip:host:port` of the other node that runs that element. */
function nodeOf(element: string, plan: Plan): string | undefined {
  const place = plan.placeOf(element)
  return place && `sip:${printHostPort(place)}`
}

/** Whether a rule was written for requests of that element. */
function isDirected({ line, from }: PlanRule, sender: string): boolean {
  return line > 0 && (valuesOf(from)?.includes(sender) ?? false)
}

/** By TLS, or to a peer that the operator trusts; a refused request goes nowhere. */
function isSecure(hop: NextHop): boolean {
  if ('place' in hop) return hop.place.secure === true
  return !('flow' in hop) || hop.flow.trusted || hop.flow.transport === 'TLS' || hop.flow.transport === 'WSS'
}

/** The next hop of a request that `query.from` sends, by its topmost Route, the plan, or else its Request-URI. */
export function nextHop(query: PlanQuery, uri: Uri, routes: readonly string[], surroundings: NextHopHolder): NextHop {
  const way = planned(query, uri, routes, surroundings)
  if (way !== undefined && surroundings.elements.has(way)) return { element: way }
  if (way !== undefined) {
    const peer = parseUri(way)
    if (peer === undefined) return { refused: 400, text: `${way} is no URI` }
    const hop = flowFor(peer, surroundings)
    const open = uri.scheme === 'sips' && routes.length === 0 && !isSecure(hop) // RFC 5630 §3.1
    return open ? flowFor({ ...peer, scheme: 'sips' }, surroundings) : hop
  }
  const ours = uri.scheme === 'tel' || surroundings.isOurs(uri.host, uri.port)
  return ours ? { refused: 404, text: 'no rule of the dialplan takes it: proxima explain says why' } : flowFor(uri, surroundings)
}
