/** A stage: the default network's server and UEs around it, in virtual time over memory or in real time over sockets. */
import { EngineAgent, Ue, type UeOptions } from '../../elements/ue/index.ts'
import {
  type Clock,
  createNode,
  type Element,
  type Endpoint,
  fanTap,
  type Ids,
  type Log,
  ManualClock,
  MemoryNetwork,
  type MemoryTap,
  memoryStore,
  memoryTap,
  type Node,
  RealClock,
  randomIds,
  type Store,
  seededIds,
  silent,
  type Tap,
} from '../../signalling/index.ts'
import { agentNode } from '../agent-node.ts'
import { assemble } from '../assemble.ts'
import type { Dialplan } from '../dialplan.ts'
import { ClockedStage } from './clocked-stage.ts'
import type { Scenario, Stage } from './flow.ts'

export interface StageOptions {
  readonly dialplan: Dialplan
  readonly mode: 'virtual' | 'sockets'
  /** Decides about datagrams; virtual only. */
  readonly fate?: MemoryNetwork['fate']
  readonly log?: Log
  /** Gets what the server sends and receives, beside the stage's own. */
  readonly tap?: Tap
}

export class StageSet extends ClockedStage implements Stage {
  readonly messages: MemoryTap = memoryTap(100_000)
  readonly clock: Clock
  private readonly options: StageOptions
  private readonly scenario: Scenario
  private readonly manual: ManualClock | undefined
  private readonly network: MemoryNetwork | undefined
  private readonly ids: Ids
  private readonly store: Store
  private readonly nodes: Node[] = []
  private readonly ues: Ue[] = []
  private readonly names = new Map<string, string>()
  private server: Node | undefined
  private elements: readonly Element[] = []

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
    this.store = memoryStore(this.clock)
  }
  /** Datagrams that have been put on the network in memory. */
  get datagrams(): number {
    return this.network?.sent ?? 0
  }

  async open(): Promise<void> {
    await this.startServer(0)
  }
  private async startServer(port: number): Promise<void> {
    const { dialplan, tap } = this.options
    const elements = dialplan.elements.map((element) => ({
      ...element,
      settings: { ...element.settings, ...this.scenario.settings?.[element.name] },
    }))
    const made = assemble({ ...dialplan, elements })
    if (made.faults !== undefined) throw new Error(made.faults.map(({ text }) => text).join('; '))
    this.elements = made.value.elements
    const address = this.manual === undefined ? { host: '127.0.0.1', port } : { host: '10.0.0.1', port: 5060 }
    this.server = createNode({
      ...this.common('server'),
      plan: made.value.plan,
      elements: this.elements,
      domains: dialplan.domains,
      store: this.store,
      listen: [{ transport: this.manual === undefined ? 'UDP' : 'MEM', ...address }],
      tap: this.named(fanTap(tap === undefined ? [this.messages] : [this.messages, tap])!),
    })
    await this.during(this.server.start())
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
    return this.server!.listening[0]!
  }

  async ue(name: string, options: Pick<UeOptions, 'report'> = {}): Promise<Ue> {
    const { host, port } = this.serverAddress
    const identity = `sip:${name}@${this.options.dialplan.domains[0]}`
    const agent = new EngineAgent({ identity, password: `${name}-proxima`, proxy: `sip:${host}:${port};lr` })
    const own = this.manual === undefined ? '127.0.0.1' : `10.0.1.${this.nodes.length + 1}`
    const node = agentNode(agent.element, {
      ...this.common(name),
      listen: [{ transport: this.manual === undefined ? 'UDP' : 'MEM', host: own, port: this.manual === undefined ? 0 : 5060 }],
    })
    this.nodes.push(node)
    await this.during(node.start())
    const [at] = node.listening
    this.names.set(`${at!.host}:${at!.port}`, name)
    const answer = await this.during(agent.register())
    this.expect(`${name} registers`, answer.status === 200)
    const ue = new Ue({ agent, clock: this.clock, ...options })
    this.ues.push(ue)
    return ue
  }
  element(name: string): Element {
    const element = this.elements.find((candidate) => candidate.name === name)
    if (element === undefined) throw new Error(`no element ${name}`)
    return element
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
    const { port } = this.serverAddress
    await this.server!.stop(0)
    await this.startServer(port)
  }
  /** Ends everything, the UEs first. */
  async close(): Promise<void> {
    for (const ue of this.ues) await this.during(ue.stop())
    await this.pass(0.05)
    for (const node of this.nodes) await node.stop(0)
    await this.server?.stop(0)
    await this.store.close()
  }
}
