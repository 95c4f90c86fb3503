/** Two operators in virtual time, each with a proxy, an HSS and a presence server, and UEs of both. */

import { agentNode } from '../../../dialplans/running/agent-node.ts'
import { createHss } from '../../../elements/hss/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { EngineAgent } from '../../../elements/ue/index.ts'
import {
  compilePlan,
  createNode,
  type Element,
  memoryStore,
  type Node,
  type NodeOptions,
  type PeerOperator,
  SipRequest,
  silent,
} from '../../../signalling/index.ts'
import { answerChallenge, ManualClock, MemoryNetwork, type MemoryTap, memoryTap, seededIds } from '../../../signalling/testing.ts'
import { fanTap, scan } from '../../../signalling/tools.ts'
import { Agent } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'

export type OperatorName = 'north' | 'south' | 'west'

const places = { north: '10.0.0.1', south: '10.0.0.2', west: '10.0.0.3' }

export function domainOf(operator: OperatorName): string {
  return `${operator}.example`
}

export function asPeer(name: OperatorName): PeerOperator {
  return { name, domains: [domainOf(name)], addresses: [{ host: places[name], port: 5060 }] }
}

export class OperatorsScene {
  readonly clock = new ManualClock()
  readonly network = new MemoryNetwork(this.clock)
  /** What each operator's node has seen. */
  readonly taps = new Map<OperatorName, MemoryTap>()
  private readonly nodes: Node[] = []
  private hosts = 0

  /** An operator with these peers; alice, bob and carol are its users, and friends of their namesakes of others. */
  async operator(
    name: OperatorName,
    peers: readonly PeerOperator[],
    others: readonly Element[] = [],
    more: Partial<NodeOptions> = {},
    proxy: Element = createProxy('proxy', {}),
  ): Promise<void> {
    const domain = domainOf(name)
    const friends = ['north', 'south', 'west'].flatMap((each) => [`sip:alice@${each}.example`, `sip:bob@${each}.example`])
    const subscribers = ['alice', 'bob', 'carol'].map((user) => ({
      id: `sip:${user}@${domain}`,
      password: `${user}-${name}`,
      permissions: { discoverable: false, discoverer: false },
      friends,
    }))
    const elements: readonly Element[] = [
      proxy,
      createHss('hss', { subscribers, askers: ['proxy', 'presence', ...others.map((each) => each.name)], proxies: ['proxy'] }),
      createPresence('presence', { watchers: 'friends' }),
      ...others,
    ]
    const claims = new Map(elements.map((element) => [element.name, element.claims]))
    const { plan } = compilePlan({ domains: [domain], elements: claims, proxy: 'proxy', ownAddresses: [], peers })
    const tap = memoryTap(10_000)
    this.taps.set(name, tap)
    await this.start(
      createNode({
        ...this.common(name, places[name]),
        plan: plan!,
        elements,
        domains: [domain],
        trusted: [],
        peers,
        store: memoryStore(this.clock),
        tap: fanTap([tap])!,
        ...more,
      }),
    )
  }
  /** A registered UE of that operator. */
  async ue(user: string, operator: OperatorName): Promise<EngineAgent> {
    const identity = `sip:${user}@${domainOf(operator)}`
    const agent = new EngineAgent({ identity, password: `${user}-${operator}`, proxy: `sip:${places[operator]}:5060;lr` })
    await this.start(agentNode(agent.element, this.common(user, `10.0.1.${++this.hosts}`)))
    const { status } = await this.during(agent.register())
    if (status !== 200) throw new Error(`${identity} is not registered: ${status}`)
    return agent
  }
  /** A sender of whatever it likes, at that address. */
  async stranger(host = `10.0.2.${++this.hosts}`): Promise<Agent> {
    const agent = new Agent('stranger')
    await this.start(agentNode(agent, this.common('stranger', host)))
    return agent
  }
  /** A telephone that is registered, over plain datagrams; its Contact is its address. */
  async phone(user: string, operator: OperatorName): Promise<Wire> {
    const wire = await Wire.at(this, `10.0.1.${++this.hosts}`, 5060, { host: places[operator], port: 5060 })
    const [uri, identity] = [`sip:${domainOf(operator)}`, `sip:${user}@${domainOf(operator)}`]
    const ask = (cseq: number, ...lines: readonly string[]): Promise<void> => {
      const parts = { from: identity, to: identity, cseq, via: wire.here.host, branch: `z9hG4bK-${this.hosts}-${cseq}` }
      const contact = `Contact: <sip:${user}@${wire.here.host}:5060>`
      wire.send(requestText('REGISTER', uri, { ...parts, callId: `reg-${this.hosts}`, lines: [contact, ...lines] }))
      return this.clock.advance(1000)
    }
    await ask(1)
    const challenges = wire.responses.at(-1)!.texts('WWW-Authenticate')
    const credentials = { user, password: `${user}-${operator}` }
    await ask(2, `Authorization: ${answerChallenge(challenges, credentials, 'REGISTER', uri, 'c')}`)
    if (wire.responses.at(-1)!.status !== 200) throw new Error(`${identity} is not registered`)
    wire.clear()
    return wire
  }
  private common(name: string, host: string) {
    const { clock, network } = this
    const listen = [{ transport: 'MEM' as const, host, port: 5060 }]
    return { name, clock, network, listen, ids: seededIds(this.nodes.length + 1), log: silent }
  }
  private async start(node: Node): Promise<void> {
    this.nodes.push(node)
    await node.start()
    await this.clock.advance(100)
  }
  async during<Result>(work: Promise<Result>, ms = 2000): Promise<Result> {
    await this.clock.advance(ms)
    return work
  }
  /** Everything that an operator's node was sent by another one, as text. */
  crossing(to: OperatorName): readonly string[] {
    const from = Object.values(places).filter((place) => place !== places[to])
    const messages = this.taps.get(to)!.messages.filter((each) => each.direction === 'in' && from.includes(each.from.address))
    return messages.map(({ bytes }) => Buffer.from(bytes).toString('latin1'))
  }
  /** Requests that have passed between two operators, as the receiver got them. */
  crossed(to: OperatorName, method: string): readonly SipRequest[] {
    return this.crossing(to).flatMap((text) => {
      const message = scan(Buffer.from(text, 'latin1'))
      return message instanceof SipRequest && message.method === method ? [message] : []
    })
  }
  async stop(): Promise<void> {
    for (const node of this.nodes.toReversed()) await node.stop(0)
  }
}
