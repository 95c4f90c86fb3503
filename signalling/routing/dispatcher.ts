/** Brings requests to elements and elements' requests to where they go; the only place that knows both. */
import type { Tap } from '../capture/tap.ts'
import type { Clock } from '../clock.ts'
import type { OutgoingParts } from '../dialogs/sender.ts'
import type { Subscriptions } from '../dialogs/subscriptions.ts'
import type { Element, Notifier, SubscriptionOptions } from '../element.ts'
import { isStoreFault, ProximaFault } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Log } from '../log.ts'
import { buildResponse, type HeaderList } from '../messages/build.ts'
import { SipRequest } from '../messages/message.ts'
import { scan } from '../messages/scan.ts'
import { parseUri, type Uri } from '../messages/uri.ts'
import type { Stats } from '../stats.ts'
import type { ClientUser } from '../transactions/client.ts'
import { LocalFlow, LocalTransaction } from '../transactions/local.ts'
import type { Cancellable, ServerSide } from '../transactions/server.ts'
import type { TransactionTable } from '../transactions/table.ts'
import type { Backoff } from '../transports/backoff.ts'
import { type FlowTable, sentByText } from '../transports/flows.ts'
import type { Locator, ServerAddress } from '../transports/locate.ts'
import type { Flow } from '../transports/transport.ts'
import { type ExchangeHolder, NodeExchange, splitRoutes } from './exchange.ts'
import { Failover } from './failover.ts'
import type { Composer } from './fork.ts'
import { LongRequests, refuseTooLong, shortEnough } from './long-request.ts'
import { isLoop } from './loop.ts'
import { Mailboxes } from './mailboxes.ts'
import { Merging } from './merging.ts'
import type { NextHopHolder } from './next-hop.ts'
import { type NextHop, nextHop, noUri, ownQuery, planned, planQuery, routeOwner, senderOf, soonKnown } from './next-hop.ts'
import type { Plan, PlanDecision } from './plan.ts'
import { Ringing } from './ringing.ts'
import { composeParts, type Shortcut, shortcutOf, shown } from './shortcut.ts'
import { strictly } from './strict.ts'

interface DispatcherOptions {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly plan: Plan
  readonly tap: Tap | undefined
  readonly stats: Stats
  readonly table: TransactionTable
  readonly subscriptions: Subscriptions
  readonly flows: FlowTable
  /** Other nodes of the network: address and port of their datagrams -> their names in rules. */
  readonly otherNodes?: ReadonlyMap<string, string>
  /** Undefined: host names are not looked up. */
  readonly locator: Locator | undefined
  readonly backoff: Backoff
  /** Counts milliseconds of work between elements that no newly arrived message has caused. */
  readonly took: (ms: number) => void
}

export class Dispatcher implements ExchangeHolder, NextHopHolder {
  readonly elements = new Map<string, Element>()
  /** May be replaced: exchanges under way keep the plan that they came by. */
  plan: Plan
  tap: Tap | undefined
  private readonly options: DispatcherOptions
  private readonly links = new Map<string, LocalFlow>()
  private readonly tasks: (() => void)[] = []
  private readonly mailboxes = new Mailboxes()
  private readonly prefix: string
  private readonly long: LongRequests
  readonly merging: Merging
  readonly locates: boolean
  readonly ringing = new Ringing()
  private hops = 0
  private draining = false
  private scheduled = false
  private open = false

  constructor(options: DispatcherOptions) {
    this.options = options
    this.plan = options.plan
    this.tap = options.tap
    this.prefix = `z9hG4bK${options.ids.token(6)}-`
    this.merging = new Merging(options.clock)
    this.locates = options.locator !== undefined
    this.long = new LongRequests(
      options.clock,
      options.flows,
      options.stats,
      ({ remote }) => options.otherNodes?.has(`${remote.host}:${remote.port}`) === true,
    )
  }
  add(element: Element): void {
    this.elements.set(element.name, element)
  }
  isOurs(host: string, port: number): boolean {
    return this.options.flows.isOurs(host, port)
  }
  flowTo(transport: string, remote: { host: string; port: number }): Flow | undefined {
    return this.options.flows.to(transport, remote)
  }
  routeTo(element: string, flow: Flow): string {
    return this.options.flows.routeTo(element, flow)
  }
  isOurRealm(realm: string): boolean {
    return this.plan.domains.has(realm)
  }
  newTag(): string {
    return this.options.ids.token(10)
  }
  after(ms: number, fire: () => void) {
    return this.options.clock.after(ms, fire)
  }

  /** All elements have started: their requests to each other meanwhile are delivered. */
  release(): void {
    this.open = true
    this.drain()
  }
  /** Runs the hops between elements, in order, without recursion. */
  drain(): void {
    if (this.draining || !this.open) return
    this.draining = true
    for (let i = 0; i < this.tasks.length; i++) {
      try {
        this.tasks[i]!()
      } catch (fault) {
        this.options.stats.faults++
        this.options.log.error(
          { fault: fault instanceof Error ? fault.stack : String(fault) },
          'a hop was dropped by a fault of ours',
        )
      }
    }
    this.tasks.length = 0
    this.draining = false
  }
  private readonly soon = (task: () => void): void => {
    this.tasks.push(task)
    if (this.draining || this.scheduled) return
    this.scheduled = true
    queueMicrotask(() => {
      const { clock, took } = this.options
      const began = clock.now()
      this.scheduled = false
      this.drain()
      took(clock.now() - began)
    })
  }

  /** A new request from a peer. */
  receive(side: ServerSide): void {
    const { trusted } = side.flow
    const from = trusted ? this.peerName(side.flow) : 'outside'
    const routes = splitRoutes(side.request, this)
    if (routes === undefined) return this.refuse(side, 400)
    const decision = this.plan.decide(planQuery(side.request, from, senderOf(this.plan, side)))
    const owner = routes.own[0] === undefined ? undefined : routeOwner(routes.own[0], this.elements)
    const given = trusted ? (owner ?? decision?.element ?? this.named(side.request)) : decision?.element
    // strangers enter a network of several nodes at its proxy alone, even if their Route says otherwise
    const element = given ?? (this.options.otherNodes === undefined ? owner : undefined)
    if (element === undefined) return this.refuse(side, side.request.method === 'OPTIONS' ? 200 : 404)
    if (side.request.method !== 'ACK' && isLoop(side, this.options.table, this.foreignRoutes)) return this.refuse(side, 482)
    this.deliver(side, element, from, decision?.element === element ? decision : undefined, routes.own, routes.rest)
  }
  /** A node of our network by its name, or any other peer that the dialplan trusts. */
  private peerName({ remote }: Flow): string {
    const { otherNodes } = this.options
    return otherNodes?.get(`${remote.host}:${remote.port}`) ?? 'trusted'
  }
  /** An element whose Contact is the Request-URI. */
  private named({ uri }: SipRequest): string | undefined {
    return this.elements.has(uri.user) && this.isOurs(uri.host, uri.port) ? uri.user : undefined
  }
  private readonly foreignRoutes = (request: SipRequest): readonly string[] => splitRoutes(request, this)?.rest ?? []
  receiveAck(request: SipRequest, flow: Flow): void {
    this.receive({ request, flow, via: undefined, onCancel: undefined, admitted: true, respond: () => undefined })
  }
  private refuse(side: ServerSide, status: number): void {
    side.respond(status, buildResponse(side.request, status, { via: side.via, toTag: this.newTag() }))
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
    if (request.toTag !== '' && this.ofSubscription(name, side)) return
    const element = this.elements.get(name)
    if (element === undefined) return this.refuse(side, 404)
    const exchange = new NodeExchange(this, side, name, from, decision, own, rest)
    if (request.toTag === '') void this.handle(element, exchange)
    else this.mailboxes.inOrder(`${request.callId}|${request.toTag}|${name}`, () => this.handle(element, exchange))
  }
  /** False: it is of no subscription. A fault of the element over it costs the one exchange. */
  private ofSubscription(name: string, side: ServerSide): boolean {
    const { request } = side
    try {
      return this.options.subscriptions.receive(name, side)
    } catch (fault) {
      this.report(name, new ProximaFault('ELEMENT_FAULT', name, fault))
      side.respond(500, buildResponse(request, 500, { via: side.via }))
      return true
    }
  }
  /** A promise only where the element returned one. */
  private handle(element: Element, exchange: NodeExchange): Promise<void> | undefined {
    try {
      if (!this.merging.admits(element, exchange)) return undefined
      const result = element.handle(exchange)
      if (result === undefined) this.checkSettled(exchange)
      return result?.then(
        () => this.checkSettled(exchange),
        (fault: unknown) => this.rejected(exchange, fault),
      )
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
    if (!isStoreFault(fault) || exchange.settled)
      return this.fail(exchange, new ProximaFault('ELEMENT_FAULT', exchange.element, fault))
    const { element, request } = exchange
    this.options.log.error({ element, method: request.method, fault: fault.message }, 'refused: it cannot be stored')
    exchange.reply(500, { warning: 'this cannot be stored now: nothing has changed, come again later' })
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
    return planned(planQuery(request, element, soonKnown(this.plan, exchange), uri), uri, routes, this)
  }
  hopFor(exchange: NodeExchange, uri: string, routes: readonly string[], asserted: string | undefined): NextHop {
    const { request, element } = exchange
    const parsed = uri === request.uriText ? request.uri : parseUri(uri)
    if (parsed === undefined) return { refused: 400, text: `${uri} is no URI` }
    return nextHop(planQuery(request, element, senderOf(this.plan, exchange, asserted), parsed), parsed, routes, this)
  }
  passOn(exchange: NodeExchange): void {
    const { side, from, decision: last, ownRoutes, routes } = exchange
    const plan = last?.plan ?? this.plan
    const decision = plan.decide(planQuery(exchange.request, from, senderOf(plan, exchange)), last?.index)
    if (decision?.element === undefined) exchange.answer(404)
    else this.deliver(side, decision.element, from, decision, ownRoutes, routes)
  }
  acceptSubscription(
    exchange: NodeExchange,
    options: SubscriptionOptions<unknown>,
  ): Notifier | { status: number; headers?: HeaderList } {
    return this.options.subscriptions.accept(exchange.element, exchange.side, exchange.subscriber, options)
  }

  /** Carrier: a composed request to its next hop. */
  dispatch(hop: NextHop, method: string, from: string, compose: Composer, user: ClientUser): Cancellable | undefined {
    if ('refused' in hop) return undefined
    if ('element' in hop) return this.hop(hop.element, from, compose, user)
    if ('place' in hop) return this.travel(hop.place, method, from, compose, user)
    const { flow } = hop
    const sentBy = sentByText(flow)
    const transport = flow.transport === 'MEM' ? 'UDP' : flow.transport
    const tail = !flow.reliable ? ';rport' : flow.dialled === true ? ';alias' : '' // RFC 5923 §5
    if (method === 'ACK') {
      this.options.table.transmit(flow, compose(`SIP/2.0/${transport} ${sentBy};branch=${this.newBranch()}${tail}`, flow))
      return { cancel: () => undefined }
    }
    const transaction = this.options.table.client(method, flow, user)
    const bytes = compose(`SIP/2.0/${transport} ${sentBy};branch=${transaction.branch}${tail}`, flow)
    if (bytes.length <= shortEnough || flow.reliable) {
      transaction.begin(bytes)
      return transaction
    }
    return this.long.send({
      method,
      bytes,
      flow,
      located: hop.located === true,
      user,
      sendBy: (stream, other) => this.dispatch({ flow: stream }, method, from, compose, other),
      sendHere: () => {
        transaction.begin(bytes)
        return transaction
      },
      drop: () => transaction.withdraw(),
    })
  }
  /** To a host by name: sent when it has been looked up, to one of its addresses after the other. */
  private travel(to: ServerAddress, method: string, from: string, compose: Composer, user: ClientUser): Cancellable | undefined {
    const { backoff, flows, locator, log } = this.options
    const failover = new Failover({
      method,
      user,
      backoff,
      send: ({ transport, host, port, name }, traveller) => {
        const flow = flows.to(transport, { host, port }, { name })
        return flow && this.dispatch({ flow, located: true }, method, from, compose, traveller)
      },
      log: (why) => log.debug({ element: from, method, host: to.host }, why),
    })
    void locator?.locate(to).then((located) => this.soon(() => failover.located(located)))
    return failover
  }
  private hop(name: string, from: string, compose: Composer, user: ClientUser): Cancellable | undefined {
    const { primary } = this.options.flows
    const bytes = compose(this.localVia())
    const tooLong = refuseTooLong(bytes, user, this.soon)
    if (tooLong !== undefined) return tooLong
    const request = scan(bytes)
    if (!(request instanceof SipRequest) || request.fault !== undefined) {
      this.options.log.error({ from, to: name, fault: request?.fault?.text }, 'an element sent what is no sound request')
      return undefined
    }
    let flow = this.links.get(from)
    if (flow === undefined) this.links.set(from, (flow = new LocalFlow(from, primary)))
    const transaction = new LocalTransaction(request, flow, name, user, this.soon, this.seen)
    this.options.stats.localHops++
    this.seen(bytes, from, name)
    this.soon(() => {
      const routes = splitRoutes(request, this)
      if (routes === undefined) this.refuse(transaction, 400)
      else this.deliver(transaction, name, from, undefined, routes.own, routes.rest)
    })
    return transaction
  }
  private readonly seen = (bytes: Buffer, from: string, to: string): void => {
    const { tap } = this
    if (tap === undefined) return
    const { clock } = this.options
    const { host: address, port } = this.options.flows.primary
    tap.message({
      at: clock.date(),
      transport: 'MEM',
      from: { address, port, name: from },
      to: { address, port, name: to },
      direction: 'local',
      bytes,
    })
  }

  /** Sender: an element's own request. */
  send(parts: OutgoingParts, user: ClientUser): void {
    const short = shortcutOf(parts, this.elements)
    if (short !== undefined) return this.sendDirectly(parts, user, short)
    const uri = parseUri(parts.uri)
    const hop: NextHop = uri === undefined ? noUri : nextHop(ownQuery(parts, uri, this.plan), uri, parts.routeSet, this)
    const strict = 'element' in hop ? undefined : strictly(parts.uri, parts.routeSet)
    const sent = strict === undefined ? parts : { ...parts, uri: strict.uri, routeSet: strict.routes }
    const compose = (via: string, flow?: Flow): Buffer => composeParts(this.reached(sent, flow), via, 70, sent.routeSet)
    if (this.dispatch(hop, parts.method, parts.element, compose, user) !== undefined) return
    const why = 'refused' in hop ? hop.text : 'not sent'
    this.options.log.warn({ element: parts.element, method: parts.method, to: parts.uri }, why)
    this.soon(() => user.onNoResponse(503))
  }
  private sendDirectly(parts: OutgoingParts, user: ClientUser, { flow, through }: Shortcut): void {
    const shownUser = this.tap === undefined ? user : shown(parts, user, through, this.localVia(), this.seen)
    this.options.stats.localHops++
    const compose = (via: string): Buffer => composeParts(this.reached(parts, flow), via, 69, [])
    // In its turn: the answer to a SUBSCRIBE, which may be on its way between elements, leaves before the NOTIFY.
    this.soon(() => this.dispatch({ flow }, parts.method, parts.element, compose, shownUser))
  }
  /** With the Contact by which the peer of that flow reaches the element, where it is not the usual one. */
  private reached(parts: OutgoingParts, flow: Flow | undefined): OutgoingParts {
    const { flows } = this.options
    if (flow === undefined || !flows.differs(flow)) return parts
    const common = `<${flows.contact(parts.element)}>`
    const contact = `<${flows.contact(parts.element, flow)}>`
    return {
      ...parts,
      headers: parts.headers.map((field) => (field[1] === common && field[0] === 'Contact' ? ['Contact', contact] : field)),
    }
  }
  /** Via value of hops between elements. */
  private localVia(): string {
    return `SIP/2.0/UDP ${this.options.flows.address};branch=${this.newBranch()}`
  }
  private newBranch(): string {
    return `${this.prefix}${(this.hops++).toString(36)}`
  }
}
