/** Header fields that cross to another operator: addresses that we advertise to it, and no other of ours (SPEC §2.6). */
import {
  type Address,
  type Exchange,
  type Flow,
  type ForwardOptions,
  type ForwardTarget,
  H,
  type Host,
  parseAddress,
  printHostPort,
  type SipRequest,
  type SipResponse,
  tokenOfRoute,
  type Uri,
} from '../../signalling/index.ts'
import { isPublicAddress } from '../shared/http/public-address.ts'
import type { HiddenContacts, PeerDialog } from './hidden-contacts.ts'
import { publicBody } from './public-body.ts'

type HeaderField = readonly [name: string, value: string]

/** A request as it leaves. `malformed`: what is no Contact cannot be hidden; `unreadable`: nor can what its body shows. */
type LeavingRequest =
  | 'malformed'
  | 'unreadable'
  | (Pick<ForwardTarget, 'recordRoute'> & Pick<ForwardOptions, 'headers' | 'drop' | 'answerHeaders' | 'body'>)

/** The dialog of a message that crosses, and our address there. */
interface CrossingPoint {
  readonly dialog: PeerDialog
  /** Port 0: a domain of ours. */
  readonly at: { readonly host: string; readonly port: number }
}

const inner = ['Path', 'Service-Route', 'P-Access-Network-Info'] // for our own network alone
const innerAnswers = inner.map((name) => [name, undefined] as const)
/** An address, or a URI that may name one. */
const place = /\d{1,3}(?:\.\d{1,3}){3}|\[|[0-9a-f]*:[0-9a-f]*:|sips?:|@/i
/** RFC 3261 §20.10, RFC 5626 §4.1, RFC 3840 §10: what a Contact says of its device. */
const keptParameters =
  /^(?:q|expires|reg-id|\+.*|audio|video|text|data|application|control|automata|class|duplex|mobility|description|events|priority|methods|schemes|extensions|isfocus|actor|language)$/
const plainParameters = ['q', 'expires', 'reg-id']

export class Crossing {
  private readonly host: Host
  private readonly hidden: HiddenContacts

  constructor(host: Host, hidden: HiddenContacts) {
    this.host = host
    this.hidden = hidden
  }
  /** A request to a peer; `recordRoute`: our own values. */
  leaving({ request }: Exchange, { flow, recordRoute = [] }: ForwardTarget): LeavingRequest {
    const { peers } = this.host
    const peer = flow === undefined ? peers.nameOf(request.uri.host) : peers.nameAt(flow)
    const point = this.pointOf(flow, { peer, callId: request.callId })
    const contacts = request.list(H.Contact)
    const shown = contacts.map((value) => this.contact(value, point))
    if (request.method !== 'ACK' && shown.includes(undefined)) return 'malformed'
    const originals = new Map<string, string>()
    const routes = [recordRoute, request.list(H['Record-Route'])].map((values) =>
      values.flatMap((value) => this.route(value, point, originals) ?? []),
    )
    const headers: HeaderField[] = []
    const drop = [...inner]
    replace('Contact', contacts, shown, headers, drop)
    replace('Record-Route', request.list(H['Record-Route']), routes[1]!, headers, drop)
    const body = this.body(request, point)
    if (body === 'unreadable' && request.method !== 'ACK') return body
    const content = body === 'unreadable' ? '' : body
    return {
      ...(content === undefined ? {} : { body: { type: request.text(H['Content-Type'])!, content } }),
      ...(recordRoute.length === 0 ? {} : { recordRoute: routes[0]! }),
      ...(headers.length === 0 ? {} : { headers }),
      drop,
      ...(originals.size === 0 ? {} : { answerHeaders: (response) => restored(response, originals) }),
    }
  }
  /** Header fields of responses to a peer's request. */
  answering({ flow, request }: Exchange): NonNullable<ForwardOptions['answerHeaders']> {
    const point = this.pointOf(flow, { peer: this.host.peers.nameAt(flow), callId: request.callId })
    const theirs = request.list(H['Record-Route'])
    return (response) => {
      const fields: (readonly [string, string | undefined])[] = [...innerAnswers]
      const contacts = response.list(H.Contact)
      const shown = contacts.flatMap(
        (value) => (response.status < 300 ? this.contact(value, point) : this.redirection(value, point)) ?? [],
      )
      if (!isSame(contacts, shown)) fields.push(...valuesOf('Contact', shown))
      const routes = response.list(H['Record-Route'])
      const seen = routes.flatMap((value) => (theirs.includes(value) ? value : (this.route(value, point) ?? [])))
      if (!isSame(routes, seen)) fields.push(...valuesOf('Record-Route', seen))
      return fields
    }
  }
  /** Bodies of responses to a peer's request. */
  answeringBody({ flow, request }: Exchange): NonNullable<ForwardOptions['answerBody']> {
    const point = this.pointOf(flow, { peer: this.host.peers.nameAt(flow), callId: request.callId })
    return (response) => {
      const body = this.body(response, point)
      return body === 'unreadable' ? '' : body
    }
  }
  /** A body as a peer sees it that knows us by a public address; undefined: as it is. */
  private body(message: SipRequest | SipResponse, { at }: CrossingPoint): Buffer | 'unreadable' | undefined {
    return at.port === 0 || isPublicAddress(at.host) ? publicBody(message) : undefined
  }
  private pointOf(flow: Flow | undefined, dialog: PeerDialog): CrossingPoint {
    // before a peer is looked up nobody knows by which of our sockets: it finds us by our domain, too
    return { dialog, at: flow === undefined ? { host: this.host.domains[0]!, port: 0 } : (flow.sentBy ?? flow.local) }
  }
  /** A Contact as a peer sees it; undefined: it is none. */
  private contact(value: string, point: CrossingPoint): string | undefined {
    const contact = parseAddress(value)
    if (contact === undefined) return undefined
    const { uri } = contact
    if (this.isSeen(uri, point)) return shownContact(uri.text, contact)
    const user = this.hidden.hide('ct', uri.text, point.dialog)
    return shownContact(`${uri.scheme === 'sips' ? 'sips' : 'sip'}:${user}@${printHostPort(point.at)}`, contact)
  }
  /** Whether a URI names nothing but a domain of ours, or our address there. */
  private isSeen({ host, port, ...uri }: Uri, { at }: CrossingPoint): boolean {
    const isOurs = this.host.flows.isOurs(host, port) && (this.host.domains.includes(host) || host === at.host)
    return isOurs && saysNoMore(uri)
  }
  /** A Contact of a redirection, which is no part of a dialog: users of domains, and numbers. */
  private redirection(value: string, point: CrossingPoint): string | undefined {
    const contact = parseAddress(value)
    if (contact === undefined) return undefined
    const { scheme, host, port, user } = contact.uri
    const isNumber = scheme === 'tel' && contact.uri.parameters.size === 0
    const isUser = scheme.startsWith('sip') && user !== '' && port === 0 && isName(host) && saysNoMore(contact.uri)
    return isNumber || isUser || this.isSeen(contact.uri, point) ? shownContact(contact.uri.text, contact) : undefined
  }
  /** A Record-Route as a peer sees it; undefined: it is none. `originals`: by user part, how our side has to see it. */
  private route(value: string, { at, dialog }: CrossingPoint, originals?: Map<string, string>): string | undefined {
    const route = parseAddress(value)
    if (route === undefined) return undefined
    const { user, host, port, scheme } = route.uri
    const isOurs = this.host.flows.isOurs(host, port)
    if (isOurs && host === at.host && port === at.port) return value
    const token = tokenOfRoute(user)
    const isOwn = isOurs && token !== undefined && this.host.flows.isSealed(token)
    const seen = isOwn ? user : this.hidden.hide('rr', value, dialog)
    originals?.set(seen, value)
    return `<${scheme === 'sips' ? 'sips' : 'sip'}:${seen}@${printHostPort(at)};lr>`
  }
}

/** A URI with a host that may be seen has nothing else that names a place. */
function saysNoMore({ headers, parameters, password, user }: Pick<Uri, 'headers' | 'parameters' | 'password' | 'user'>): boolean {
  if (headers !== '' || password !== undefined || parameters.has('maddr') || place.test(user)) return false
  for (const value of parameters.values()) if (place.test(value)) return false
  return true
}

function isName(host: string): boolean {
  return host.includes('.') && !/^[0-9.]+$|:/.test(host)
}

/** A Contact at that URI without its display name, and with such parameters as say no address. */
export function shownContact(uri: string, { parameters }: Address): string {
  let text = `<${uri}>`
  for (const [name, value] of parameters) {
    if (!keptParameters.test(name) || place.test(value)) continue
    text +=
      value === ''
        ? `;${name}`
        : plainParameters.includes(name)
          ? `;${name}=${value}`
          : `;${name}="${value.replace(/["\\]/g, '\\$&')}"`
  }
  return text
}

function isSame(a: readonly (string | undefined)[], b: readonly (string | undefined)[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

function replace(
  name: string,
  before: readonly string[],
  after: readonly (string | undefined)[],
  headers: HeaderField[],
  drop: string[],
): void {
  if (isSame(before, after)) return
  drop.push(name)
  for (const value of after) if (value !== undefined) headers.push([name, value])
}

function valuesOf(name: string, values: readonly string[]): readonly (readonly [string, string | undefined])[] {
  return values.length === 0 ? [[name, undefined]] : values.map((value) => [name, value] as const)
}

/** Record-Routes of a peer's response as our side knows them. */
function restored(response: SipResponse, originals: ReadonlyMap<string, string>): readonly HeaderField[] | undefined {
  const routes = response.list(H['Record-Route'])
  if (routes.length === 0) return undefined
  return routes.map((value) => ['Record-Route', originals.get(parseAddress(value)?.uri.user ?? '') ?? value])
}
