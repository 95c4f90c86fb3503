/** A stage for flows: a node, or a network of them, in processes of their own, and UEs on sip.js around it. */
import { ClockedStage } from '../../../dialplans/flows/stage/clocked-stage.ts'
import { cutOff } from '../../../dialplans/flows/stage/cut-off.ts'
import type { CellAttachment, PushClientOptions, Scenario, Stage, Talker } from '../../../dialplans/flows/stage/flow.ts'
import type { Operator } from '../../../dialplans/flows/stage/operator.ts'
import { clientRegistration } from '../../../dialplans/flows/stage/push-client.ts'
import type { PushService } from '../../../dialplans/flows/stage/push-service.ts'
import { SleepingDevice } from '../../../dialplans/flows/stage/sleeping-device.ts'
import { StageNames } from '../../../dialplans/flows/stage/stage-names.ts'
import { agentNode } from '../../../dialplans/running/agent-node.ts'
import {
  type Carrier,
  EngineAgent,
  type OpenPort,
  SipJsAgent,
  Ue,
  type UeOptions,
  type UserAgent,
} from '../../../elements/ue/index.ts'
import { type Clock, type Element, type HostPort, type Node, RealClock, randomIds, silent } from '../../../signalling/index.ts'
import { mediaSockets, openTcp, openUdp, openWs } from '../../../signalling/tools.ts'
import { onceIdle, Patience } from '../../support/patience.ts'
import { LoopbackPushService } from '../../support/push-service.ts'
import { passwordOf } from './peer.ts'

export type Protocol = Carrier['protocol']

const openers: { readonly [protocol in Protocol]: OpenPort } = { UDP: openUdp, TCP: openTcp, WS: openWs }

/** Whether a scenario needs an operator, or the server killed. */
export function needsOperator({ run }: Scenario): boolean {
  return /stage\.(?:operator|operatorOf|restart|without)\b/.test(String(run))
}

/** Ports of the node by which UEs enter. */
export interface EdgePorts {
  readonly udp: number
  readonly tcp: number
  readonly ws: number
}

/** The node of UEs, or the network with one for each domain; who operates it, and how it is killed and started again. */
export type Edge = (EdgePorts | { edgeOf(domain?: string): EdgePorts; has?(domain: string): boolean }) & {
  /** Ports of the node that runs an element, where that is not the one for all. */
  portsOf?(element: string, domain?: string): EdgePorts
  readonly operator?: Operator
  operatorOf?(name: string): Operator
  restartAll?(): Promise<void>
  without?(operator: string, meanwhile: () => Promise<void>): Promise<void>
}

export class ProcessStage extends ClockedStage implements Stage {
  private readonly node: Edge
  private readonly protocol: Protocol
  readonly clock: Clock
  readonly names: StageNames
  private readonly ues: Ue[] = []
  private readonly strangers: UserAgent[] = []
  private readonly devices: Node[] = []
  private readonly sleepers: SleepingDevice[] = []
  private service: LoopbackPushService | undefined
  /** Whether it has been restarted. */
  killed = false

  constructor(node: Edge, protocol: Protocol) {
    super()
    this.node = node
    this.protocol = protocol
    this.clock = new RealClock((fault) => {
      throw fault
    })
    this.names = new StageNames(this.clock, (domain) => this.placeOf(domain))
  }
  /** `domain`: that of the proxy to which it sends. */
  private agentOf(
    name: string,
    domain: string | HostPort | undefined,
    password: string | undefined,
    { push, station }: { readonly push?: PushClientOptions } & CellAttachment = {},
  ): SipJsAgent {
    const { clock, protocol } = this
    const [user, home = 'localhost'] = name.split('@') as [string, string?]
    const { port } = typeof domain === 'object' ? domain : this.edge(domain, station)
    return new SipJsAgent({
      ...(station === undefined ? {} : { station: `sip:${station}@127.0.0.1:${port};lr` }),
      identity: `sip:${user}@${home}`,
      ...(password === undefined ? {} : { password }),
      push: push && clientRegistration(push),
      carrier: { protocol, server: { host: '127.0.0.1', port }, open: openers[protocol] },
      clock,
      ids: randomIds(),
      log: silent,
    })
  }
  /** Where UEs of a domain enter, or those of a base station of its operator. */
  private edge(domain: string | undefined, station?: string): HostPort {
    const { node, protocol } = this
    const usual = 'edgeOf' in node ? node.edgeOf(domain) : node
    const { udp, tcp, ws } = (station === undefined ? undefined : node.portsOf?.(station, domain)) ?? usual
    return { host: '127.0.0.1', port: { UDP: udp, TCP: tcp, WS: ws }[protocol] }
  }
  placeOf(domain: string): HostPort | undefined {
    const { node } = this
    return 'edgeOf' in node && node.has?.(domain) === false ? undefined : this.edge(domain)
  }
  async stranger(name: string, domain: string, attachment: CellAttachment = {}): Promise<UserAgent> {
    const agent = this.agentOf(name, domain, undefined, attachment)
    await agent.start()
    this.strangers.push(agent)
    return agent
  }
  async pushClient(name: string, push: PushClientOptions): Promise<UserAgent> {
    const [user, home] = name.split('@') as [string, string?]
    const agent = this.agentOf(name, push.at ?? home, passwordOf(user), { push, station: push.station })
    await agent.start()
    this.strangers.push(agent)
    return agent
  }
  async ue(
    name: string,
    { station, ...options }: Pick<UeOptions, 'report' | 'mme' | 'prose'> & CellAttachment = {},
  ): Promise<Ue> {
    const { clock } = this
    const [user, domain] = name.split('@') as [string, string?]
    const agent = this.agentOf(name, domain, passwordOf(user), { station })
    const { status } = await agent.register()
    this.expect(`${name} registers`, status === 200)
    const ue = new Ue({ agent, clock, ...options })
    this.ues.push(ue)
    return ue
  }
  async pushService(): Promise<PushService> {
    this.service ??= await LoopbackPushService.open()
    return this.service
  }
  async talker(name: string, { cutOff: isCutOff = false }: { readonly cutOff?: boolean } = {}): Promise<Talker> {
    const { clock, node } = this
    const [user, domain = 'localhost'] = name.split('@') as [string, string?]
    const { udp } = 'edgeOf' in node ? node.edgeOf(domain) : node
    const server = { host: '127.0.0.1', port: udp }
    const agent = new EngineAgent({
      identity: `sip:${user}@${domain}`,
      password: passwordOf(user),
      proxy: `sip:127.0.0.1:${udp};lr`,
    })
    const listen = [{ transport: 'UDP', host: '127.0.0.1', port: 0 }] as const
    const own = agentNode(agent.element, { listen, clock, ids: randomIds(), log: silent })
    await own.start()
    this.devices.push(own)
    this.strangers.push(agent)
    const open = mediaSockets(server.host)
    return { agent, ids: randomIds(), open: isCutOff ? cutOff(open, [server]) : open, stunServers: [server] }
  }
  async sleepingDevice(name: string): Promise<SleepingDevice> {
    const { clock, node } = this
    const [user, domain = 'localhost'] = name.split('@') as [string, string?]
    const { udp } = 'edgeOf' in node ? node.edgeOf(domain) : node
    const pushService = await this.pushService()
    const identity = `sip:${user}@${domain}`
    const listen = [{ transport: 'UDP', host: '127.0.0.1', port: 0 }] as const
    const open = async (element: Element): Promise<Node> => {
      const own = agentNode(element, { listen, clock, ids: randomIds(), log: silent })
      await own.start()
      this.devices.push(own)
      return own
    }
    const options = { identity, password: passwordOf(user), proxy: `sip:127.0.0.1:${udp};lr`, pushService, open }
    const device = new SleepingDevice(options, this.sleepers.length + 1)
    this.sleepers.push(device)
    await device.wakeUp()
    return device
  }
  protected override patience(seconds: number): () => boolean {
    const patience = new Patience(seconds)
    return () => patience.isOver
  }
  get operator(): Operator {
    const { operator } = this.node
    if (operator === undefined) throw new Error('nobody operates this node')
    return operator
  }
  operatorOf(name: string): Operator {
    const operator = this.node.operatorOf?.(name)
    if (operator === undefined) throw new Error('this network has one operator')
    return operator
  }
  async without(operator: string, meanwhile: () => Promise<void>): Promise<void> {
    if (this.node.without === undefined) throw new Error('this network has one operator')
    await this.node.without(operator, meanwhile)
  }
  during<Value>(work: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const callOff = onceIdle(() => reject(new Error('no answer')))
      work.then(resolve, reject).finally(callOff)
    })
  }
  async restart(): Promise<void> {
    if (this.node.restartAll === undefined) throw new Error('test/faults kills nodes')
    this.killed = true
    await this.node.restartAll()
  }
  /** The UEs leave. */
  async leave(): Promise<void> {
    for (const ue of this.ues.splice(0)) await ue.stop()
    for (const stranger of this.strangers.splice(0)) await stranger.stop()
    for (const sleeper of this.sleepers.splice(0)) {
      await sleeper.wakeUp()
      await sleeper.register({ seconds: 0, parameters: '' })
    }
    for (const device of this.devices.splice(0)) await device.stop(0)
    await this.service?.close()
    this.service = undefined
  }
}
