/** A Push server alone, with its HSS, behind a proxy that the bench plays, in virtual time: no proxy's work is counted. */
import { createHss, type Hss } from '../../../elements/hss/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createPush, type PushSettings } from '../../../elements/push/index.ts'
import type { SubscriberSettings } from '../../../elements/schemas/index.ts'
import { type Clock, compilePlan, createNode, memoryStore, type Node, type Store, silent } from '../../../signalling/index.ts'
import { ManualClock, MemoryNetwork, seededIds } from '../../../signalling/testing.ts'
import { type Datagram, expectStatus, PlayedHosts, written } from './played.ts'

const server = '10.0.0.1'
const proxy = '10.0.8.1'
const devices = '10.0.1.1'
const peer = '10.0.9.1'
const permissions = { discoverable: false, discoverer: false }
export const domain = 'localhost'

export interface ServedUser {
  readonly name: string
  readonly id: string
}

/** Users of one server with flag bits 0000. */
export function servedUsers(count: number): readonly ServedUser[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `u${index}`,
    id: `0a17c5d2${index.toString(16).padStart(8, '0')}`,
  }))
}

interface OneServerOptions {
  readonly settings?: PushSettings
  readonly users?: readonly ServedUser[]
  /** Domains of other operators, all played at one address. */
  readonly peers?: readonly string[]
  readonly clock?: ManualClock
  readonly store?: Store
}

/** The node. @param network left out: it listens on loopback */
export function pushNode(
  { peers = [], settings = {}, users = [] }: OneServerOptions,
  { clock, network, store }: { readonly clock: Clock; readonly network?: MemoryNetwork; readonly store: Store },
): { readonly node: Node; readonly hss: Hss } {
  const subscribers = users.map(subscriberOf)
  const away = peers.length > 0 ? [createProxy('proxy', {})] : [] // messages to other operators go by way of it
  const hss = createHss('hss', { subscribers, askers: ['push', 'proxy'] })
  const elements = [hss, createPush('push', settings), ...away]
  const others = peers.map((name) => {
    return { name, domains: [name], hosts: [`push.${name}`], addresses: [{ host: peer, port: 5060 }] }
  })
  const { plan } = compilePlan({
    domains: [domain, server],
    elements: new Map(elements.map((element) => [element.name, element.claims])),
    ownAddresses: [{ host: server, port: 5060 }],
    ...(others.length > 0 ? { proxy: 'proxy', peers: others } : {}),
  })
  const node = createNode({
    ...{ name: 'push', plan: plan!, elements, domains: [domain, server], trusted: [proxy], store, clock, peers: others },
    ...{ ids: seededIds(1), log: silent },
    ...(network === undefined
      ? { listen: [{ transport: 'UDP', host: '127.0.0.1', port: 0 }] }
      : { network, listen: [{ transport: 'MEM', host: server, port: 5060 }] }),
  })
  return { node, hss }
}

function subscriberOf({ id, name }: ServedUser): SubscriberSettings {
  return { id: name, permissions, push: [{ id }] }
}

export class OneServer {
  readonly clock: ManualClock
  readonly played: PlayedHosts
  private readonly node: Node
  private readonly hss: Hss
  private sent = 0

  constructor(options: OneServerOptions) {
    const { clock = new ManualClock(), store = memoryStore(clock) } = options
    this.clock = clock
    const network = new MemoryNetwork(clock)
    this.played = new PlayedHosts(clock, network, [proxy, devices, peer])
    const { hss, node } = pushNode(options, { clock, network, store })
    this.node = node
    this.hss = hss
  }
  /** Users that are kept in the store. */
  async provision(users: readonly ServedUser[]): Promise<void> {
    for (const user of users) await this.hss.set(subscriberOf(user))
    await this.clock.advance(2000)
  }
  async open(): Promise<void> {
    await this.node.start()
    await this.clock.advance(100)
  }
  async register(users: readonly ServedUser[]): Promise<void> {
    const requests = users.map(({ name }) =>
      this.request('REGISTER', `sip:push@${domain}`, `sip:${name}@${domain}`, [
        `Contact: <sip:${name}@${devices}:5060>;expires=3600`,
        `P-Asserted-Identity: <sip:${name}@${domain}>`,
      ]),
    )
    expectStatus((await this.played.exchange(requests)).responses, 200)
  }
  /** A Push as the proxy sends it. */
  push(source: ServedUser, to: string, lines: readonly string[] = []): Datagram {
    const asserted = `P-Asserted-Identity: <sip:${source.id}@push.${domain};user=push>`
    return this.request('MESSAGE', to, to, ['Content-Type: text/plain', asserted, ...lines], text)
  }
  private request(method: string, uri: string, to: string, lines: readonly string[], body = ''): Datagram {
    const number = ++this.sent
    const head = [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${proxy}:5060;branch=z9hG4bKbench${number}`,
      'Max-Forwards: 70',
      `From: <sip:bench@${domain}>;tag=f${number}`,
      `To: <${to}>`,
      `Call-ID: bench-${number}`,
      `CSeq: 1 ${method}`,
    ]
    return { bytes: written([...head, ...lines], body), from: proxy, to: server }
  }
  close(): Promise<void> {
    return this.node.stop(0)
  }
}

const text = 'x'.repeat(100)

export function pushUriOf({ id }: ServedUser): string {
  return `sip:${id}@push.${domain};user=push`
}
