/** Scene of elements that move: two nodes over one store, an element with a text that is told, and a peer outside. */
import type { Element, EventPackage, Exchange, Host, Node, Notifier, SubscriptionListener } from '../../../signalling/index.ts'
import { compilePlan, silent } from '../../../signalling/index.ts'
import { createNode } from '../../../signalling/node/index.ts'
import { memoryStore } from '../../../signalling/storage/memory.ts'
import type { Store } from '../../../signalling/storage/store.ts'
import { ManualClock, MemoryNetwork, MovingElements, seededIds } from '../../../signalling/testing.ts'
import { Agent } from '../../support/lab.ts'
import { SteeredStore } from '../../support/steered-store.ts'

const text = 'text/plain'
export const key = 'board/text'

/** A text that is changed by MESSAGE, kept in the store, and told to all who subscribe. */
export class Board implements Element {
  readonly name = 'board'
  readonly claims = [{ method: ['MESSAGE', 'SUBSCRIBE'] }]
  readonly packages: readonly EventPackage[] = [
    {
      name: 'board',
      types: [text],
      expires: { usual: 600, max: 3600 },
      render: (state) => ({ type: text, content: state as string }),
    },
  ]
  host!: Host
  written = ''
  stopped = 0
  handedBack = 0
  readonly watchers = new Set<Notifier>()
  /** Awaited before each SUBSCRIBE is accepted. */
  begin: () => Promise<void> = () => Promise.resolve()
  /** Awaited in each MESSAGE and start. */
  pause: () => Promise<void> = () => Promise.resolve()

  async start(host: Host): Promise<void> {
    this.host = host
    await this.pause()
    this.written = ((await host.store.get(key))?.value as string | undefined) ?? ''
    host.gauge('texts', () => 1)
  }
  async handle(exchange: Exchange): Promise<void> {
    const { request } = exchange
    if (request.method === 'SUBSCRIBE') {
      await this.begin()
      this.watchers.add(exchange.accept({ package: 'board', resource: 'board', state: this.written }))
      return
    }
    await this.pause()
    const written = request.body.toString()
    await this.host.store.write([{ key, value: written }])
    this.written = written
    for (const watcher of this.watchers) watcher.notify(written)
    exchange.reply(200)
  }
  restored(notifier: Notifier): void {
    this.watchers.add(notifier)
    notifier.notify(this.written)
  }
  handBack(): void {
    this.handedBack++
  }
  stop(): void {
    this.stopped++
  }
}

export class Network {
  readonly clock = new ManualClock()
  readonly memory = new MemoryNetwork(this.clock)
  readonly store = new SteeredStore(memoryStore(this.clock))
  readonly moving = new MovingElements([
    { name: 'one', host: '10.0.0.1', port: 5060 },
    { name: 'two', host: '10.0.0.2', port: 5060 },
  ])
  readonly board = new Board()
  readonly peer = new Agent('peer')
  readonly texts: string[] = []
  one!: Node
  two!: Node
  private nodes: Node[] = []

  static async open(): Promise<Network> {
    const network = new Network()
    network.store.holds = false
    network.moving.place('board', 'one')
    network.one = await network.node('one', '10.0.0.1', [network.board])
    network.two = await network.node('two', '10.0.0.2', [])
    await network.outside()
    return network
  }
  private async node(name: string, host: string, elements: readonly Element[]): Promise<Node> {
    const placement = this.moving.seenFrom(name)
    const { plan } = compilePlan({
      domains: ['sip.test'],
      elements: new Map([['board', this.board.claims]]),
      ownAddresses: [{ host, port: 5060 }],
      placement,
    })
    return this.begin({ name, host, plan: plan!, elements, store: this.store, otherNodes: placement.others })
  }
  private async outside(): Promise<void> {
    const host = '10.0.1.1'
    const { plan } = compilePlan({ domains: [host], elements: new Map([['peer', this.peer.claims]]), ownAddresses: [] })
    await this.begin({ name: 'peer', host, plan: plan!, elements: [this.peer], store: memoryStore(this.clock), otherNodes: [] })
  }
  private async begin(of: {
    name: string
    host: string
    plan: Parameters<typeof createNode>[0]['plan']
    elements: readonly Element[]
    store: Store
    otherNodes: Parameters<typeof createNode>[0]['otherNodes']
  }): Promise<Node> {
    const { host, otherNodes = [], ...others } = of
    const node = createNode({
      ...others,
      otherNodes,
      domains: of.name === 'peer' ? [host] : ['sip.test'],
      clock: this.clock,
      network: this.memory,
      log: silent,
      trusted: of.name === 'peer' ? [] : ['10.0.1.1'],
      ids: seededIds(this.nodes.length + 1),
      listen: [{ transport: 'MEM', host, port: 5060 }],
    })
    this.nodes.push(node)
    await this.during(node.start())
    return node
  }
  async during<Value>(work: Promise<Value>, ms = 3000): Promise<Value> {
    let isOver = false
    const over = work.finally(() => (isOver = true))
    over.catch(() => undefined)
    for (let passed = 0; !isOver && passed < ms; passed += 10) await this.clock.advance(10)
    return work
  }
  pass(ms: number): Promise<void> {
    return this.clock.advance(ms)
  }
  /** Lets the board go at one node and takes it up at the other. */
  async move(to: 'one' | 'two', board = new Board()): Promise<Board> {
    await this.during(this[to === 'one' ? 'two' : 'one'].letGo('board'))
    this.moving.place('board', to)
    await this.during(this[to].takeUp(board))
    return board
  }
  say(words: string): Promise<number> {
    const sent = this.peer.host.send({
      method: 'MESSAGE',
      to: 'sip:board@sip.test',
      route: ['<sip:10.0.0.1;lr>'],
      body: { type: text, content: words },
    })
    return sent.then(({ status }) => status)
  }
  watch(asserted = 'sip:peer@10.0.1.1') {
    const listener: SubscriptionListener = { notified: ({ request }) => void this.texts.push(request.body.toString()) }
    return this.peer.host.subscribe(
      { to: 'sip:board@sip.test', event: 'board', asserted, route: ['<sip:10.0.0.1;lr>'] },
      listener,
    )
  }
  async stop(): Promise<void> {
    for (const node of this.nodes) await this.during(node.stop(0))
  }
}
