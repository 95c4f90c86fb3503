/** Inbound requests of a node, from peers and between elements: each to the subscription or element that it is for. */

import type { Clock } from '../clock.ts'
import { otherNodeName } from '../cluster/placement.ts'
import type { Sessions } from '../dialogs/sessions.ts'
import type { Subscriptions } from '../dialogs/subscriptions.ts'
import type { Element, Notifier, SubscriptionOptions } from '../element.ts'
import { isStoreFault, ProximaFault } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Log } from '../log.ts'
import { buildResponse, type HeaderList } from '../messages/build.ts'
import type { SipRequest } from '../messages/message.ts'
import { parseUri, type Uri } from '../messages/uri.ts'
import type { Stats } from '../stats.ts'
import type { LocalTransaction } from '../transactions/local.ts'
import type { ServerSide } from '../transactions/server.ts'
import type { TransactionTable } from '../transactions/table.ts'
import type { Flow } from '../transports/transport.ts'
import { type ExchangeHolder, NodeExchange, splitRoutes } from './exchange.ts'
import { isLoop } from './loop.ts'
import { Merging } from './merging.ts'
import { type NextHop, nextHop, planned, planQuery, routeOwner, senderOf, soonKnown } from './next-hop.ts'
import type { Outbound } from './outbound.ts'
import type { Peers } from './peers.ts'
import type { Plan, PlanDecision } from './plan.ts'

interface InboundOptions {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly stats: Stats
  readonly table: TransactionTable
  readonly subscriptions: Subscriptions
  readonly sessions: Sessions
  readonly outbound: Outbound
  readonly peers: Peers
  /** Other nodes of the network: address and port of their datagrams -> their names in rules. */
  readonly otherNodes?: ReadonlyMap<string, string>
}

const comeAgain: HeaderList = [['Retry-After', '1']]

/** Messages of one dialog one at a time: the next waits only where the element took its time. */
class Mailboxes {
  private readonly busy = new Map<string, (() => void)[]>()

  /** @param run gives a promise where it is not done yet; it never rejects */
  inOrder(key: string, run: () => Promise<void> | undefined): void {
    const waiting = this.busy.get(key)
    if (waiting !== undefined) {
      waiting.push(() => this.inOrder(key, run))
      return
    }
    const promise = run()
    if (promise === undefined) return
    this.busy.set(key, [])
    void promise.then(() => {
      const next = this.busy.get(key) ?? []
      this.busy.delete(key)
      for (const task of next) task()
    })
  }
}

export class Inbound implements ExchangeHolder {
  readonly outbound: Outbound
  readonly merging: Merging
  readonly peers: Peers
  readonly sessions: Sessions
  private readonly options: InboundOptions
  private readonly mailboxes = new Mailboxes()

  constructor(options: InboundOptions) {
    this.options = options
    this.outbound = options.outbound
    this.peers = options.peers
    this.sessions = options.sessions
    this.merging = new Merging(options.clock)
  }
  get plan(): Plan {
    return this.outbound.plan
  }
  newTag(): string {
    return this.options.ids.token(10)
  }

  /** A new request from a peer. */
  receive(side: ServerSide): void {
    const { trusted } = side.flow
    const from = trusted ? this.peerName(side.flow) : 'outside'
    const routes = splitRoutes(side.request, this.outbound)
    if (routes === undefined) return this.refuse(side, 400)
    const query = planQuery(side.request, from, senderOf(this.plan, side))
    const decision = this.plan.decide(query)
    const owner = routes.own[0] === undefined ? undefined : routeOwner(routes.own[0], this.reachable)
    const instance = decision?.element === undefined ? undefined : this.plan.instanceOf(decision.element, query)
    const decided = instance !== undefined && this.reachable.has(instance) ? instance : undefined
    const isEntrance = !trusted && owner !== undefined && this.outbound.elements.get(owner)?.admitsStrangers === true
    const given = trusted ? (owner ?? decided ?? this.named(side.request)) : isEntrance ? owner : decided
    // else strangers enter a network of several nodes at its proxy alone, even if their Route says otherwise
    const element = given ?? (this.options.otherNodes === undefined ? owner : undefined)
    if (element === undefined) return this.refuse(side, side.request.method === 'OPTIONS' ? 200 : 404)
    if (side.request.method !== 'ACK' && isLoop(side, this.options.table, this.foreignRoutes)) return this.refuse(side, 482)
    this.deliver(side, element, from, instance === element ? decision : undefined, routes.own, routes.rest)
  }
  /** A node of our network by its name, or any other peer that the dialplan trusts. */
  private peerName({ remote }: Flow): string {
    const { otherNodes } = this.options
    return otherNodes?.get(`${remote.host}:${remote.port}`) ?? 'trusted'
  }
  /** An element whose Contact is the Request-URI. */
  private named({ uri }: SipRequest): string | undefined {
    return this.reachable.has(uri.user) && this.outbound.isOurs(uri.host, uri.port) ? uri.user : undefined
  }
  /** Elements whose requests this node takes: its own, and those that may have been here a moment ago. */
  private readonly reachable = {
    has: (element: string): boolean =>
      this.outbound.elements.has(element) || (this.plan.moves && this.plan.placeOf(element) !== undefined),
  }
  private readonly foreignRoutes = (request: SipRequest): readonly string[] => splitRoutes(request, this.outbound)?.rest ?? []
  receiveAck(request: SipRequest, flow: Flow): void {
    this.receive({ request, flow, via: undefined, onCancel: undefined, admitted: true, respond: () => undefined })
  }
  /** A request that one element of this node sends to another. */
  receiveLocal(transaction: LocalTransaction): void {
    const routes = splitRoutes(transaction.request, this.outbound)
    if (routes === undefined) this.refuse(transaction, 400)
    else this.deliver(transaction, transaction.to, transaction.flow.from, undefined, routes.own, routes.rest)
  }
  private refuse(side: ServerSide, status: number, headers: HeaderList = []): void {
    side.respond(status, buildResponse(side.request, status, { via: side.via, toTag: this.newTag(), headers }))
  }

  private deliver(
    side: ServerSide,
    name: string,
    from: string,
    decision: PlanDecision | undefined,
    own: NodeExchange['ownRoutes'],
    rest: readonly string[],
  ): void {
    const { request } = side
    const { elements } = this.outbound
    const element = elements.get(name)
    if (element === undefined && elements.has(name)) {
      if (request.toTag !== '' && this.options.subscriptions.subscribers.receive(name, side) === true) return
      const deliver = (): void => this.deliver(side, name, from, decision, own, rest)
      return elements.wait(name, { deliver, refuse: () => this.refuse(side, 503, comeAgain) })
    }
    if (request.toTag !== '' && this.ofDialog(name, side)) return
    const exchange = new NodeExchange(this, side, name, from, decision, own, rest)
    if (element === undefined) return this.sendOn(exchange)
    if (request.toTag === '') void this.handle(element, exchange)
    else this.mailboxes.inOrder(`${request.callId}|${request.toTag}|${name}`, () => this.handle(element, exchange))
  }
  /**
   * The element has gone to another node, and its requests follow it, but not back to where they come from. The subscriptions
   * that it made here have ended.
   */
  private sendOn(exchange: NodeExchange): void {
    if (exchange.request.method === 'NOTIFY') return exchange.answer(481)
    const place = this.plan.placeOf(exchange.element)
    const flow = place && this.outbound.flowTo('UDP', place)
    if (flow === undefined) return exchange.answer(404)
    if (exchange.from === otherNodeName(place!)) return exchange.answer(503, { headers: comeAgain })
    exchange.forward({ flow })
  }
  /** False: it is of no subscription and no session. A fault of the element over it costs the one exchange. */
  private ofDialog(name: string, side: ServerSide): boolean {
    const { request } = side
    try {
      return this.options.subscriptions.receive(name, side) || this.sessions.receive(name, side)
    } catch (fault) {
      this.report(name, new ProximaFault('ELEMENT_FAULT', name, fault))
      side.respond(500, buildResponse(request, 500, { via: side.via }))
      return true
    }
  }
  /** A promise only where the element returned one. */
  private handle(element: Element, exchange: NodeExchange): Promise<void> | undefined {
    exchange.instance = element
    try {
      if (!this.merging.admits(element, exchange)) return undefined
      const result = element.handle(exchange)
      if (result === undefined) {
        this.checkSettled(exchange)
        return undefined
      }
      const over = result.then(
        () => this.checkSettled(exchange),
        (fault: unknown) => this.rejected(exchange, fault),
      )
      return this.plan.moves ? this.outbound.elements.during(element.name, over) : over
    } catch (fault) {
      this.fail(exchange, new ProximaFault('ELEMENT_FAULT', exchange.element, fault))
    }
    return undefined
  }
  private checkSettled(exchange: NodeExchange): void {
    const { settled, element, request } = exchange
    if (settled || request.method === 'ACK') return
    this.fail(exchange, new ProximaFault('NEVER_SETTLED', `${element}, ${request.method} ${request.uriText}`))
  }
  /** A request whose state could not be stored is refused, and nothing of it is in force. */
  private rejected(exchange: NodeExchange, fault: unknown): void {
    if (this.hasLeft(exchange) && !exchange.settled) return exchange.reply(503, { headers: comeAgain })
    if (!isStoreFault(fault) || exchange.settled)
      return this.fail(exchange, new ProximaFault('ELEMENT_FAULT', exchange.element, fault))
    const { element, request } = exchange
    this.options.log.error({ element, method: request.method, fault: fault.message }, 'refused: it cannot be stored')
    exchange.reply(500, { warning: 'this cannot be stored now: nothing has changed, come again later' })
  }
  /** Its element was let go while it had it in its hands. */
  private hasLeft({ instance }: NodeExchange): boolean {
    return instance !== undefined && !this.outbound.elements.isPresent(instance)
  }
  /** A fault of ours costs the one exchange. */
  private fail(exchange: NodeExchange, fault: ProximaFault): void {
    this.faulted(exchange, fault)
    if (exchange.settled) return
    exchange.settled = true
    exchange.answer(500)
  }
  faulted({ element }: NodeExchange, fault: ProximaFault): void {
    this.report(element, fault)
  }
  private report(element: string, fault: ProximaFault): void {
    this.options.stats.faults++
    const cause = fault.cause instanceof Error ? fault.cause.stack : fault.cause
    this.options.log.error({ code: fault.code, element, ...(cause === undefined ? {} : { cause }) }, fault.message)
  }

  planned(exchange: NodeExchange, uri: Uri): string | undefined {
    const { request, element, routes } = exchange
    return planned(planQuery(request, element, soonKnown(this.plan, exchange), uri), uri, routes, this.outbound)
  }
  hopFor(exchange: NodeExchange, uri: string, routes: readonly string[], asserted: string | undefined): NextHop {
    const { request, element } = exchange
    const parsed = uri === request.uriText ? request.uri : parseUri(uri)
    if (parsed === undefined) return { refused: 400, text: `${uri} is no URI` }
    return nextHop(planQuery(request, element, senderOf(this.plan, exchange, asserted), parsed), parsed, routes, this.outbound)
  }
  passOn(exchange: NodeExchange): void {
    const { side, from, decision: last, ownRoutes, routes } = exchange
    const plan = last?.plan ?? this.plan
    const query = planQuery(exchange.request, from, senderOf(plan, exchange))
    const decision = plan.decide(query, last?.index)
    if (decision?.element === undefined) exchange.answer(404)
    else this.deliver(side, plan.instanceOf(decision.element, query), from, decision, ownRoutes, routes)
  }
  acceptSubscription(
    exchange: NodeExchange,
    options: SubscriptionOptions<unknown>,
  ): Notifier | { status: number; headers?: HeaderList } {
    if (this.hasLeft(exchange)) return { status: 503, headers: comeAgain }
    return this.options.subscriptions.notifiers.accept(exchange.element, exchange.side, exchange.subscriber, options)
  }
}
