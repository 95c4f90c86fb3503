/** The way to a device inside a dialog: where it was heard last, where it is registered, or the token of its Record-Route. */
import {
  type Address,
  type Exchange,
  type Flow,
  type FlowName,
  type Host,
  type SipRequest,
  tokenOfRoute,
  type Uri,
} from '../../signalling/index.ts'
import { type Bindings, sameContact } from './bindings.ts'
import { isHiddenRoute } from './hidden-contacts.ts'
import { asSips, isOfSipDialog, isSips } from './secure.ts'

const mostUsers = 10_000
const mostContacts = 10 // of one user

const makesDialog = ['INVITE', 'SUBSCRIBE', 'REFER']
/** RFC 5626 §4.3, RFC 5627 §3.4: requests in the dialog go by its own flow, even if other ways lead to that Contact. */
const keepsFlow = /;(?:ob|gr)(?:[;=>?]|$)/i

export class DialogWays {
  private readonly host: Host
  private readonly bindings: Bindings
  /** User, then Contact -> name of the flow by which it refreshed a dialog that was made on another. */
  private readonly moved = new Map<string, Map<string, FlowName>>()

  constructor(host: Host, bindings: Bindings) {
    this.host = host
    this.bindings = bindings
    host.gauge('users_moved', () => this.moved.size)
  }
  /** The flow for a request with that Request-URI behind that token; undefined: broken, or the token is none of ours. */
  of(text: string, requestUri: string): Flow | undefined {
    const { flows } = this.host
    const token = flows.read(text)
    if (token === undefined) return undefined
    const { flow, user } = token
    if (user === undefined) return flows.named(flow)
    const moved = this.moved.get(user)?.get(requestUri)
    return (
      (moved === undefined ? undefined : flows.named(moved)) ??
      (keepsFlow.test(requestUri) ? flows.named(flow) : undefined) ??
      this.bindings.flowOfContact(user, requestUri, flow) ??
      flows.named(flow)
    )
  }
  /** `sender`: who sends, where this proxy has checked; `to`: the flow of `user`, where that is the next hop. */
  recordRoutes(exchange: Exchange, sender?: string, to?: Flow, user?: string): { recordRoute?: readonly string[] } {
    const { request, flow } = exchange
    // RFC 6665 §4.4.1: a subscriber may take its route set from a NOTIFY
    const tellsRoutes =
      (request.method === 'NOTIFY' && flow.internal !== true) || (makesDialog.includes(request.method) && request.toTag === '')
    if (!tellsRoutes) return {}
    const values = to === undefined ? [] : [this.recordRoute(request, to, user)]
    if (flow.internal !== true) values.push(this.recordRoute(request, flow, sender))
    return { recordRoute: values }
  }
  private recordRoute(request: SipRequest, flow: Flow, user: string | undefined): string {
    const uri = this.host.flows.routeTo(this.host.name, flow, user)
    const secure = isSips(request) && (flow.transport === 'TLS' || flow.transport === 'WSS') // RFC 3261 §16.6 step 4
    return `<${secure ? asSips(uri) : uri}>`
  }
  /**
   * Target refresh (RFC 3261 §12.2.1). A user who sends inside a dialog by another flow is reached at that Contact by this
   * flow from now on.
   */
  note({ request, flow, ownRoutes }: Exchange, user: string): void {
    if (request.toTag === '' || ownRoutes.length === 0 || flow.passedOn === true) return // many are behind one of these
    const movedContacts = this.moved.get(user)
    const contact = request.contactUri?.text
    if (contact === undefined) return
    const tokens = ownRoutes.flatMap(({ uri }) => this.tokenOf(uri.user) ?? []).filter((token) => token.user === user)
    if (tokens.length === 0) return
    const name = this.host.flows.nameOf(flow)
    if (tokens.some((token) => token.flow === name)) movedContacts?.delete(contact)
    else this.remember(user, contact, name)
  }
  /** A REGISTER says anew how that Contact is reached. */
  registered(user: string, contact: string): void {
    const contacts = this.moved.get(user)
    for (const movedContact of contacts?.keys() ?? []) if (sameContact(movedContact, contact)) contacts!.delete(movedContact)
    if (contacts?.size === 0) this.moved.delete(user)
  }
  /** Forgets the ways that this user has named: the sender may have been somebody else. */
  forget(user: string): void {
    this.moved.delete(user)
  }
  private remember(user: string, contact: string, flow: FlowName): void {
    const contacts = this.moved.get(user) ?? new Map<string, FlowName>()
    contacts.delete(contact)
    contacts.set(contact, flow)
    if (contacts.size > mostContacts) contacts.delete(contacts.keys().next().value!)
    this.moved.delete(user)
    this.moved.set(user, contacts)
    if (this.moved.size > mostUsers) this.moved.delete(this.moved.keys().next().value!)
  }
  /** The last own Route; an element follows the last one that we gave out, since what stands behind it a UE has written. */
  last({ flow, ownRoutes }: Exchange): Address | undefined {
    const last = ownRoutes.at(-1)
    if (!flow.trusted || last === undefined || ownRoutes.length === 1 || isHiddenRoute(last.uri)) return last
    return ownRoutes.findLast(({ uri }) => this.tokenOf(uri.user) !== undefined) ?? last
  }
  /** The user behind the flow of a Route that we have given out. */
  userOf({ user }: Uri): string | undefined {
    return this.tokenOf(user)?.user
  }
  private tokenOf(user: string): ReturnType<Host['flows']['read']> {
    const token = tokenOfRoute(user)
    return token === undefined ? undefined : this.host.flows.read(token)
  }
  /** Whether it is of a dialog that was begun by `sip:`, through us. */
  isInSipDialog(exchange: Exchange): boolean {
    return isOfSipDialog(exchange) && this.isSealed(exchange.ownRoutes)
  }
  /** Whether a Route was given out by us: any other would make us a relay for anybody. */
  isSealed(routes: readonly Address[]): boolean {
    return routes.some(({ uri }) => this.tokenOf(uri.user) !== undefined)
  }
}
