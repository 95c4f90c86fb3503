/** One process: transports, transactions, subscriptions, a compiled plan, a store and a set of elements, put together. */
import type { Tap, TransportName } from '../capture/tap.ts'
import type { Timer } from '../clock.ts'
import { otherNodeName } from '../cluster/placement.ts'
import type { DialogSender } from '../dialogs/sender.ts'
import { Sessions } from '../dialogs/sessions.ts'
import { Subscriptions } from '../dialogs/subscriptions.ts'
import type { Element } from '../element.ts'
import { type MessageFault, type SipRequest, SipResponse } from '../messages/message.ts'
import { scan } from '../messages/scan.ts'
import { Gate } from '../overload/gate.ts'
import { HopQueue } from '../routing/hop-queue.ts'
import { Inbound } from '../routing/inbound.ts'
import { Instances } from '../routing/instances.ts'
import { Outbound } from '../routing/outbound.ts'
import { Peers } from '../routing/peers.ts'
import { unstrict } from '../routing/strict.ts'
import { type Metric, Stats } from '../stats.ts'
import { fencedStore } from '../storage/fenced.ts'
import { keptSecret } from '../storage/secret.ts'
import { refusal } from '../transactions/stateless.ts'
import { type OverloadTurn, TransactionTable } from '../transactions/table.ts'
import { standardTiming } from '../transactions/timing.ts'
import { Backoff } from '../transports/backoff.ts'
import { ConnectionLimits } from '../transports/connection-limits.ts'
import { NameCache } from '../transports/dns.ts'
import { FlowTable, sentByText } from '../transports/flows.ts'
import { Locator } from '../transports/locate.ts'
import { type MachineAddresses, SystemAddresses } from '../transports/machine-addresses.ts'
import { answerFlow, wayBack } from '../transports/return-path.ts'
import { answerStun } from '../transports/stun.ts'
import type { Flow, HostPort, TlsMaterial, Transport, TransportSink } from '../transports/transport.ts'
import { udpKind } from '../transports/udp.ts'
import { ElementLifecycle } from './lifecycle.ts'
import { longResponses } from './long-responses.ts'
import { type ListeningOptions, type NodeOptions, type RenewableOptions, subscriptionLimitsOf } from './options.ts'
import { showSizes } from './sizes.ts'
import { listenFault, listeningOf, makeTransports } from './transports.ts'

const lookEvery = 10_000 // milliseconds
const usualGrace = 1_000 // milliseconds for what an element has under way when it is let go

export interface Node {
  start(): Promise<void>
  /** Stops without a word to peers, sessions apart: stored state goes on at the next start. Resolves when all sockets are closed. */
  stop(graceMs: number): Promise<void>
  /** Takes up an element of a network whose elements move, with the state that the store has. Requests for it wait meanwhile. */
  takeUp(element: Element): Promise<void>
  /**
   * Lets an element go, for another node to take it up: resolves when the store has all of it. Rejects where the store fails;
   * the element serves on then. `graceMs`: for exchanges under way, default 1000.
   */
  letGo(element: string, graceMs?: number): Promise<void>
  readonly listening: readonly ListeningOptions[]
  /** Elements that serve here now. */
  readonly elements: readonly Element[]
  /** Other options, by which arriving messages are judged from now on. */
  reload(rules: RenewableOptions): void
  /** Messages are copied there from now on; undefined: nowhere. */
  watchBy(tap: Tap | undefined): void
  /** New TLS and WSS connections get this certificate. Throws where it is none; then the old one stays. */
  renewTls(material: TlsMaterial): void
  metrics(): Iterable<Metric>
}

export function createNode(options: NodeOptions): Node {
  return new ProximaNode(options)
}

class ProximaNode implements Node, TransportSink {
  private readonly options: NodeOptions
  private tap: Tap | undefined
  private readonly stats = new Stats()
  private readonly transports: Transport[]
  private readonly table: TransactionTable
  private readonly subscriptions: Subscriptions
  private readonly sessions: Sessions
  private readonly queue: HopQueue
  private readonly outbound: Outbound
  private readonly lifecycle: ElementLifecycle
  private readonly instances: Instances
  private readonly endPlacing: () => void
  private readonly inbound: Inbound
  private readonly gate: Gate
  private readonly flows: FlowTable
  private readonly connectionLimits: ConnectionLimits
  private readonly addresses: MachineAddresses
  private around: Timer | undefined = undefined
  private readonly names: NameCache | undefined
  /** Address and port -> name of that node in the plan. */
  private readonly otherNodes: ReadonlyMap<string, string>
  private ready = false
  /** The element that gets requests from outside: it names our end in traces. */
  private readonly edge: { readonly name?: string }

  constructor(options: NodeOptions) {
    this.options = options
    this.tap = options.tap
    const { clock, ids, log, store, plan, tap, timing = standardTiming } = options
    this.received = this.received.bind(this)
    this.closed = this.closed.bind(this)
    this.failed = this.failed.bind(this)
    this.broken = this.broken.bind(this)
    this.lost = this.lost.bind(this)
    this.refused = this.refused.bind(this)
    this.otherNodes = new Map((options.otherNodes ?? []).map((each) => [`${each.host}:${each.port}`, otherNodeName(each)]))
    const trusted = new Set(options.trusted.map((each) => each.toLowerCase()))
    this.connectionLimits = new ConnectionLimits({
      clock,
      limits: options.connections,
      isTrusted: (host) => trusted.has(host),
      count: (name) => this.stats.count(name, 1),
    })
    this.addresses = options.addresses ?? new SystemAddresses()
    const { addresses, otherNodes, connectionLimits } = this
    const unreachable = (quoted: Buffer): void => this.table.unreachable(quoted)
    this.transports = makeTransports({ options, sink: this, addresses, connectionLimits, otherNodes, trusted, unreachable })
    this.flows = new FlowTable(this.transports, options.domains, this.addresses)
    const peers = new Peers(options.peers ?? [], this.flows)
    const sender: DialogSender = {
      send: (parts, user) => this.outbound.send(parts, user),
      contact: (element, flow) => this.flows.contact(element, flow),
    }
    const isOtherNode = ({ remote }: Flow): boolean => otherNodes.has(`${remote.host}:${remote.port}`)
    this.subscriptions = new Subscriptions({
      clock,
      ids,
      store,
      sender,
      log,
      ...subscriptionLimitsOf(options),
      peers,
      isOtherNode,
      moves: plan.moves,
    })
    this.sessions = new Sessions({ clock, ids, log, sender, stats: this.stats, timing, most: options.sessions })
    const gate = (this.gate = new Gate({
      clock,
      ids,
      stats: this.stats,
      lag: () => this.lag(),
      ration: (newRequests) => this.ration(newRequests),
      serve: (waiting, flow) =>
        Buffer.isBuffer(waiting) ? this.read(waiting, flow, 'waited-unread') : this.begin(waiting, flow, 'waited'),
      answerFlow: (request, flow) => answerFlow(request, flow, this.flows),
      source: options.sourceRate,
      isPeer: (flow) => peers.isAt(flow),
      agent: () => this.flows.address,
      transmit: (flow, bytes) => this.transmit(flow, bytes),
    }))
    this.table = new TransactionTable({
      clock,
      ids,
      user: {
        onRequest: (side) => this.inbound.receive(side),
        onAck: (request, flow) => this.inbound.receiveAck(request, flow),
      },
      transmit: (flow, bytes) => this.transmit(flow, bytes),
      admits: gate.admits,
      feedback: gate.feedback,
      answerFlow: (request, flow) => answerFlow(request, flow, this.flows),
      tooLong: longResponses(log, clock, this.stats),
      timing,
    })
    const backoff = new Backoff(clock)
    const names = (this.names = options.resolver && new NameCache(clock, options.resolver))
    const reaches = (transport: string, family: 4 | 6): boolean => this.flows.reaches(transport, family)
    const { flows, sessions, stats, subscriptions, table } = this
    const instances = (this.instances = new Instances({ clock, isHere: (element): boolean => outbound.plan.isHere(element) }))
    this.endPlacing = plan.onPlaced((element) => instances.release(element))
    const queue = (this.queue = new HopQueue({ clock, log, stats, took: (ms) => gate.took(ms) }))
    const outbound = (this.outbound = new Outbound({
      backoff,
      locator: names && new Locator({ clock, resolver: names, backoff, chance: () => ids.fraction(), reaches }),
      clock,
      ids,
      log,
      plan,
      tap,
      stats,
      table,
      flows,
      queue,
      elements: instances,
      deliver: (transaction) => this.inbound.receiveLocal(transaction),
      isOtherNode,
    }))
    this.lifecycle = new ElementLifecycle(
      { options, outbound, flows, stats, subscriptions, sessions, peers, fence: fencedStore },
      instances,
    )
    const others = otherNodes.size === 0 ? {} : { otherNodes }
    this.inbound = new Inbound({ clock, ids, log, stats, table, subscriptions, sessions, outbound, peers, ...others })
    for (const element of options.elements) {
      subscriptions.notifiers.packages.add(element)
      instances.serve(element)
    }
    const met = plan.decide({ method: 'OPTIONS', user: '', host: options.domains[0] ?? '', from: 'outside' })?.element
    this.edge = met === undefined ? {} : { name: met }
    showSizes(this.stats, { table, subscriptions, sessions, names, backoff, flows, connectionLimits })
  }
  /** Addresses come and go while we listen on all. */
  private lookAround(): void {
    this.around = this.options.clock.after(lookEvery, () => {
      this.flows.renew()
      this.lookAround()
    })
  }
  private lag(): number {
    let most = 0
    for (const transport of this.transports) most = Math.max(most, transport.lag?.() ?? 0)
    return most
  }
  private ration(newRequests: number): number {
    let unread = 0
    for (const transport of this.transports) unread += transport.ration?.(newRequests) ?? 0
    return unread
  }
  get listening(): readonly ListeningOptions[] {
    return listeningOf(this.transports)
  }
  get elements(): readonly Element[] {
    return this.lifecycle.serving
  }
  reload({ plan, sourceRate, subscriptions, peerSubscriptions, notifies, connections, resolver }: RenewableOptions): void {
    this.outbound.plan = plan
    this.gate.limit(sourceRate)
    this.subscriptions.notifiers.limit(subscriptions, notifies, peerSubscriptions)
    this.connectionLimits.limit(connections)
    for (const transport of this.transports) transport.limit?.()
    if (resolver !== undefined) this.names?.renew(resolver)
  }
  watchBy(tap: Tap | undefined): void {
    this.tap = tap
    this.outbound.tap = tap
  }
  renewTls(material: TlsMaterial): void {
    for (const transport of this.transports) transport.renew?.(material)
  }
  *metrics(): Iterable<Metric> {
    yield* this.stats.metrics()
  }

  async start(): Promise<void> {
    const { options } = this
    // seals flow tokens: routes handed out before a restart are still ours
    const secret = await keptSecret(options.store, options.ids, `node/${options.name}/secret`)
    for (const [i, transport] of this.transports.entries()) {
      try {
        await transport.listen()
      } catch (fault) {
        for (const earlier of this.transports.slice(0, i)) await earlier.close()
        throw listenFault(fault, options.listen[i]!)
      }
    }
    this.flows.sealBy(secret)
    if (this.flows.anywhere) this.lookAround()
    if (this.transports.some(({ name }) => name === 'UDP')) options.log.debug(udpKind(options.udp), 'what carries datagrams')
    try {
      await this.lifecycle.begin(options.elements, () => this.queue.release())
      if (!this.outbound.plan.moves) await this.subscriptions.notifiers.endGone(options.name, options.elements)
    } catch (fault) {
      await this.close()
      throw fault
    }
    this.ready = true
  }
  takeUp(element: Element): Promise<void> {
    return this.lifecycle.takeUp(element)
  }
  letGo(element: string, graceMs = usualGrace): Promise<void> {
    return this.lifecycle.letGo(element, graceMs)
  }
  async stop(graceMs: number): Promise<void> {
    this.ready = false
    await this.quiet(graceMs)
    await this.close()
  }
  private async close(): Promise<void> {
    this.endPlacing()
    this.instances.stop()
    await this.lifecycle.end()
    this.subscriptions.stop()
    this.sessions.stop()
    this.around?.cancel()
    await Promise.all(this.transports.map((transport) => transport.close()))
  }
  /** Waits, at most that long, until earlier requests have been answered. */
  private quiet(graceMs: number): Promise<void> {
    const { clock } = this.options
    const end = clock.now() + graceMs
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.table.unanswered === 0 || clock.now() >= end) resolve()
        else clock.after(20, look)
      }
      look()
    })
  }

  /** TransportSink: bytes from a peer. None of them ends the process. */
  received(bytes: Buffer, flow: Flow): void {
    if (flow.reliable || this.gate.passes(bytes, flow)) this.read(bytes, flow, 'undecided')
  }
  private read(bytes: Buffer, flow: Flow, turn: OverloadTurn): void {
    const { limits } = this.options
    const message = scan(bytes, limits === undefined ? {} : { limits })
    if (message === undefined) {
      this.notSip(bytes, flow)
      return
    }
    this.stats.received++
    if (this.flows.note(flow) && message.via?.has('alias')) this.flows.share(flow, message.via)
    if (this.tap !== undefined) this.show(this.tap, 'in', flow, bytes)
    this.begin(message, flow, turn)
  }
  /** Begins with a message that has been read: now, or a while ago. */
  private begin(message: SipRequest | SipResponse, flow: Flow, turn: OverloadTurn): void {
    const { clock, log } = this.options
    const began = clock.now()
    try {
      if (message.fault !== undefined) {
        this.stats.malformed++
        log.debug({ from: flow.remote, fault: message.fault.text }, 'malformed message')
        if (message instanceof SipResponse) return
        this.refuse(message, flow, message.fault)
      } else if (message instanceof SipResponse) this.table.receiveResponse(message)
      else if (!this.ready) this.refuseEarly(message, flow)
      else this.table.receiveRequest(turn === 'waited' ? message : unstrict(message, this.flows), flow, turn)
    } catch (fault) {
      this.faulty(fault)
    }
    this.queue.drain()
    this.gate.took(clock.now() - began, message instanceof SipResponse ? undefined : flow)
  }
  private faulty(fault: unknown): void {
    this.stats.faults++
    const text = fault instanceof Error ? fault.stack : String(fault)
    this.options.log.error({ fault: text }, 'a message was dropped by a fault of ours')
  }
  /** A keep-alive of a datagram peer is answered (RFC 5626 §8); all else that is no SIP message is noise. */
  private notSip(bytes: Buffer, flow: Flow): void {
    const answer = flow.reliable ? undefined : answerStun(bytes, flow.remote, this.flows.otherAddress(flow))
    if (answer === undefined) this.stats.noise++
    else if (flow.send(answer)) this.stats.count('stun_answers', 1)
  }
  /** Datagrams come again and find us ready; on a connection nothing does. */
  private refuseEarly(request: SipRequest, flow: Flow): void {
    if (flow.reliable) this.refuse(request, flow, { status: 503, text: 'starting or stopping: come again in a few seconds' })
  }
  private refuse(request: SipRequest, flow: Flow, fault: MessageFault): void {
    const bytes = refusal(request, flow, fault, sentByText(flow), this.options.ids.token(8))
    if (bytes !== undefined) this.transmit(answerFlow(request, flow, this.flows), bytes)
  }
  private transmit(flow: Flow, bytes: Buffer): boolean {
    if (!flow.send(bytes)) {
      const back = wayBack(bytes, flow, this.flows)
      if (back !== undefined) return this.transmit(back, bytes)
      this.stats.unsent++
      return false
    }
    this.stats.sent++
    if (this.tap !== undefined) this.show(this.tap, 'out', flow, bytes)
    return true
  }
  private show(tap: Tap, direction: 'in' | 'out', { transport, local, remote }: Flow, bytes: Buffer): void {
    const peer = { address: remote.host, port: remote.port }
    const us = { address: local.host, port: local.port, ...this.edge }
    const [from, to] = direction === 'in' ? [peer, us] : [us, peer]
    tap.message({ at: this.options.clock.date(), transport, from, to, direction, bytes })
  }
  closed(flow: Flow): void {
    this.table.flowClosed(flow)
    this.flows.closed(flow)
    this.queue.drain()
  }
  lost(flow: Flow, bytes: Uint8Array): void {
    this.transmit(flow, Buffer.from(bytes))
  }
  /** A stream that cannot be cut, or a message too long for us: the peer that its header names gets an answer. */
  broken(flow: Flow, why: string, head: Buffer): void {
    this.stats.malformed++
    this.stats.count('framing_faults', 1)
    this.options.log.debug({ transport: flow.transport, remote: flow.remote, why }, 'a stream brings what cannot be taken')
    const message = scan(head.includes('\r\n\r\n') ? head : Buffer.concat([head, Buffer.from('\r\n\r\n')]))
    if (message === undefined || message instanceof SipResponse) return
    this.refuse(message, flow, { status: why.includes('more than') ? 513 : 400, text: why })
  }
  refused(transport: TransportName, remote: HostPort, why: string): void {
    this.stats.count('certificates_refused', 1)
    this.options.log.info({ transport, remote, why }, 'a peer is refused: tls.requireClient')
  }
  failed(flow: Flow, why: string): void {
    this.options.log.debug({ transport: flow.transport, remote: flow.remote, why }, 'a flow failed')
  }
}
