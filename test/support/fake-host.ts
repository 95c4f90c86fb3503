/**
 * Elements without an engine: requests, subscriptions and NOTIFYs are function calls, time is manual, the store outlives a
 * restart. For unit tests of elements; flows and conformance run over the real thing.
 */

import {
  type Body,
  type Element,
  type EndReason,
  type EventPackage,
  type Exchange,
  type Flow,
  type Host,
  type Json,
  memoryStore,
  type Notifier,
  type OutgoingRequest,
  parseUri,
  type ReplyFields,
  type SipRequest,
  type SipResponse,
  type Store,
  type StoreWrite,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionListener,
  type SubscriptionOptions,
  silent,
} from '../../signalling/index.ts'
import { ManualClock, seededIds } from '../../signalling/testing.ts'
import { scan } from '../../signalling/tools.ts'

export interface Asking {
  /** P-Asserted-Identity as the proxy would give it. */
  readonly asserted?: string
  readonly event?: string
  readonly accept?: string
  readonly expires?: number
  readonly body?: Body
  /** Further header fields. */
  readonly lines?: readonly string[]
  /** Left out: one of its own. */
  readonly callId?: string
}

/** A sound request in bytes, as the engine would hand it over. */
export function fakeRequest(method: string, to: string, asking: Asking = {}): SipRequest {
  const content = Buffer.from(asking.body?.content ?? '')
  const head = [
    `${method} ${to} SIP/2.0`,
    'Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKfake',
    'From: <sip:fake@localhost>;tag=1',
    `To: <${to}>`,
    `Call-ID: ${asking.callId ?? 'fake'}`,
    `CSeq: 1 ${method}`,
    'Max-Forwards: 70',
    ...(asking.event === undefined ? [] : [`Event: ${asking.event}`]),
    ...(asking.accept === undefined ? [] : [`Accept: ${asking.accept}`]),
    ...(asking.expires === undefined ? [] : [`Expires: ${asking.expires}`]),
    ...(asking.body === undefined ? [] : [`Content-Type: ${asking.body.type}`]),
    ...(asking.lines ?? []),
    `Content-Length: ${content.length}`,
  ]
  const message = scan(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), content]))
  if (message?.kind !== 'request' || message.fault !== undefined) throw new Error(`no sound request: ${message?.fault?.text}`)
  return message
}

/** JSON bodies by their short name. */
export function json(name: string, value: object): Body {
  return { type: `application/vnd.proxima.${name}+json`, content: JSON.stringify(value) }
}

export class FakeNotifier implements Notifier {
  readonly id: string
  readonly package: string
  readonly resource: string
  readonly subscriber: string
  readonly parameters: ReadonlyMap<string, string>
  readonly type: string
  record: Json | undefined
  readonly credentials = undefined
  live = true
  pending: boolean
  /** Why it ended, if the element or the engine ended it. */
  reason: EndReason | undefined
  /** Bodies of all NOTIFYs so far. */
  readonly bodies: (Body | undefined)[] = []
  /** While true, NOTIFYs are not acknowledged: the newest state waits. */
  slow = false
  private waiting: { state: unknown } | undefined
  private acknowledged: unknown
  private version = 0
  private readonly host: FakeHost
  private readonly pack: EventPackage
  private readonly listener: SubscriptionListener | undefined

  constructor(
    host: FakeHost,
    pack: EventPackage,
    options: Omit<SubscriptionOptions<unknown>, 'state'>,
    from: Pick<FakeNotifier, 'id' | 'subscriber' | 'parameters' | 'type'>,
    listener: SubscriptionListener | undefined,
  ) {
    this.host = host
    this.pack = pack
    this.listener = listener
    this.id = from.id
    this.package = options.package
    this.resource = options.resource
    this.subscriber = from.subscriber
    this.parameters = from.parameters
    this.type = from.type
    this.pending = options.pending === true
    this.record = options.record === undefined ? undefined : (JSON.parse(JSON.stringify(options.record)) as Json)
  }
  authorise(granted: boolean, state: unknown): void {
    this.pending = !granted
    this.refreshFull(state)
  }
  notify(state: unknown): void {
    if (!this.live) return
    if (this.slow) this.waiting = { state }
    else this.send(state, 'active')
  }
  /** The peer acknowledges what it got; what waited goes out. */
  catchUp(): void {
    this.slow = false
    const { waiting } = this
    this.waiting = undefined
    if (waiting !== undefined) this.send(waiting.state, 'active')
  }
  /** The first NOTIFY, with the newest state. */
  begin(state: unknown, begun: () => void): void {
    this.slow = true
    this.notify(state)
    begun()
    this.catchUp()
  }
  /** As after a refresh: full state again. */
  refreshFull(state: unknown): void {
    this.acknowledged = undefined
    this.notify(state)
  }
  send(state: unknown, status: 'active' | 'terminated'): void {
    const context = { type: this.type, version: ++this.version, previous: this.acknowledged }
    const body = this.pending ? undefined : this.pack.render(state, context)
    this.acknowledged = state
    this.bodies.push(body)
    const request = fakeRequest('NOTIFY', 'sip:subscriber@localhost', { event: this.package, body })
    const { listener } = this
    if (listener !== undefined) {
      this.host.clock.soon(() => listener.notified({ request, state: status, reason: undefined }))
    }
  }
  keep(record: Json): void {
    this.record = record
  }
  terminate(reason: EndReason): void {
    this.end(reason)
  }
  /** The engine ends it: expiry, unsubscription, or the element's wish. */
  end(reason: EndReason): void {
    if (!this.live) return
    this.live = false
    this.reason = reason
    this.host.notifiers.delete(this)
    this.host.element.ended?.(this, reason)
    this.host.clock.soon(() => this.listener?.ended?.({ status: 200, reason }))
  }
  /** The newest body, parsed. */
  get last(): unknown {
    const body = this.bodies.at(-1)
    return body && JSON.parse(String(body.content))
  }
}

export class FakeExchange implements Exchange {
  readonly request: SipRequest
  readonly flow = {} as Flow
  readonly ownRoutes = []
  readonly routes = []
  readonly planned = undefined
  readonly plannedAt = (): undefined => undefined
  readonly eventsAt = (): readonly string[] => []
  readonly asserted
  settled = false
  status = 0
  fields: ReplyFields = {}
  notifier: FakeNotifier | undefined
  private readonly host: FakeHost
  private readonly listener: SubscriptionListener | undefined

  constructor(host: FakeHost, request: SipRequest, asserted: string | undefined, listener?: SubscriptionListener) {
    this.host = host
    this.request = request
    this.listener = listener
    const uri = asserted === undefined ? undefined : parseUri(asserted)
    this.asserted = uri && { display: '', uri, parameters: new Map<string, string>() }
  }
  reply(status: number, fields: ReplyFields = {}): void {
    if (this.settled) throw new Error('settled twice')
    this.settled = true
    this.status = status
    this.fields = fields
    if (status >= 300) this.listener?.ended?.({ status, reason: '' })
  }
  forward(): never {
    throw new Error('not for this fake')
  }
  pass(): void {
    this.reply(-1)
  }
  accept<State>(options: SubscriptionOptions<State>): Notifier<State> {
    const { host, request } = this
    const pack = host.element.packages?.find(({ name }) => name === options.package)
    if (pack === undefined) throw new Error(`no package ${options.package}`)
    const accepted = request.list('Accept').find((type) => pack.types.includes(type))
    const from = {
      id: host.network.ids.token(8),
      subscriber: this.asserted?.uri.text ?? 'sip:fake@localhost',
      parameters: request.event!.parameters,
      type: accepted ?? pack.types[0]!,
    }
    const notifier = new FakeNotifier(host, pack, options, from, this.listener)
    if (request.expires === 0) {
      this.reply(200)
      this.notifier = notifier
      options.begun?.(notifier as Notifier<State>)
      notifier.send(options.state, 'terminated')
      notifier.end('timeout')
      return notifier as Notifier<State>
    }
    const begin = (): void => {
      this.reply(200)
      this.notifier = notifier
      host.notifiers.add(notifier)
      notifier.begin(options.state, () => options.begun?.(notifier as Notifier<State>))
    }
    this.keep(options.writes ?? [], begin, () => notifier.end('deactivated'))
    return notifier as Notifier<State>
  }
  /** At once where there is nothing to write. */
  private keep(writes: readonly StoreWrite[], begin: () => void, end: () => void): void {
    if (writes.length === 0) return begin()
    this.host.network.store.write(writes).then(begin, () => {
      this.reply(500)
      end()
    })
  }
  get warning(): string | undefined {
    return this.fields.warning
  }
}

export class FakeHost implements Host {
  readonly name: string
  readonly uri: string
  readonly domains: readonly string[]
  readonly clock
  readonly store: Store
  readonly log = silent
  readonly ids
  readonly contact
  readonly flows = {} as Host['flows']
  readonly peers: Host['peers'] = { has: () => false, flowTo: () => undefined, isAt: () => false }
  readonly counts = new Map<string, number>()
  readonly gauges = new Map<string, () => number>()
  readonly notifiers = new Set<FakeNotifier>()
  readonly sent: OutgoingRequest[] = []
  readonly network: FakeNetwork
  readonly element: Element

  constructor(network: FakeNetwork, element: Element) {
    this.network = network
    this.element = element
    this.name = element.name
    this.domains = network.domains
    this.uri = `sip:${element.name}@${network.domains[0]}`
    this.contact = this.uri
    this.clock = network.clock
    this.store = network.store
    this.ids = network.ids
  }
  count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by)
  }
  gauge(name: string, read: () => number): void {
    this.gauges.set(name, read)
  }
  size(name: string): number {
    return this.gauges.get(name)!()
  }
  /** A refresh as the engine has it; gives the status of a refusal. */
  async refresh(notifier: FakeNotifier, request: SipRequest): Promise<number | undefined> {
    const change = this.element.refreshed?.(notifier, request)
    if (change === undefined || typeof change === 'number') return change
    try {
      await this.store.write(change.writes ?? [])
    } catch {
      return 500
    }
    if (change.record !== undefined) notifier.keep(change.record)
    change.apply?.()
    return undefined
  }
  /** Nobody is known by credentials here. */
  subscriptionsOf(): readonly Notifier[] {
    return []
  }
  subscribers(): Iterable<string> {
    return []
  }
  send(request: OutgoingRequest): Promise<SipResponse> {
    this.sent.push(request)
    return Promise.reject(new Error('nobody answers'))
  }
  subscribe(options: SubscribeOptions, listener: SubscriptionListener): Subscription {
    return this.network.subscribe(this, options, listener)
  }
}

/** Elements of one process that outlive their restarts in store and subscriptions. */
export class FakeNetwork {
  readonly clock = new ManualClock()
  readonly store: Store = memoryStore(this.clock)
  readonly ids = seededIds(42)
  readonly domains: readonly string[]
  readonly hosts = new Map<string, FakeHost>()
  /** Elements that answer nothing now: subscriptions at them end with 408. */
  readonly deaf = new Set<string>()
  private requests = 0

  constructor(domains: readonly string[] = ['localhost', '127.0.0.1']) {
    this.domains = domains
  }

  async add<Kind extends Element>(element: Kind): Promise<FakeHost> {
    const before = this.hosts.get(element.name)
    const host = new FakeHost(this, element)
    this.hosts.set(element.name, host)
    await element.start?.(host)
    for (const old of before?.notifiers ?? []) {
      const pack = element.packages!.find(({ name }) => name === old.package)!
      const notifier = new FakeNotifier(host, pack, old, old, undefined)
      host.notifiers.add(notifier)
      await element.restored?.(notifier)
    }
    await this.clock.settle()
    return host
  }

  /** Sends a request and waits until it is settled. */
  async ask(element: string, method: string, to: string, asking: Asking = {}): Promise<FakeExchange> {
    const exchange = this.exchange(element, method, to, asking)
    await this.clock.settle()
    return exchange
  }

  private exchange(element: string, method: string, to: string, asking: Asking, listener?: SubscriptionListener): FakeExchange {
    const host = this.hosts.get(element)!
    const exchange = new FakeExchange(
      host,
      fakeRequest(method, to, { callId: `fake-${++this.requests}`, ...asking }),
      asking.asserted,
      listener,
    )
    const work = host.element.handle(exchange)
    work?.catch((fault: unknown) => {
      if (!exchange.settled) exchange.reply(500, { warning: String(fault) })
    })
    return exchange
  }

  subscribe(_from: FakeHost, options: SubscribeOptions, listener: SubscriptionListener): Subscription {
    const name = parseUri(options.to)!.user
    let exchange: FakeExchange | undefined
    this.clock.soon(() => {
      if (this.deaf.has(name) || !this.hosts.has(name)) listener.ended?.({ status: 408, reason: 'timeout' })
      else {
        const { asserted, event, accept, expires } = options
        const body = typeof options.body === 'function' ? options.body() : options.body
        exchange = this.exchange(
          name,
          'SUBSCRIBE',
          options.to,
          { asserted, event, accept: accept?.join(', '), expires, body },
          listener,
        )
      }
    })
    return {
      get live() {
        return exchange?.notifier?.live === true
      },
      refresh: () => undefined,
      unsubscribe: () => exchange?.notifier?.end('timeout'),
    }
  }
}
