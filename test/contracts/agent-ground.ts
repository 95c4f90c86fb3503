/** A server for agents to meet: the default network and a bell that tests ring, over memory or real sockets. */
import { createServer, type Server, type Socket } from 'node:net'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { assemble } from '../../dialplans/network/assemble.ts'
import type { Dialplan } from '../../dialplans/network/dialplan.ts'
import { loadDialplan } from '../../dialplans/network/load.ts'
import type { UserAgent } from '../../elements/ue/index.ts'
import {
  type Clock,
  createNode,
  type Element,
  type Exchange,
  type Ids,
  type Node,
  type Notifier,
  RealClock,
  randomIds,
  type Store,
  silent,
} from '../../signalling/index.ts'
import { compilePlan } from '../../signalling/routing/compile.ts'
import { memoryStore } from '../../signalling/storage/memory.ts'
import { ManualClock, MemoryNetwork } from '../../signalling/testing.ts'
import type { HostPort } from '../../signalling/transports/transport.ts'

export type Carried = 'UDP' | 'TCP' | 'WS' | 'MEM'

/** A notifier in the hands of a test: `sip:bell@localhost`, package `bell`, state is a text. */
export class Bell implements Element {
  readonly name = 'bell'
  readonly claims = [{ method: 'SUBSCRIBE', event: 'bell' }]
  readonly packages = [
    {
      name: 'bell',
      types: ['text/plain'],
      expires: { usual: 3600, max: 3600 },
      render: (state: unknown) => ({ type: 'text/plain', content: String(state) }),
    },
  ]
  state = 'silent'
  /** Parameters of the Event header of the last SUBSCRIBE. */
  parameters: ReadonlyMap<string, string> = new Map()
  /** Bodies of SUBSCRIBEs. */
  readonly asked: string[] = []
  readonly notifiers: Notifier[] = []
  /** SUBSCRIBEs within a dialog. */
  refreshes = 0
  refuse: number | undefined

  handle(exchange: Exchange): void {
    if (this.refuse !== undefined) return exchange.reply(this.refuse, { warning: 'the bell is not for you' })
    this.asked.push(exchange.request.body.toString())
    this.parameters = exchange.request.event!.parameters
    this.notifiers.push(exchange.accept({ package: 'bell', resource: 'bell', state: this.state }))
  }
  refreshed(notifier: Notifier, request: Exchange['request']): undefined {
    this.refreshes++
    this.asked.push(request.body.toString())
    notifier.notify(this.state)
  }
  restored(notifier: Notifier): void {
    this.notifiers.push(notifier)
    notifier.notify(this.state)
  }
  ring(state: string): void {
    this.state = state
    for (const notifier of this.notifiers) if (notifier.live) notifier.notify(state)
  }
}

/** Makes an agent of one kind; `proxy` is where the server (or the relay before it) listens. */
export type MakeAgent = (ground: Ground, name: string, password: string, proxy: HostPort) => Promise<UserAgent>

export class Ground {
  readonly clock: Clock
  readonly ids: Ids = randomIds()
  readonly network: MemoryNetwork | undefined
  readonly bell = new Bell()
  readonly carried: Carried
  private readonly manual: ManualClock | undefined
  private readonly make: MakeAgent
  private readonly store: Store
  private readonly agents: UserAgent[] = []
  /** Whatever an agent needs beside itself; stopped after it. */
  readonly nodes: Node[] = []
  private node: Node | undefined
  private relay: Server | undefined
  private readonly relayed = new Set<Socket>()

  constructor(carried: Carried, make: MakeAgent) {
    this.carried = carried
    this.make = make
    this.manual = carried === 'MEM' ? new ManualClock() : undefined
    this.clock =
      this.manual ??
      new RealClock((fault) => {
        throw fault
      })
    this.network = this.manual && new MemoryNetwork(this.clock)
    this.store = memoryStore(this.clock)
  }
  async open(): Promise<void> {
    const real = async (): Promise<HostPort> => ({ host: '127.0.0.1', port: await lastingPort() }) // it is started again there
    await this.startNode(this.carried === 'MEM' ? { host: '10.0.0.1', port: 5060 } : await real())
    if (this.carried === 'TCP' || this.carried === 'WS') await this.openRelay()
  }
  private async startNode(address: HostPort): Promise<void> {
    const loaded = loadDialplan(new URL('../../dialplans/default.yaml', import.meta.url).pathname)
    if (loaded.faults !== undefined) throw new Error('default.yaml has faults')
    const assembled = assemble(withoutStore(loaded.value))
    if (assembled.faults !== undefined) throw new Error('default.yaml has faults')
    const elements = [...assembled.value.elements, this.bell]
    const { domains } = loaded.value
    const { plan } = compilePlan({
      domains,
      elements: new Map(elements.map(({ name, claims }) => [name, claims])),
      proxy: 'proxy',
      ownAddresses: [],
    })
    this.node = createNode({
      ...this.common('server'),
      plan: plan!,
      elements,
      domains,
      store: this.store,
      listen: [{ transport: this.carried, ...address }],
    })
    await this.during(this.node.start())
  }
  common(name: string) {
    const network = this.network === undefined ? {} : { network: this.network }
    return { name, clock: this.clock, ids: this.ids, log: silent, trusted: [], ...network }
  }
  /** Stands between agents and server, so that connections can be cut without either's doing. */
  private async openRelay(): Promise<void> {
    const relay = createServer((near) => {
      const far = new (near.constructor as typeof Socket)()
      far.connect(this.serverAddress.port, this.serverAddress.host)
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.relayed.add(from)
        from.on('data', (chunk) => to.write(chunk))
        from.on('error', () => to.destroy())
        from.on('close', () => {
          this.relayed.delete(from)
          to.destroy()
        })
      }
    })
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
    this.relay = relay
  }
  get serverAddress(): HostPort {
    const { host, port } = this.node!.listening[0]!
    return { host, port }
  }
  get proxy(): HostPort {
    const address = this.relay?.address()
    return typeof address === 'object' && address !== null ? { host: '127.0.0.1', port: address.port } : this.serverAddress
  }
  /** Breaks every connection between agents and server. */
  cut(): void {
    for (const socket of this.relayed) socket.destroy()
  }
  /** As `cut`, and the agents have noticed. */
  async cutOff(): Promise<void> {
    this.cut()
    await this.until('the connections are gone', () => this.relayed.size === 0)
  }
  /** `meanwhile`: while it is away. */
  async restart(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    const address = this.serverAddress
    await this.node!.stop(0)
    await meanwhile()
    await this.startNode(address)
  }
  /** An agent that has been started and not registered. */
  async agent(name: string, password = `${name}-proxima`): Promise<UserAgent> {
    const agent = await this.make(this, name, password, this.proxy)
    this.agents.push(agent)
    return agent
  }
  async registered(name: string): Promise<UserAgent> {
    const agent = await this.agent(name)
    const { status } = await this.during(agent.register(600))
    if (status !== 200) throw new Error(`${name} could not register: ${status}`)
    return agent
  }
  async pass(ms: number): Promise<void> {
    if (this.manual !== undefined) return this.manual.advance(ms)
    await new Promise<void>((resolve) => {
      this.clock.after(ms, resolve)
    })
  }
  /** Lets time pass until it has happened. */
  async until(what: string, happened: () => boolean): Promise<void> {
    const end = this.clock.now() + 40_000
    while (!happened()) {
      if (this.clock.now() > end) throw new Error(`has not happened: ${what}`)
      await this.pass(10)
    }
  }
  async during<Value>(work: Promise<Value>): Promise<Value> {
    let settled = false
    const noted = work.finally(() => {
      settled = true
    })
    noted.catch(() => undefined)
    await this.until('an answer', () => settled)
    return noted
  }
  async close(): Promise<void> {
    for (const agent of this.agents) await this.during(agent.stop())
    await this.pass(50)
    for (const node of this.nodes) await node.stop(0)
    await this.node?.stop(0)
    this.cut()
    this.relay?.close()
    await this.store.close()
  }
}

/** The same network, in which a message to who is away is refused, not kept. */
function withoutStore(dialplan: Dialplan): Dialplan {
  const elements = dialplan.elements.map((each) =>
    each.role === 'proxy' ? { ...each, settings: { ...each.settings, messages: 'direct' } } : each,
  )
  return { ...dialplan, elements }
}
