/** A stage: the default network's server and UEs around it, in virtual time over memory or in real time over sockets. */
import { EngineAgent, Ue, type UeOptions, type UserAgent } from '../../../elements/ue/index.ts'
import {
  type Clock,
  createNode,
  type Element,
  type HostPort,
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
import { type Endpoint, fanTap, mediaSockets, type Tap, type TappedMessage } from '../../../signalling/tools.ts'
import type { Dialplan } from '../../network/dialplan.ts'
import { agentNode } from '../../running/agent-node.ts'
import { operatorTap } from '../../running/operator-tap.ts'
import { ClockedStage } from './clocked-stage.ts'
import { cutOff } from './cut-off.ts'
import { figureOf, type PreparationRange } from './figure.ts'
import type { CellAttachment, PushClientOptions, Scenario, Stage, Talker } from './flow.ts'
import { lastingPort } from './lasting-port.ts'
import { LocalOperator } from './local-operator.ts'
import type { Operator } from './operator.ts'
import { clientRegistration } from './push-client.ts'
import { MemoryPushService, type PushService } from './push-service.ts'
import { SleepingDevice } from './sleeping-device.ts'
import { StageNames } from './stage-names.ts'
import { type ServerPlace, StagePlan } from './stage-plan.ts'

export interface StageOptions {
  /** Of each operator, where there are several. */
  readonly dialplan: Dialplan | readonly Dialplan[]
  readonly mode: 'virtual' | 'sockets'
  /** Decides about datagrams; virtual only. */
  readonly fate?: MemoryNetwork['fate']
  readonly log?: Log
  /** Gets the messages of the server, beside the stage's own. */
  readonly tap?: Tap
  /** Elements may leave the nodes of their dialplan, which share one store then. */
  readonly moves?: boolean
  /** Number of partitions of elements that move, by name; left out: one. */
  readonly partitions?: ReadonlyMap<string, number>
}

/** A node of the network, its addresses and its elements. */
interface StageServer extends ServerPlace {
  readonly server: Node
  /** By their names in the dialplan: `proxy`, `north/proxy`. */
  readonly elements: Map<string, Element>
}

export class StageSet extends ClockedStage implements Stage {
  readonly messages: MemoryTap = memoryTap(100_000)
  readonly clock: Clock
  readonly operator: Operator = this.operatorOf('')
  private readonly options: StageOptions
  private readonly registers: boolean
  private readonly planning: StagePlan
  private readonly manual: ManualClock | undefined
  private readonly network: MemoryNetwork | undefined
  private readonly ids: Ids
  private readonly nodes: Node[] = []
  private readonly ues: Ue[] = []
  /** Names of users by where they are. */
  private readonly users = new Map<string, string>()
  private places: readonly ServerPlace[] = []
  /** The nodes of the network, of each operator that of the proxy first. */
  private servers: readonly StageServer[] = []
  private readonly stores = new Map<string, Store>()
  private readonly preparations: PreparationRange[] = []
  readonly names: StageNames
  private readonly outside = new MemoryPushService()

  constructor(options: StageOptions, scenario: Scenario) {
    super()
    this.options = options
    this.registers = scenario.registers === true
    this.planning = new StagePlan(options.dialplan, scenario, options.moves, options.partitions)
    const log = options.log ?? silent
    this.manual = options.mode === 'virtual' ? new ManualClock() : undefined
    this.clock = this.manual ?? new RealClock((fault) => log.error({ fault: String(fault) }, 'fault in a timer'))
    this.ids = this.manual === undefined ? randomIds() : seededIds(7)
    this.network = this.manual && new MemoryNetwork(this.clock)
    this.names = new StageNames(this.clock, (domain) => this.placeOf(domain))
    if (this.network !== undefined && options.fate !== undefined) this.network.fate = options.fate
  }
  /** Datagrams that have been put on the network in memory. */
  get datagrams(): number {
    return this.network?.sent ?? 0
  }

  /** Messages of the scenario's own steps. */
  get figure(): readonly TappedMessage[] {
    return figureOf(this.messages.messages, this.preparations, this.registers)
  }

  async open(): Promise<void> {
    this.places = await this.planning.place(this.manual === undefined ? lastingPort : undefined)
    await this.preparing(async () => this.startServers(this.places))
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
  private async startServers(places: readonly ServerPlace[]): Promise<void> {
    const started = places.map((place) => this.makeServer(place))
    this.servers = [...this.servers, ...started].toSorted((a, b) => a.index - b.index)
    for (const { server } of started) await this.during(server.start())
  }
  private makeServer(place: ServerPlace): StageServer {
    const { dialplan, assembled, placement } = this.planning.at(place, this.places)
    const { elements, plan } = assembled
    const { domains, operator, met = [] } = dialplan
    const { host, port, node } = place
    const taps = this.options.tap === undefined ? [this.messages] : [this.messages, this.options.tap]
    const tap = this.named(fanTap(taps)!)
    const server = createNode({
      ...this.common(operator === undefined ? (node ?? 'server') : `${operator}/${node ?? ''}`),
      plan,
      elements,
      domains,
      otherNodes: placement?.others ?? [],
      peers: met,
      http: this.outside,
      store: this.storeOf(`${operator ?? ''}/${this.options.moves === true ? '' : (node ?? '')}`),
      listen: [{ transport: this.manual === undefined ? 'UDP' : 'MEM', host, port }],
      tap: operator === undefined ? tap : operatorTap(tap, operator, (end) => this.planning.nameOf(end, operator, this.places)),
    })
    const prefix = operator === undefined ? '' : `${operator}/`
    return { ...place, server, elements: new Map(elements.map((element) => [prefix + element.name, element])) }
  }
  /** Lets an element go at its node, and takes it up at that node of its operator. */
  async move(element: string, node: string): Promise<void> {
    const from = this.serverAt(element, this.planning.nodeOf(element))
    const to = this.serverAt(element, node)
    await from.server.letGo(nameIn(element))
    from.elements.delete(element)
    const made = this.planning.movedTo(element, to, this.places)
    await to.server.takeUp(made)
    to.elements.set(element, made)
  }
  private serverAt(element: string, node: string | undefined): StageServer {
    const operator = element.includes('/') ? element.split('/')[0] : undefined
    const found = this.servers.find((each) => each.operator === operator && each.node === node)
    if (found === undefined) throw new Error(`no node ${node} for ${element}`)
    return found
  }
  /** State that outlives a restart. */
  private storeOf(node: string): Store {
    let store = this.stores.get(node)
    if (store === undefined) this.stores.set(node, (store = memoryStore(this.clock)))
    return store
  }
  private common(name: string) {
    const { log = silent } = this.options
    const { clock, ids, network } = this
    return { name, clock, ids, log: log.child({ node: name }), trusted: [], network }
  }
  /** Peers shown by the names of their users. */
  private named(tap: Tap): Tap {
    const nameOf = (end: Endpoint): Endpoint => {
      const name = this.users.get(`${end.address}:${end.port}`)
      return name === undefined ? end : { ...end, name }
    }
    return { message: (message) => tap.message({ ...message, from: nameOf(message.from), to: nameOf(message.to) }) }
  }
  placeOf(domain: string): HostPort | undefined {
    return this.planning.proxyOf(domain, this.places)
  }
  /** The proxy of a domain; left out: the first one. */
  private proxyOf(domain: string | undefined): HostPort {
    const at = this.planning.proxyOf(domain, this.places)
    if (at === undefined) throw new Error(`no operator has ${domain}`)
    return at
  }
  private agentOf(
    name: string,
    domain: string | HostPort | undefined,
    {
      isKnown = true,
      push,
      station,
    }: { readonly isKnown?: boolean; readonly push?: PushClientOptions | undefined; readonly station?: string | undefined } = {},
  ): Promise<EngineAgent> {
    const [user, home = this.planning.homeDomain] = name.split('@') as [string, string?]
    const agent = new EngineAgent({
      identity: `sip:${user}@${home}`,
      ...(isKnown ? { password: `${user}-proxima` } : {}),
      proxy: this.outboundProxy(domain, station),
      push: push && clientRegistration(push),
    })
    const ownHost = this.manual === undefined ? '127.0.0.1' : `10.0.1.${this.nodes.length + 1}`
    const node = agentNode(agent.element, {
      ...this.common(name),
      listen: [
        { transport: this.manual === undefined ? 'UDP' : 'MEM', host: ownHost, port: this.manual === undefined ? 0 : 5060 },
      ],
    })
    this.nodes.push(node)
    return this.during(node.start()).then(() => {
      const [own] = node.listening
      this.users.set(`${own!.host}:${own!.port}`, user)
      return agent
    })
  }

  /** URI of the base station, or of the proxy. */
  private outboundProxy(domain: string | HostPort | undefined, station: string | undefined): string {
    const named = typeof domain === 'object' ? undefined : domain
    const at = station === undefined ? undefined : this.planning.nodeWith(station, named, this.places)
    const { host, port } = at ?? (typeof domain === 'object' ? domain : this.proxyOf(domain))
    return `sip:${station === undefined ? '' : `${station}@`}${host}:${port};lr`
  }

  async ue(
    name: string,
    { station, ...options }: Pick<UeOptions, 'report' | 'mme' | 'prose'> & CellAttachment = {},
  ): Promise<Ue> {
    const agent = await this.agentOf(name, name.split('@')[1], { station })
    const answer = await this.preparing(() => this.during(agent.register()))
    this.expect(`${name} registers`, answer.status === 200)
    const ue = new Ue({ agent, clock: this.clock, ...options })
    this.ues.push(ue)
    return ue
  }
  stranger(name: string, domain: string, attachment: CellAttachment = {}): Promise<UserAgent> {
    return this.agentOf(name, domain, { isKnown: false, ...attachment })
  }
  pushClient(name: string, push: PushClientOptions): Promise<UserAgent> {
    return this.agentOf(name, push.at ?? name.split('@')[1], { push, station: push.station })
  }
  async pushService(): Promise<PushService> {
    return this.outside
  }
  async talker(name: string, { cutOff: isCutOff = false }: { readonly cutOff?: boolean } = {}): Promise<Talker> {
    const { ids, network } = this
    const domain = name.split('@')[1]
    const server = this.proxyOf(domain)
    const agent = await this.agentOf(name, domain)
    const open = network?.mediaSockets(`10.0.4.${this.nodes.length}`) ?? mediaSockets(server.host)
    return { agent, ids, open: isCutOff ? cutOff(open, [server]) : open, stunServers: [server] }
  }
  async sleepingDevice(name: string): Promise<SleepingDevice> {
    const [user, domain] = name.split('@') as [string, string?]
    const { host, port } = this.proxyOf(domain)
    const identity = `sip:${user}@${domain ?? this.planning.homeDomain}`
    const proxy = `sip:${host}:${port};lr`
    const number = this.nodes.length + 1
    const isVirtual = this.manual !== undefined
    const ownHost = isVirtual ? `10.0.2.${number}` : '127.0.0.1'
    const listen = [{ transport: isVirtual ? 'MEM' : 'UDP', host: ownHost, port: isVirtual ? 5060 : 0 }] as const
    const open = async (element: Element): Promise<Node> => {
      const node = agentNode(element, { ...this.common(name), listen })
      this.nodes.push(node)
      await node.start()
      const [own] = node.listening
      this.users.set(`${own!.host}:${own!.port}`, user)
      return node
    }
    const options = { identity, password: `${user}-proxima`, proxy, pushService: this.outside, open }
    const device = new SleepingDevice(options, number)
    await this.during(device.wakeUp())
    return device
  }
  operatorOf(name: string): Operator {
    const full = (element: string): string => (name === '' ? element : `${name}/${element}`)
    return new LocalOperator({
      element: (element) => this.element(full(element)),
      settings: (element) => this.planning.settings(full(element)),
    })
  }
  private element(name: string): Element {
    const element = this.servers.map(({ elements }) => elements.get(name)).find((candidate) => candidate !== undefined)
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
    await this.preparing(async () => {
      await this.stopServers(this.places)
      await this.startServers(this.places)
    })
  }
  async without(operator: string, meanwhile: () => Promise<void>): Promise<void> {
    const places = this.places.filter((place) => place.operator === operator)
    await this.stopServers(places)
    await meanwhile()
    await this.preparing(() => this.startServers(places))
  }
  private async stopServers(places: readonly ServerPlace[]): Promise<void> {
    const stopping = this.servers.filter(({ index }) => places.some((place) => place.index === index))
    for (const { server } of stopping) await server.stop(0)
    this.servers = this.servers.filter((each) => !stopping.includes(each))
  }
  /** Ends everything, the UEs first. */
  async close(): Promise<void> {
    for (const ue of this.ues) await this.during(ue.stop())
    await this.pass(0.05)
    for (const node of this.nodes) await node.stop(0)
    await this.stopServers(this.places)
    for (const store of this.stores.values()) await store.close()
  }
}

/** The name of an element within its operator. */
function nameIn(element: string): string {
  return element.slice(element.indexOf('/') + 1)
}
