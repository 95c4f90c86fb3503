/** Elements on the real engine, each in a node of its own, and a peer that they trust: asks in anybody's name, and subscribes. */
import {
  type Body,
  type Claim,
  compilePlan,
  createNode,
  type Element,
  memoryStore,
  type Node,
  type OtherNode,
  type PlanRule,
  type SipRequest,
  type SipResponse,
  type Store,
  silent,
  staticPlacement,
} from '../../signalling/index.ts'
import { buildResponse, ManualClock, MemoryNetwork, seededIds, type Transport } from '../../signalling/testing.ts'
import { scan } from '../../signalling/tools.ts'
import { type Asking, requestBytes } from './requests.ts'
import { metric } from './wire.ts'

/** Elements that know of each other from the start. */
const usualNames = ['hss', 'prose', 'as', 'pcrf', 'mme', 'mme1', 'mme2', 'presence', 'push', 'addressbook', 'pushroutes']
const peer = { host: '10.0.9.1', port: 5060 }

/** A subscription of the peer. */
export class PlayedSubscription {
  readonly element: string
  readonly to: string
  readonly asking: Asking
  readonly callId: string
  live = true
  pending = false
  /** Why it ended. */
  reason: string | undefined
  /** Bodies of all NOTIFYs so far. */
  readonly bodies: (Body | undefined)[] = []
  /** While true NOTIFYs are not answered: the newest state waits. */
  slow = false
  toTag: string | undefined
  cseq = 1
  private readonly unanswered: SipRequest[] = []
  private heard = -1
  private readonly network: ElementNetwork

  constructor(network: ElementNetwork, element: string, to: string, asking: Asking, callId: string) {
    this.network = network
    this.element = element
    this.to = to
    this.asking = asking
    this.callId = callId
  }

  notified(request: SipRequest): void {
    if (!this.live) return this.network.answer(request, 481)
    this.toTag ??= request.fromTag
    if (this.slow) this.unanswered.push(request)
    else this.network.answer(request, 200)
    if (request.cseq.number <= this.heard) return
    this.heard = request.cseq.number
    const { contentType } = request
    const state = request.text('Subscription-State') ?? ''
    this.pending = state.startsWith('pending')
    if (state.startsWith('terminated')) {
      this.live = false
      this.reason = /reason=(\w+)/.exec(state)?.[1]
      if (contentType === undefined) return
    }
    this.bodies.push(contentType === undefined ? undefined : { type: contentType, content: request.body.toString() })
  }
  /** The NOTIFYs so far are answered; what waited is sent. */
  async catchUp(): Promise<void> {
    this.slow = false
    for (const request of this.unanswered.splice(0)) this.network.answer(request, 200)
    await this.network.settle()
  }
  /** With another body, or none; gives the status. */
  refresh(body?: Body): Promise<number> {
    return this.network.refresh(this, { ...this.asking, body })
  }
  async end(): Promise<void> {
    await this.network.refresh(this, { ...this.asking, body: undefined, expires: 0 })
  }
  /** The newest body, parsed. */
  get last(): unknown {
    const body = this.bodies.at(-1)
    return body && JSON.parse(String(body.content))
  }
}

/** An answer to the peer, as far as it has come. */
export class PlayedAnswer {
  response: SipResponse | undefined
  private readonly asked: PlayedSubscription | undefined

  constructor(asked: PlayedSubscription | undefined) {
    this.asked = asked
  }
  /** 0: none yet. */
  get status(): number {
    return this.response?.status ?? 0
  }
  get warning(): string | undefined {
    const text = this.response?.text('Warning')
    return text === undefined ? undefined : (/"(.*)"/.exec(text)?.[1] ?? text).replace(/\\(.)/g, '$1')
  }
  get subscription(): PlayedSubscription | undefined {
    return this.status >= 200 && this.status < 300 ? this.asked : undefined
  }
}

interface RunningElement {
  readonly element: Element
  readonly node: Node
}

export class ElementNetwork {
  readonly clock = new ManualClock()
  readonly network = new MemoryNetwork(this.clock)
  store: Store = memoryStore(this.clock)
  readonly subscriptions: PlayedSubscription[] = []
  private readonly domains: readonly string[]
  private readonly running = new Map<string, RunningElement>()
  private readonly places = new Map<string, OtherNode>()
  private readonly answers = new Map<string, PlayedAnswer>()
  private transport: Transport | undefined
  private requests = 0

  constructor(domains: readonly string[] = ['localhost', '127.0.0.1']) {
    this.domains = domains
    this.network.fate = () => [0]
    for (const name of usualNames) this.place(name)
  }

  /** Starts it, in the place of the one of that name before, if there was one. @param rules instead of its claims */
  async add<Kind extends Element>(element: Kind, rules?: readonly PlanRule[]): Promise<Kind> {
    await this.open()
    const place = this.places.get(element.name) ?? this.place(element.name)
    await this.stop(element.name)
    const elsewhere = new Map([...this.places].filter(([name]) => name !== element.name))
    const { host, port } = place
    const others = [...elsewhere.keys()].map((name) => [name, []] as const)
    const elements = new Map<string, readonly Claim[]>([
      [element.name, rules === undefined ? element.claims : [{ method: '*' }]],
      ...others,
    ])
    const placement = staticPlacement(elsewhere)
    const asRules = rules === undefined ? {} : { rules }
    const { plan } = compilePlan({ ...asRules, domains: this.domains, elements, placement, ownAddresses: [{ host, port }] })
    const node = createNode({
      name: place.name,
      plan: plan!,
      domains: this.domains,
      elements: [element],
      store: this.store,
      clock: this.clock,
      network: this.network,
      log: silent,
      trusted: [peer.host],
      otherNodes: placement.others,
      ids: seededIds(42 + ++this.requests),
      listen: [{ transport: 'MEM', host, port }],
    })
    await node.start()
    this.running.set(element.name, { element, node })
    await this.settle()
    return element
  }
  private place(name: string): OtherNode {
    const place = { name: `of-${name}`, host: `10.0.0.${this.places.size + 1}`, port: 5060 }
    this.places.set(name, place)
    return place
  }
  /** It is gone, until another of its name is added. */
  async stop(name: string): Promise<void> {
    await this.running.get(name)?.node.stop(0)
  }
  /** Subscriptions leave the store: those who held them are gone. Nobody may run meanwhile. */
  async forgetSubscriptions(): Promise<void> {
    const keys: string[] = []
    for await (const [key] of this.store.scan('subscriptions/')) keys.push(key)
    await this.store.write(keys.map((key) => ({ key, delete: true })))
  }
  private async open(): Promise<void> {
    if (this.transport !== undefined) return
    this.transport = this.network.transport({
      listen: peer,
      isTrusted: () => true,
      sink: { received: (bytes) => this.received(scan(bytes)), closed: () => undefined, failed: () => undefined },
    })
    await this.transport.listen()
  }
  private received(message: SipRequest | SipResponse | undefined): void {
    if (message?.kind === 'response') {
      const answer = this.answers.get(`${message.callId} ${message.cseq.number}`)
      if (answer !== undefined && message.status >= 200) answer.response = message
      return
    }
    if (message === undefined) return
    const subscription = this.subscriptions.findLast(({ callId }) => callId === message.callId)
    if (subscription !== undefined && message.method === 'NOTIFY') subscription.notified(message)
    else if (message.method !== 'ACK') this.answer(message, message.method === 'NOTIFY' ? 481 : 200)
  }
  answer(request: SipRequest, status: number): void {
    const address = [...this.places.values()].find(({ host, port }) => request.text('Via')?.includes(` ${host}:${port};`))!
    this.transport!.connect(address).send(buildResponse(request, status, { toTag: 'played' }))
  }

  /** Runs all that is ready now; no time passes. */
  settle(): Promise<void> {
    return this.clock.advance(0)
  }
  /** Sends a request of the peer; it is answered by now if that needs no time. */
  async ask(
    element: string,
    method: string,
    to: string,
    asking: Asking = {},
    names: { readonly callId?: string; readonly branch?: string } = {},
  ): Promise<PlayedAnswer> {
    const { callId = `played-${++this.requests}`, branch } = names
    const subscription = method === 'SUBSCRIBE' ? new PlayedSubscription(this, element, to, asking, callId) : undefined
    if (subscription !== undefined) this.subscriptions.push(subscription)
    return this.send(element, method, to, asking, { callId, cseq: 1, branch }, new PlayedAnswer(subscription))
  }
  async refresh(subscription: PlayedSubscription, asking: Asking): Promise<number> {
    const { element, to, callId, toTag } = subscription
    const names = { callId, cseq: ++subscription.cseq, ...(toTag === undefined ? {} : { toTag }) }
    return (await this.send(element, 'SUBSCRIBE', to, asking, names, new PlayedAnswer(undefined))).status
  }
  private async send(
    element: string,
    method: string,
    to: string,
    asking: Asking,
    names: { readonly callId: string; readonly cseq: number; readonly toTag?: string; readonly branch?: string | undefined },
    answer: PlayedAnswer,
  ): Promise<PlayedAnswer> {
    await this.open()
    this.answers.set(`${names.callId} ${names.cseq}`, answer)
    const branch = names.branch ?? `z9hG4bK-${names.callId}-${names.cseq}`
    const bytes = requestBytes(method, to, asking, { ...names, via: peer.host, branch })
    this.transport!.connect(this.places.get(element)!).send(bytes)
    await this.settle()
    return answer
  }

  element<Kind extends Element = Element>(name: string): Kind {
    return this.running.get(name)!.element as Kind
  }
  /** Value of a count or a gauge of that element. */
  metric(element: string, name: string): number {
    const { node } = this.running.get(element)!
    return metric(node, `${element}_${name}`) + metric(node, `${element}_${name}_total`)
  }
  /** Nobody hears that element any more, nor does it hear them, until `heal`. */
  cut(element: string): void {
    const { host } = this.places.get(element)!
    for (const other of this.places.values()) if (other.host !== host) this.network.part(host, other.host)
  }
  heal(): void {
    this.network.heal()
  }
}
