/** A stage: the default network's server and UEs around it, in virtual time over memory or in real time over sockets. */
import { EngineAgent, Ue, type UeOptions } from '../../../elements/ue/index.ts'
import {
  type Clock,
  createNode,
  type Element,
  type Ids,
  type Log,
  memoryStore,
  type Node,
  RealClock,
  randomIds,
  type Store,
  silent,
} from '../../../signalling/index.ts'
import { ManualClock, MemoryNetwork, type MemoryTap, memoryTap, seededIds } from '../../../signalling/testing.ts'
import { type Endpoint, fanTap, type Tap, type TappedMessage } from '../../../signalling/tools.ts'
import { assemble } from '../../network/assemble.ts'
import type { Dialplan } from '../../network/dialplan.ts'
import { atNode, elsewhere } from '../../network/nodes.ts'
import { agentNode } from '../../running/agent-node.ts'
import { ClockedStage } from './clocked-stage.ts'
import { figureOf, type PreparationRange } from './figure.ts'
import type { Scenario, Stage } from './flow.ts'
import { lastingPort } from './lasting-port.ts'
import { LocalOperator } from './local-operator.ts'

export interface StageOptions {
  readonly dialplan: Dialplan
  readonly mode: 'virtual' | 'sockets'
  /** Decides about datagrams; virtual only. */
  readonly fate?: MemoryNetwork['fate']
  readonly log?: Log
  /** Gets the messages of the server, beside the stage's own. */
  readonly tap?: Tap
}

export class StageSet extends ClockedStage implements Stage {
  readonly messages: MemoryTap = memoryTap(100_000)
  readonly clock: Clock
  readonly operator = new LocalOperator({ element: (name) => this.element(name), settings: (name) => this.settings(name) })
  private readonly options: StageOptions
  private readonly scenario: Scenario
  private readonly manual: ManualClock | undefined
  private readonly network: MemoryNetwork | undefined
  private readonly ids: Ids
  private readonly nodes: Node[] = []
  private readonly ues: Ue[] = []
  private readonly names = new Map<string, string>()
  /** The nodes of the network, that of the proxy first; one unless the dialplan has several. */
  private servers: Node[] = []
  private elements: readonly Element[] = []
  private readonly stores = new Map<string, Store>()
  private readonly preparations: PreparationRange[] = []

  constructor(options: StageOptions, scenario: Scenario) {
    super()
    this.options = options
    this.scenario = scenario
    const log = options.log ?? silent
    this.manual = options.mode === 'virtual' ? new ManualClock() : undefined
    this.clock = this.manual ?? new RealClock((fault) => log.error({ fault: String(fault) }, 'fault in a timer'))
    this.ids = this.manual === undefined ? randomIds() : seededIds(7)
    this.network = this.manual && new MemoryNetwork(this.clock)
    if (this.network !== undefined && options.fate !== undefined) this.network.fate = options.fate
  }
  /** Datagrams that have been put on the network in memory. */
  get datagrams(): number {
    return this.network?.sent ?? 0
  }

  /** Messages of the scenario's own steps. */
  get figure(): readonly TappedMessage[] {
    return figureOf(this.messages.messages, this.preparations)
  }

  async open(): Promise<void> {
    await this.preparing(async () => this.startServers(await this.freePorts()))
  }
  /** Marks messages that pass meanwhile as no step of the scenario. */
  private async preparing<Value>(work: () => Promise<Value>): Promise<Value> {
    const from = this.messages.messages.length
    try {
      return await work()
    } finally {
      this.preparations.push([from, this.messages.messages.length])
    }
  }
  /** @param ports of the nodes, in their order */
  private async startServers(ports: readonly number[]): Promise<void> {
    const plan = this.planFor(ports)
    const names = plan.nodes.map(({ name }) => name)
    for (const name of names.length === 0 ? [undefined] : names) {
      const { server, elements } = this.makeServer(plan, name, ports[0]!)
      this.servers.push(server)
      this.elements = [...this.elements, ...elements]
    }
    for (const server of this.servers) await this.during(server.start())
  }
  /** The dialplan with the scenario's settings, and its nodes where they can listen now. */
  private planFor(ports: readonly number[]): Dialplan {
    const { dialplan } = this.options
    const elements = dialplan.elements.map((element) => ({
      ...element,
      settings: this.settings(element.name),
    }))
    const nodes = dialplan.nodes.map((node, i) => {
      const host = this.manual === undefined ? '127.0.0.1' : `10.0.0.${i + 1}`
      return { ...node, data: 'memory', listen: [{ transport: 'UDP' as const, host, port: ports[i]! }] }
    })
    return { ...dialplan, data: 'memory', elements, nodes }
  }
  private makeServer(plan: Dialplan, name: string | undefined, port: number): { server: Node; elements: readonly Element[] } {
    const chosen = name === undefined ? { value: plan } : atNode(plan, name)
    const made = chosen.faults === undefined ? assemble(chosen.value) : chosen
    if (chosen.faults !== undefined || made.faults !== undefined)
      throw new Error((chosen.faults ?? made.faults)!.map(({ text }) => text).join('; '))
    const transport = this.manual === undefined ? 'UDP' : 'MEM'
    const alone = { host: this.manual === undefined ? '127.0.0.1' : '10.0.0.1', port: this.manual === undefined ? port : 5060 }
    const { tap } = this.options
    const server = createNode({
      ...this.common(name ?? 'server'),
      plan: made.value.plan,
      elements: made.value.elements,
      domains: plan.domains,
      otherNodes: [...new Set(elsewhere(chosen.value).values())],
      store: this.storeOf(name ?? ''),
      listen: [{ ...(name === undefined ? alone : chosen.value.listen[0]!), transport }],
      tap: this.named(fanTap(tap === undefined ? [this.messages] : [this.messages, tap])!),
    })
    return { server, elements: made.value.elements }
  }
  /** State that outlives a restart. */
  private storeOf(node: string): Store {
    let store = this.stores.get(node)
    if (store === undefined) this.stores.set(node, (store = memoryStore(this.clock)))
    return store
  }
  /** One each; that of a single node, where the dialplan names none. */
  private freePorts(): Promise<readonly number[]> {
    const count = Math.max(1, this.options.dialplan.nodes.length)
    return Promise.all(Array.from({ length: count }, () => (this.manual === undefined ? lastingPort() : 5060)))
  }
  private common(name: string) {
    const { log = silent } = this.options
    const { clock, ids, network } = this
    return { name, clock, ids, log: log.child({ node: name }), trusted: [], network }
  }
  /** Peers shown by the names of their users. */
  private named(tap: Tap): Tap {
    const nameOf = (end: Endpoint): Endpoint => {
      const name = this.names.get(`${end.address}:${end.port}`)
      return name === undefined ? end : { ...end, name }
    }
    return { message: (message) => tap.message({ ...message, from: nameOf(message.from), to: nameOf(message.to) }) }
  }
  private get serverAddress(): { host: string; port: number } {
    return this.servers[0]!.listening[0]!
  }

  async ue(name: string, options: Pick<UeOptions, 'report' | 'mme' | 'prose'> = {}): Promise<Ue> {
    const { host, port } = this.serverAddress
    const identity = `sip:${name}@${this.options.dialplan.domains[0]}`
    const agent = new EngineAgent({ identity, password: `${name}-proxima`, proxy: `sip:${host}:${port};lr` })
    const ownHost = this.manual === undefined ? '127.0.0.1' : `10.0.1.${this.nodes.length + 1}`
    const node = agentNode(agent.element, {
      ...this.common(name),
      listen: [
        { transport: this.manual === undefined ? 'UDP' : 'MEM', host: ownHost, port: this.manual === undefined ? 0 : 5060 },
      ],
    })
    this.nodes.push(node)
    await this.during(node.start())
    const [at] = node.listening
    this.names.set(`${at!.host}:${at!.port}`, name)
    const answer = await this.preparing(() => this.during(agent.register()))
    this.expect(`${name} registers`, answer.status === 200)
    const ue = new Ue({ agent, clock: this.clock, ...options })
    this.ues.push(ue)
    return ue
  }
  private element(name: string): Element {
    const element = this.elements.find((candidate) => candidate.name === name)
    if (element === undefined) throw new Error(`no element ${name}`)
    return element
  }
  private settings(name: string): Dialplan['elements'][number]['settings'] {
    return { ...this.options.dialplan.elements.find((one) => one.name === name)?.settings, ...this.scenario.settings?.[name] }
  }
  override pass(seconds: number): Promise<void> {
    return this.manual?.advance(seconds * 1000) ?? super.pass(seconds)
  }
  async during<Value>(work: Promise<Value>): Promise<Value> {
    let outcome: { value: Value } | { fault: unknown } | undefined
    work.then(
      (value) => {
        outcome = { value }
      },
      (fault: unknown) => {
        outcome = { fault }
      },
    )
    const done = await this.until('an answer', () => outcome, 70)
    if ('fault' in done) throw done.fault
    return done.value
  }
  async restart(): Promise<void> {
    const ports = this.servers.map(({ listening }) => listening[0]!.port)
    await this.preparing(async () => {
      await this.stopServers()
      await this.startServers(ports)
    })
  }
  private async stopServers(): Promise<void> {
    for (const server of this.servers) await server.stop(0)
    this.servers = []
    this.elements = []
  }
  /** Ends everything, the UEs first. */
  async close(): Promise<void> {
    for (const ue of this.ues) await this.during(ue.stop())
    await this.pass(0.05)
    for (const node of this.nodes) await node.stop(0)
    await this.stopServers()
    for (const store of this.stores.values()) await store.close()
  }
}
