/** Outbound requests of a node: to another element in memory, or over a flow, which a name may have to be looked up for. */
import type { Tap } from '../capture/tap.ts'
import type { Clock } from '../clock.ts'
import type { OutgoingParts } from '../dialogs/sender.ts'
import type { Ids } from '../ids.ts'
import type { Log } from '../log.ts'
import { SipRequest } from '../messages/message.ts'
import { scan } from '../messages/scan.ts'
import { parseUri } from '../messages/uri.ts'
import type { Stats } from '../stats.ts'
import type { ClientUser } from '../transactions/client.ts'
import { LocalFlow, LocalTransaction } from '../transactions/local.ts'
import type { Cancellable } from '../transactions/server.ts'
import type { TransactionTable } from '../transactions/table.ts'
import type { Backoff } from '../transports/backoff.ts'
import { type FlowTable, sentByText } from '../transports/flows.ts'
import type { Locator, ServerAddress } from '../transports/locate.ts'
import type { Flow } from '../transports/transport.ts'
import { Failover } from './failover.ts'
import type { Composer, ForkHolder } from './fork.ts'
import type { HopQueue } from './hop-queue.ts'
import type { Instances } from './instances.ts'
import { LongRequests, refuseTooLong, shortEnough } from './long-request.ts'
import { type NextHop, type NextHopHolder, nextHop, noUri, ownQuery } from './next-hop.ts'
import type { Plan } from './plan.ts'
import { Ringing } from './ringing.ts'
import { composeParts, type Shortcut, shortcutOf, shown } from './shortcut.ts'
import { strictly } from './strict.ts'

interface OutboundOptions {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly plan: Plan
  readonly tap: Tap | undefined
  readonly stats: Stats
  readonly table: TransactionTable
  readonly flows: FlowTable
  readonly queue: HopQueue
  readonly elements: Instances
  /** Hands a request of one element to another, in its turn. */
  readonly deliver: (transaction: LocalTransaction) => void
  readonly isOtherNode: (flow: Flow) => boolean
  /** Undefined: host names are not looked up. */
  readonly locator: Locator | undefined
  readonly backoff: Backoff
}

/** A request that leaves in its turn. */
class QueuedRequest implements Cancellable {
  private readonly dispatch: () => Cancellable | undefined
  private handle: Cancellable | undefined = undefined
  private withdrawn = false

  constructor(dispatch: () => Cancellable | undefined) {
    this.dispatch = dispatch
  }
  readonly leave = (): void => {
    if (!this.withdrawn) this.handle = this.dispatch()
  }
  cancel(reasons?: readonly string[]): void {
    this.handle?.cancel(reasons)
  }
  withdraw(): void {
    this.withdrawn = true
    this.handle?.withdraw()
  }
}

export class Outbound implements ForkHolder, NextHopHolder {
  readonly elements: Instances
  /** May be replaced: exchanges under way keep the plan that they came by. */
  plan: Plan
  tap: Tap | undefined
  readonly locates: boolean
  readonly ringing = new Ringing()
  private readonly options: OutboundOptions
  private readonly links = new Map<string, LocalFlow>()
  private readonly prefix: string
  private readonly long: LongRequests
  private hops = 0

  constructor(options: OutboundOptions) {
    const { clock, flows, ids, isOtherNode, stats } = options
    this.options = options
    this.elements = options.elements
    this.plan = options.plan
    this.tap = options.tap
    this.prefix = `z9hG4bK${ids.token(6)}-`
    this.locates = options.locator !== undefined
    this.long = new LongRequests(clock, flows, stats, isOtherNode)
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
  after(ms: number, fire: () => void) {
    return this.options.clock.after(ms, fire)
  }

  /** Sends a composed request to its next hop; a branch that is given stands for one flow alone. */
  dispatch(
    hop: NextHop,
    method: string,
    from: string,
    compose: Composer,
    user: ClientUser,
    branch?: string,
  ): Cancellable | undefined {
    if ('refused' in hop) return undefined
    if ('element' in hop) return this.hop(hop.element, from, compose, user)
    if ('place' in hop) return this.travel(hop.place, method, from, compose, user)
    const { flow } = hop
    const sentBy = sentByText(flow)
    const transport = flow.transport === 'MEM' ? 'UDP' : flow.transport
    const tail = !flow.reliable ? ';rport' : flow.dialled === true ? ';alias' : '' // RFC 5923 §5
    if (method === 'ACK') {
      this.options.table.transmit(flow, compose(`SIP/2.0/${transport} ${sentBy};branch=${this.newBranch()}${tail}`, flow))
      return { cancel: () => undefined, withdraw: () => undefined }
    }
    const transaction = this.options.table.client(method, flow, user, branch)
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
    void locator?.locate(to).then((located) => this.options.queue.soon(() => failover.located(located)))
    return failover
  }
  private hop(name: string, from: string, compose: Composer, user: ClientUser): Cancellable | undefined {
    const { deliver, flows, log, queue, stats } = this.options
    const { primary } = flows
    const bytes = compose(this.localVia())
    const tooLong = refuseTooLong(bytes, user, queue.soon)
    if (tooLong !== undefined) return tooLong
    const request = scan(bytes)
    if (!(request instanceof SipRequest) || request.fault !== undefined) {
      log.error({ from, to: name, fault: request?.fault?.text }, 'an element sent what is no sound request')
      return undefined
    }
    let flow = this.links.get(from)
    if (flow === undefined) this.links.set(from, (flow = new LocalFlow(from, primary)))
    const transaction = new LocalTransaction(request, flow, name, user, queue.soon, this.seen)
    stats.localHops++
    this.seen(bytes, from, name)
    queue.soon(() => deliver(transaction))
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

  /** Sends an element's own request; it fails by `user`, later. Undefined: nothing is to be cancelled. */
  send(parts: OutgoingParts, user: ClientUser): Cancellable | undefined {
    const short = shortcutOf(parts, this.elements)
    if (short !== undefined) return this.sendDirectly(parts, user, short)
    const uri = parseUri(parts.uri)
    const hop: NextHop = uri === undefined ? noUri : nextHop(ownQuery(parts, uri, this.plan), uri, parts.routeSet, this)
    const strict = 'element' in hop ? undefined : strictly(parts.uri, parts.routeSet)
    const sent = strict === undefined ? parts : { ...parts, uri: strict.uri, routeSet: strict.routes }
    const compose = (via: string, flow?: Flow): Buffer => composeParts(this.reached(sent, flow), via, 70, sent.routeSet)
    const sentOff = this.dispatch(hop, parts.method, parts.element, compose, user, parts.branch)
    if (sentOff !== undefined) return sentOff
    const why = 'refused' in hop ? hop.text : 'not sent'
    this.options.log.warn({ element: parts.element, method: parts.method, to: parts.uri }, why)
    this.options.queue.soon(() => user.onNoResponse(503))
    return undefined
  }
  private sendDirectly(parts: OutgoingParts, user: ClientUser, { flow, through }: Shortcut): Cancellable {
    const shownUser = this.tap === undefined ? user : shown(parts, user, through, this.localVia(), this.seen)
    this.options.stats.localHops++
    const compose = (via: string): Buffer => composeParts(this.reached(parts, flow), via, 69, [])
    // In its turn: the answer to a SUBSCRIBE, which may be on its way between elements, leaves before the NOTIFY.
    const queued = new QueuedRequest(() => this.dispatch({ flow }, parts.method, parts.element, compose, shownUser, parts.branch))
    this.options.queue.soon(queued.leave)
    return queued
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
