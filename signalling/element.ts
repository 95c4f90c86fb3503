/** The one interface between the engine and its elements. Types only. */

import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import type { Log } from './log.ts'
import type { Address } from './messages/address.ts'
import type { Credentials } from './messages/auth.ts'
import type { SipRequest, SipResponse } from './messages/message.ts'
import type { Uri } from './messages/uri.ts'
import type { OutboundHttp } from './outbound-http.ts'
import type { PeerOperators } from './peer-operators.ts'
import type { Claim } from './routing/claim.ts'
import type { CallerListener, OutgoingCall, Session, SessionListener } from './session.ts'
import type { Json, Store, StoreWrite } from './storage/store.ts'
import type { FlowName } from './transports/flow-name.ts'
import type { Flow, HostPort } from './transports/transport.ts'

/** A network element. It settles each exchange exactly once; a promise is awaited, and only then. */
export interface Element {
  readonly name: string
  readonly claims: readonly Claim[]
  readonly packages?: readonly EventPackage[]
  /**
   * Requests pass through it (RFC 3261 §16): one that comes by two ways goes on by both. Left out: it is a user agent, which is
   * handed such a request once (§8.2.2.2), unless it refuses it or sends it on.
   */
  readonly isProxy?: boolean
  /** Strangers enter the network by it, where their topmost Route names it. Left out: as the plan has it. */
  readonly admitsStrangers?: boolean
  /** May send and subscribe, but not wait for an answer: other elements hear of it when all have started. */
  start?(host: Host): void | Promise<void>
  handle(exchange: Exchange): void | Promise<void>
  /**
   * The flow that a token of this element's own Record-Route leads to, for a request that another element sends into a
   * dialog. Undefined: the element wants to see the request itself.
   */
  relay?(token: string, requestUri: string): Flow | undefined
  /** A subscriber refreshed, maybe with a new body. Called before the 200, and changes nothing itself. A status refuses. */
  refreshed?(notifier: Notifier, request: SipRequest): undefined | number | RefreshChange
  /**
   * The subscription is over, ended by either side; its last NOTIFY may be on its way yet. A promise: resolves when the
   * state that rests on it is withdrawn durably. The answer to an unsubscribing SUBSCRIBE waits for that.
   */
  ended?(notifier: Notifier, reason: EndReason): void | Promise<void>
  /** A subscription found in the store after a restart; the element takes it up again by `notifier.notify`. */
  restored?(notifier: Notifier): void | Promise<void>
  /**
   * Other settings from now on. Returns the names of settings that differ and take effect at the next start only. Throws,
   * and changes nothing, where they make no sense. Left out: no setting changes while it runs.
   */
  reload?(settings: unknown): readonly string[] | Promise<readonly string[]>
  /** It goes on at another node: holdings in memory alone, such as units of a quota, are given back. `stop` follows. */
  handBack?(): void
  /** Ends its timers and watches; writes under way end. Another element of its name may take up its state afterwards. */
  stop?(): void | Promise<void>
}

/** Everything that an element may touch. */
export interface Host {
  /** The element's name in the dialplan; of an instance in partitions the instance's, `presence.p3`. */
  readonly name: string
  /** Its own address, `sip:<name>@<first domain>`. */
  readonly uri: string
  /** Its Contact: its address without a domain, `sip:<name>@<address>`. */
  readonly contact: string
  /** Whether that user, by URI, is of this instance's partition; true where the element has no others. */
  owns(user: string): boolean
  readonly domains: readonly string[]
  readonly clock: Clock
  readonly store: Store
  readonly log: Log
  readonly ids: Ids
  /** Adds to a counter that `/metrics` shows as `proxima_<element>_<name>_total`. */
  count(name: string, by?: number): void
  /** Shows the size of a table as `proxima_<element>_<name>`. */
  gauge(name: string, read: () => number): void
  /** Sends a request outside any dialog from this element and resolves with its final response (408 on silence). */
  send(request: OutgoingRequest): Promise<SipResponse>
  /** A standing or one-off (`expires: 0`) subscription of this element at another. The engine refreshes it and resubscribes. */
  subscribe(options: SubscribeOptions, listener: SubscriptionListener): Subscription
  /** Sends an INVITE (RFC 3261 §13): its outcome, and what becomes of the session, are told to the listener. */
  invite(request: OutgoingInvite, listener: CallerListener): OutgoingCall
  /** Standing subscriptions at this element of a subscriber known to a proxy of ours by credentials. */
  subscriptionsOf(subscriber: string): readonly Notifier[]
  /** All who have any. */
  subscribers(): Iterable<string>
  /** Ways to peers, for elements that route by flow: the proxy. */
  readonly flows: Flows
  readonly peers: PeerOperators
  /** HTTP to servers outside the network. */
  readonly http: OutboundHttp
}

/** Finds and names flows. A token names one in a Record-Route or Path, sealed so that nobody can make one up (RFC 5626 §5.2). */
interface Flows {
  /**
   * `sip:<element>.<token>@host:port;lr`, without brackets: leads through that element and on by that flow. `user`: address of
   * record behind the flow, which `read` tells and nobody else can see.
   */
  routeTo(element: string, flow: Flow, user?: string): string
  /** As `routeTo`, by way of the address at which other elements of the network reach this node: a Path told to them. */
  pathTo(element: string, flow: Flow, user?: string): string
  /** The name of a token's flow, and its user where it was made for one; undefined: not ours. */
  read(token: string): { readonly flow: FlowName; readonly user: string | undefined } | undefined
  /** The flow of a token, made anew if it is a datagram peer; undefined: broken, or not ours. */
  find(token: string): Flow | undefined
  /** Whether that token is one of ours, even if its flow is gone. */
  isSealed(token: string): boolean
  /** A name for the store: of a datagram peer for good, of a connection for as long as it stands. */
  nameOf(flow: Flow): FlowName
  named(name: FlowName): Flow | undefined
  /** A flow to that address over our own socket of that transport; undefined if there is none. */
  to(transport: string, remote: HostPort): Flow | undefined
  /** True where host and port are this node's. */
  isOurs(host: string, port: number): boolean
  /** True where this node listens at that host, at whichever port. */
  isOurHost(host: string): boolean
  /** Returns the way to stop. */
  onClosed(listener: (flow: Flow) => void): () => void
}

export interface Body {
  readonly type: string
  readonly content: string | Uint8Array
}

export interface OutgoingRequest {
  readonly method: string
  readonly to: string
  /** Left out: the element's own URI. */
  readonly from?: string
  /** P-Asserted-Identity, trusted by peers of the trust domain only. */
  readonly asserted?: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly body?: Body
  /** Request-URI; left out: `to`, without its user part in a REGISTER. */
  readonly uri?: string
  /** Values of From and To as their writer has them, tags and all: the request is another's, sent again. */
  readonly written?: { readonly from: string; readonly to: string }
  /** For requests that belong together, such as REGISTERs. */
  readonly callId?: string
  readonly cseq?: number
  /**
   * Branch of the Via, which begins with `z9hG4bK`: for a request that may be sent again after a restart, as a retransmission
   * (RFC 3261 §17.2.3). Never one that is under way. Left out: a new one.
   */
  readonly branch?: string
  /** Route values, topmost first. */
  readonly route?: readonly string[]
  /** Answers a digest challenge, once. */
  readonly credentials?: Credentials
}

export type OutgoingInvite = Pick<OutgoingRequest, 'to' | 'from' | 'headers' | 'body' | 'route' | 'credentials'>

/** One request, to be settled once by `reply` from 200 on, `forward`, `pass`, `accept` or `answerInvite`. */
export interface Exchange {
  readonly request: SipRequest
  readonly flow: Flow
  /** The identity of the asker, for which the proxy or a trusted peer has vouched, or another operator for one of its own. */
  readonly asserted: Address | undefined
  readonly settled: boolean
  /** Makes it one of a stranger, which an edge proxy of ours has passed on by the topmost own Route: that is taken off. */
  distrust(): void
  /** Its sender is let in: a refusal is repeated to it like any answer (RFC 3261 §26.3.2.4). */
  admit(): void
  reply(status: number, fields?: ReplyFields): void
  forward(to: ForwardTarget | readonly ForwardTarget[], how?: ForwardOptions): Fork
  /** As `forward`, to targets that may be none yet: without success it goes on until `release`, while others are added. */
  hold(to: readonly ForwardTarget[], how?: ForwardOptions): HeldFork
  /** The element (or URI) to which the plan would hand it if this element forwarded it as it is; undefined: nobody. */
  readonly planned: string | undefined
  /** The same, had it that Request-URI. */
  plannedAt(uri: Uri): string | undefined
  /** Event packages for which the plan would name an element at that Request-URI, default its own, asked by this method. */
  eventsAt(uri?: Uri): readonly string[]
  /** Not mine: the next rule of the plan decides. */
  pass(): void
  /** SUBSCRIBE only: 200 and the first NOTIFY; the dialog, its timers and its rate are the engine's from here on. */
  accept<State>(options: SubscriptionOptions<State>): Notifier<State>
  /** INVITE only: a 2xx, and the session that it makes. Not live: the INVITE was settled before, or got 503 for want of room. */
  answerInvite(fields: ReplyFields, listener: SessionListener): Session
  /** INVITE only: the caller has cancelled it, and has been told 487. Who asks for this lets it in: a refusal is repeated until its ACK. */
  onCancel(listener: () => void): void
  /** Own Route values that were on top, topmost first, taken off already. */
  readonly ownRoutes: readonly Address[]
  /** Route values that remain. */
  readonly routes: readonly string[]
}

export interface ReplyFields {
  readonly reason?: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly body?: Body
  /** Sent as `Warning: 399 <element> "<text>"`. */
  readonly warning?: string
}

/** The next target of a request: an element of the plan by name, or a URI, by the flow given if one is. */
export interface ForwardTarget {
  readonly element?: string
  readonly uri?: string
  readonly flow?: Flow
  /** Route header fields to put in front, topmost first. */
  readonly route?: readonly string[]
  /** Record-Route values to add, instead of those of `ForwardOptions`. */
  readonly recordRoute?: readonly string[]
  readonly q?: number
  /** Other flows to the same device, tried in turn where this one fails: 430, no connection, an INVITE unanswered (RFC 5626 §7). */
  readonly otherwise?: readonly ForwardTarget[]
}

export interface ForwardOptions {
  /** Replaces every P-Asserted-Identity; '' only strips. */
  readonly asserted?: string
  /** Record-Route values to add, topmost first (Host.flows.routeTo): stay on the path of the dialog. */
  readonly recordRoute?: readonly string[]
  /** Header fields to add or replace. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** Header fields to drop. */
  readonly drop?: readonly string[]
  /** Goes on instead of the request's own body; Content-Type and Content-Length follow. No content: none goes on. */
  readonly body?: Body
  /** Only our own Via goes on; a response gets those of the request back. The next hop sees nothing of the way before us. */
  readonly hideVias?: true
  /** Header fields to replace in each response before it goes back, or to drop, without a value; undefined: none. */
  readonly answerHeaders?: (response: SipResponse) => readonly (readonly [name: string, value: string | undefined])[] | undefined
  /** Goes back instead of the body of a response, of the same type; undefined: its own. */
  readonly answerBody?: (response: SipResponse) => Body['content'] | undefined
  /** Answer where nobody could be reached, or a request other than INVITE has no final response after so many milliseconds. */
  readonly unanswered?: { readonly status: number; readonly after: number }
  /**
   * Sees each final response before it goes back; may return a status to answer instead. A promise holds the response back
   * until it is settled; 500 is answered where it rejects.
   */
  readonly onFinal?: (response: SipResponse) => number | undefined | Promise<number | undefined>
}

export interface Fork {
  cancel(): void
}

/** A fork whose targets are not all known yet. `release`: no other will be added, and it ends as any fork. */
export interface HeldFork extends Fork {
  add(target: ForwardTarget): void
  release(): void
}

/** An event package; dialogs, refresh, expiry, rate and durability are the engine's. */
export interface EventPackage<State = unknown> {
  readonly name: string
  /** Media types a NOTIFY may carry; the first is the default. */
  readonly types: readonly string[]
  /** Seconds granted when the subscriber names none, and at most. */
  readonly expires: { readonly usual: number; readonly max: number }
  /** Option tag that subscribers have to know: said in every answer and NOTIFY (RFC 4662 §4.4). */
  readonly requires?: string
  /** Put an entity tag into every NOTIFY (RFC 5839). Left out: only when a subscriber asks by Suppress-If-Match. */
  readonly conditional?: boolean
  /** Whether the second state says nothing that the first did not: then nobody is told. Left out: every state is told. */
  same?(known: State, state: State): boolean
  /**
   * Asked before each NOTIFY of a standing subscription, its last one apart. False: it is not sent, for the element has ended
   * the subscription or will give state again. One that failed is tried again without asking. Left out: all are sent.
   */
  admit?(notifier: Notifier): boolean | Promise<boolean>
  /** Told of each NOTIFY with a body that had a 2xx, with its state. */
  acknowledged?(notifier: Notifier<State>, state: State): void
  /** The body for one subscriber. Undefined: a NOTIFY without body. */
  render(state: State, context: RenderContext<State>): Body | undefined
  /**
   * As much of the state in `render` as fits into `room` bytes, and the state that the subscriber has then. The rest
   * follows as a difference to that. Left out, or undefined: a state that does not fit ends the subscription.
   */
  part?(state: State, context: RenderContext<State> & { readonly room: number }): StatePart<State> | undefined
}

export interface StatePart<State> {
  readonly body: Body
  readonly state: State
}

export interface RenderContext<State = unknown> {
  /** One of the package's types, as negotiated by Accept. */
  readonly type: string
  /** Rises by one with every NOTIFY of the subscription, over restarts too (then by more). */
  readonly version: number
  /** The state that the subscriber has acknowledged; absent when full state is due (first NOTIFY, refresh, restart). */
  readonly previous: State | undefined
  /** The NOTIFY tells that a standing subscription is over: expired, unsubscribed or ended by the element. Not for a fetch. */
  readonly ending?: boolean
}

export type EndReason = 'timeout' | 'rejected' | 'deactivated' | 'probation' | 'noresource' | 'giveup' | 'invariant'

export interface SubscriptionOptions<State> {
  readonly package: string
  /** The resource subscribed to; the element's own key. */
  readonly resource: string
  /** State of the first NOTIFY. Left out, for a fetch alone: it waits for `Notifier.notify` (SPEC §8.2). */
  readonly state?: State
  /** `pending`: authorisation not settled yet. */
  readonly pending?: boolean
  /** Seconds granted at most, less than the package would grant; of a new subscription. */
  readonly expires?: number
  /**
   * Places that it takes in its subscriber's share; default 1. A subscription that causes others elsewhere may be worth
   * several.
   */
  readonly weight?: number
  /** The element's own data about it, kept in the store with the subscription. At most some hundred bytes. */
  readonly record?: Json
  /** Written with the subscription, all or nothing; not where its subscriber is an element of this node, or it is a fetch. */
  readonly writes?: readonly StoreWrite[]
  /**
   * It stands, durably, and the 200 is about to leave: from here on others may see it. Never called where the store fails,
   * or where it has ended while it was written; `ended` is.
   */
  readonly begun?: (notifier: Notifier<State>) => void
}

/** The change of a refresh: durable first, then in force; nothing of it where the store fails. */
export interface RefreshChange {
  /** The element's own record from now on. */
  readonly record?: Json
  /** Written with the subscription, all or nothing. */
  readonly writes?: readonly StoreWrite[]
  /** All of it is durable: may call `notifier.notify`. Not called where the subscription has ended meanwhile. */
  readonly apply?: () => void
}

/** A live subscription, seen by the element that notifies. */
export interface Notifier<State = unknown> {
  readonly id: string
  readonly package: string
  readonly resource: string
  /** Canonical URI of the asserted subscriber, or of From where nobody vouches. */
  readonly subscriber: string
  /** Parameters of the Event header. */
  readonly parameters: ReadonlyMap<string, string>
  /** Media type negotiated for NOTIFY bodies. */
  readonly type: string
  readonly record: Json | undefined
  /** Names the credentials by which its subscriber was known; undefined: nobody has said. */
  readonly credentials: string | undefined
  /** Milliseconds since the epoch at which it ends, if it is not refreshed. */
  readonly expires: number
  readonly live: boolean
  /** The subscriber is told that it is pending, and no state. */
  readonly pending: boolean
  /** Newest state wins: a state that could not be told in time is never sent. Rate limits of RFC 6446 apply. */
  notify(state: State): void
  /** From pending to active, or back, durably; and this is the state from then on. */
  authorise(granted: boolean, state: State): void
  /**
   * Takes the state back: a NOTIFY with it does not leave, or is not sent again. Nothing leaves until there is another state, or
   * the end. The last NOTIFY, where it was under way, follows without state.
   */
  recall(): void
  /** Changes the element's own record, durably. */
  keep(record: Json): void
  terminate(reason: EndReason, retryAfterSeconds?: number): void
}

export interface SubscribeOptions {
  readonly to: string
  /** Event header value, parameters and all. */
  readonly event: string
  readonly accept?: readonly string[]
  /** Seconds; 0 fetches once. Default 3600. */
  readonly expires?: number
  /** Seconds after which it is refreshed at the latest, where the notifier is not of this node: it may have forgotten us. */
  readonly check?: number
  /** A function: called at each SUBSCRIBE, where its result may have changed. */
  readonly body?: Body | (() => Body)
  readonly from?: string
  readonly asserted?: string
  readonly route?: readonly string[]
  readonly credentials?: Credentials
}

export interface SubscriptionListener {
  notified(notification: Notification): void
  /** The subscription ended and will not come back by itself: refused, fetched, or unsubscribed. */
  ended?(why: { readonly status: number; readonly reason: string }): void
}

export interface Notification {
  readonly request: SipRequest
  readonly state: 'active' | 'pending' | 'terminated'
  readonly reason: string | undefined
}

/** The subscriber's side. */
export interface Subscription {
  readonly live: boolean
  /** Sends a refresh now, with another body if given. */
  refresh(body?: Body): void
  unsubscribe(): void
}
