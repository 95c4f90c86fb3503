/** A base station before a proxy on real sockets, in one node or in one of its own, and phones that are told what to say. */
import type { ExecutionContext } from 'ava'
import { lastingPort } from '../../../dialplans/flows/stage/lasting-port.ts'
import { createHss } from '../../../elements/hss/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createPush } from '../../../elements/push/index.ts'
import { createBaseStation } from '../../../elements/ran/index.ts'
import {
  compilePlan,
  createNode,
  type Element,
  memoryStore,
  type Node,
  type PeerOperator,
  type Store,
  silent,
  staticPlacement,
} from '../../../signalling/index.ts'
import { ManualClock, type MemoryTap, memoryTap, seededIds } from '../../../signalling/testing.ts'
import { metric } from '../../support/wire.ts'
import { Phone, subscriber } from '../proxy/phones-scene.ts'

export const bobsId = '0a17c5d2e8b9f604'
export const cell = '0010100010000101'
const host = '127.0.0.1'
const domains = ['localhost']

/** Where the base station is. */
export const places = ['at the proxy’s node', 'at another node, with presence', 'at the proxy’s node, without presence'] as const
type Place = (typeof places)[number]

interface CellOptions {
  readonly trusted?: readonly string[]
  readonly peers?: readonly PeerOperator[]
}

interface Ports {
  readonly udp: number
  readonly tcp: number
}

const freePorts = async (): Promise<Ports> => ({ udp: await lastingPort(), tcp: await lastingPort() })

export class CellScene {
  readonly clock = new ManualClock()
  readonly tap: MemoryTap = memoryTap(10_000)
  private nodes: readonly Node[] = []
  private readonly t: ExecutionContext
  private readonly stores: readonly Store[]
  /** Of the first node, which is the proxy’s, and of the other. */
  private readonly ports: readonly [Ports, Ports]
  private readonly place: Place
  private readonly options: CellOptions

  private constructor(t: ExecutionContext, place: Place, ports: readonly [Ports, Ports], options: CellOptions) {
    this.t = t
    this.place = place
    this.ports = ports
    this.options = options
    this.stores = [memoryStore(this.clock), memoryStore(this.clock)]
  }
  static async open(t: ExecutionContext, place: Place, options: CellOptions = {}): Promise<CellScene> {
    const scene = new CellScene(t, place, [await freePorts(), await freePorts()], options)
    await scene.start()
    t.teardown(() => scene.stop())
    return scene
  }
  private async start(): Promise<void> {
    const proxy = createProxy('proxy', { stations: ['ran'], push: [{ element: 'push', flags: '0000' }] })
    const users = ['alice', 'bob', 'eve'].map((name) => ({
      ...subscriber(name),
      ...(name === 'bob' ? { push: [{ id: bobsId }] } : {}),
    }))
    const hss = createHss('hss', { subscribers: users, askers: ['proxy', 'push', 'presence'] })
    const inside = [proxy, hss, createPush('push', {})]
    const presence = createPresence('presence', {})
    const ran = createBaseStation('ran', { cell, proxy: 'proxy' })
    const parts = {
      [places[0]]: [[...inside, presence, ran]],
      [places[1]]: [inside, [presence, ran]],
      [places[2]]: [[...inside, ran], [presence]],
    }
    const nodes = parts[this.place]
    this.nodes = nodes.map((elements, index) => this.node(index, nodes.flat(), elements))
    for (const node of this.nodes) await node.start()
  }
  private node(index: number, all: readonly Element[], elements: readonly Element[]): Node {
    const isAlone = all.length === elements.length
    const [own, others] = [this.ports[index]!, this.ports[1 - index]!]
    const other = { name: `n${1 - index}`, host, port: others.udp }
    const elsewhere = all.filter((element) => !elements.includes(element))
    const placement = staticPlacement(new Map(elsewhere.map(({ name }) => [name, other])))
    const claims = new Map(all.map((element) => [element.name, element.claims]))
    const input = { domains, elements: claims, proxy: 'proxy', ownAddresses: [{ host, port: own.udp }] }
    const { plan } = compilePlan({ ...input, ...(isAlone ? {} : { placement }), peers: this.options.peers ?? [] })
    return createNode({
      ...{
        name: `n${index}`,
        plan: plan!,
        elements,
        domains,
        trusted: this.options.trusted ?? [],
        clock: this.clock,
        log: silent,
        tap: this.tap,
      },
      store: this.stores[index]!,
      ids: seededIds(index + 1),
      otherNodes: isAlone ? [] : placement.others,
      peers: this.options.peers ?? [],
      listen: [
        { transport: 'UDP', host, port: own.udp },
        { transport: 'TCP', host, port: own.tcp },
      ],
    })
  }
  private async stop(): Promise<void> {
    for (const node of this.nodes) await node.stop(0)
  }
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }
  /** Number of its node. */
  private get ofStation(): 0 | 1 {
    return this.place === places[1] ? 1 : 0
  }
  /** Value of a counter of the base station. */
  count(name: string): number {
    return metric(this.nodes[this.ofStation]!, `ran_${name}_total`)
  }
  /** A phone that sends to the base station's node; `inCell`: by a Route that names the base station. */
  async phone(transport: 'UDP' | 'TCP'): Promise<CellPhone> {
    const { tcp, udp } = this.ports[this.ofStation]
    const phone = transport === 'UDP' ? await Phone.udp(this.t, this.clock, udp) : await Phone.tcp(this.t, this.clock, tcp, 'TCP')
    return { phone, route: `Route: <sip:ran@${host}:${transport === 'UDP' ? udp : tcp};lr>` }
  }
  /** A phone that sends to the proxy's node. */
  direct(): Promise<Phone> {
    return Phone.udp(this.t, this.clock, this.ports[0].udp)
  }
  async until(isSo: () => boolean): Promise<void> {
    for (let turns = 0; !isSo(); turns++) {
      if (turns > 20_000) throw new Error('it never came to be so')
      await new Promise<void>((resolve) => setImmediate(resolve))
      if (turns % 20 === 19) await this.clock.advance(10)
    }
  }
}

export interface CellPhone {
  readonly phone: Phone
  /** Route line that it puts on what begins something. */
  readonly route: string
}

/** That user's phone in the cell, registered. */
export async function inCell(t: ExecutionContext, scene: CellScene, name: string, transport: 'UDP' | 'TCP' = 'UDP') {
  const { phone, route } = await scene.phone(transport)
  const contact = `sip:${name}@${phone.at}${transport === 'TCP' ? ';transport=tcp' : ''}`
  phone.onRequest = (request) => {
    if (request.method !== 'ACK') phone.answer(request, 200, { toTag: name, headers: [['Contact', `<${contact}>`]] })
  }
  t.is((await phone.register(name, `<${contact}>`, [route])).status, 200)
  return { phone, route, contact }
}

/** That user's phone at the proxy itself, registered. */
export async function atProxy(t: ExecutionContext, scene: CellScene, name: string) {
  const phone = await scene.direct()
  const contact = `sip:${name}@${phone.at}`
  phone.onRequest = (request) => {
    if (request.method !== 'ACK') phone.answer(request, 200, { toTag: name, headers: [['Contact', `<${contact}>`]] })
  }
  t.is((await phone.register(name, `<${contact}>`)).status, 200)
  return { phone, contact }
}
