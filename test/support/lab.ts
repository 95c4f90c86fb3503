/** A network in one process and virtual time: one node with elements, and plain user agents around it. */

import type { RateSettings } from '../../signalling/index.ts'
import {
  compilePlan,
  createNode,
  type Element,
  type Exchange,
  type Host,
  type Log,
  memoryStore,
  type Node,
  type NodeOptions,
  type OtherNode,
  type PeerOperator,
  type Resolver,
  type Store,
  silent,
} from '../../signalling/index.ts'
import { ManualClock, MemoryNetwork, memoryTap, seededIds } from '../../signalling/testing.ts'

/** A user agent without wishes of its own: records what it gets and answers as told. */
export class Agent implements Element {
  readonly name: string
  readonly claims = [{ method: '*' }]
  readonly got: Exchange[] = []
  host!: Host
  answer: (exchange: Exchange) => unknown = (exchange) => exchange.reply(200)
  constructor(name: string) {
    this.name = name
  }
  start(host: Host): void {
    this.host = host
  }
  handle(exchange: Exchange): void | Promise<void> {
    this.got.push(exchange)
    const settled = this.answer(exchange)
    return settled instanceof Promise ? settled : undefined
  }
}

export interface LoggedError {
  readonly text: string
  readonly element?: string
  readonly [field: string]: unknown
}

export class Lab {
  readonly clock = new ManualClock()
  readonly network = new MemoryNetwork(this.clock)
  readonly tap = memoryTap(10_000)
  readonly nodes: Node[] = []
  /** Errors that the node has logged. */
  readonly errors: LoggedError[] = []
  /** Other lines of its log. */
  readonly lines: LoggedError[] = []
  /** Addresses whose word the node believes. */
  readonly trusted: string[] = []
  /** Of the node served next. */
  sourceRate: RateSettings | undefined = undefined
  /** Of the node served next: subscriptions of one subscriber. */
  subscriptions: number | undefined = undefined
  /** Of the node served next: NOTIFYs to one subscriber. */
  notifies: RateSettings | undefined = undefined
  /** Sessions of each node made next. */
  sessions: number | undefined = undefined
  /** Of the node served next: other nodes of its network. */
  otherNodes: readonly OtherNode[] = []
  /** Of the node served next: operators that it trusts. */
  peers: readonly PeerOperator[] = []
  /** Of the node served next: HTTP to servers outside. */
  http: NodeOptions['http'] = undefined
  /** Of the node served next: looks up host names. */
  resolver: Resolver | undefined = undefined
  /** Of the node served next: where it listens, if not at 10.0.0.1, and whose addresses it has. */
  at: Partial<Pick<NodeOptions, 'listen' | 'addresses'>> = {}
  private agents = 0

  /** A node at 10.0.0.1:5060 with these elements, `proxy` first in the plan. */
  async serve(domains: readonly string[], elements: readonly Element[], store: Store = memoryStore(this.clock)): Promise<Node> {
    const { plan, faults } = compilePlan({
      domains,
      elements: new Map(elements.map((element) => [element.name, element.claims])),
      ...(elements.some(({ name }) => name === 'proxy') ? { proxy: 'proxy' } : {}),
      peers: this.peers,
      ownAddresses: [],
    })
    if (plan === undefined) throw new Error(JSON.stringify(faults))
    return this.node('server', '10.0.0.1', plan, domains, elements, store)
  }
  /** A user agent of its own node at 10.0.1.n. */
  async agent(name: string): Promise<Agent> {
    const agent = new Agent(name)
    const host = `10.0.1.${++this.agents}`
    const { plan } = compilePlan({ domains: [host], elements: new Map([[name, agent.claims]]), ownAddresses: [] })
    await this.node(name, host, plan!, [host], [agent], memoryStore(this.clock))
    return agent
  }
  private async node(
    name: string,
    host: string,
    plan: Parameters<typeof createNode>[0]['plan'],
    domains: readonly string[],
    elements: readonly Element[],
    store: Store,
  ): Promise<Node> {
    const node = createNode({
      name,
      plan,
      domains,
      elements,
      store,
      clock: this.clock,
      network: this.network,
      log: name === 'server' ? this.log : silent,
      trusted: name === 'server' ? this.trusted : [],
      ids: seededIds(this.nodes.length + 1),
      sessions: this.sessions,
      listen: [{ transport: 'MEM', host, port: 5060 }],
      ...(name === 'server' ? this.ofServer : {}),
    })
    this.nodes.push(node)
    await node.start()
    return node
  }
  private readonly log: Log = {
    ...silent,
    info: (fields, text) => void this.lines.push({ ...fields, text }),
    warn: (fields, text) => void this.lines.push({ ...fields, text }),
    error: (fields, text) => void this.errors.push({ ...fields, text }),
    child: () => this.log,
  }
  private get ofServer(): Partial<NodeOptions> {
    const { tap, sourceRate, resolver, subscriptions, notifies, otherNodes, peers, http, at } = this
    return { tap, sourceRate, resolver, subscriptions, notifies, otherNodes, peers, http, ...at }
  }
  /** Lets `ms` pass while `work` is under way, and gives its result. */
  async during<Result>(work: Promise<Result>, ms = 1000): Promise<Result> {
    await this.clock.advance(ms)
    return work
  }
  async stop(): Promise<void> {
    for (const node of this.nodes) await node.stop(0)
  }
}
