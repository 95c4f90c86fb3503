/** A network of four nodes in virtual time, in which a device moves from `north` to `south`, and any node can be killed. */

import { networkOf } from '../../../../dialplans/flows/index.ts'
import { assemble } from '../../../../dialplans/network/assemble.ts'
import type { Dialplan } from '../../../../dialplans/network/dialplan.ts'
import { loadDialplan } from '../../../../dialplans/network/load.ts'
import { atNode, elsewhere } from '../../../../dialplans/network/nodes.ts'
import { agentNode } from '../../../../dialplans/running/agent-node.ts'
import { ApplicationClient, EngineAgent } from '../../../../elements/ue/index.ts'
import {
  type Clock,
  createNode,
  memoryStore,
  type Node,
  type Store,
  type StoreWrite,
  silent,
  type Timer,
} from '../../../../signalling/index.ts'
import { ManualClock, MemoryNetwork, seededIds } from '../../../../signalling/testing.ts'

const loaded = loadDialplan(networkOf({ network: 'two-prose-servers.yaml' }))
if (loaded.faults !== undefined) throw new Error('two-prose-servers.yaml has faults')

const applications = { as: 'org.example.nearby', as2: 'org.example.other' } as const
type ServerName = keyof typeof applications
const names = ['core', 'north', 'south', 'apps'] as const
export type NodeName = (typeof names)[number]
const addressOf = (name: NodeName): string => `10.0.0.${names.indexOf(name) + 1}`

function network(): Dialplan {
  const { value } = loaded as { readonly value: Dialplan }
  const servers = Object.entries(applications).map(([name, application]) => ({ uri: `sip:${name}@localhost`, application }))
  const as = value.elements.find(({ name }) => name === 'as')!
  const as2 = { ...as, name: 'as2', settings: { ...as.settings, application: applications.as2 } }
  const elements = [...value.elements, as2].map((element) =>
    element.role === 'hss' ? { ...element, settings: { ...element.settings, servers } } : element,
  )
  const at = { core: ['proxy', 'hss'], north: ['prose'], south: ['prose2'], apps: ['as', 'as2'] } as const
  const nodes = names.map((name) => ({
    ...{ name, line: 1, http: undefined, data: 'memory', elements: at[name] },
    listen: [{ transport: 'UDP' as const, host: addressOf(name), port: 5060 }],
  }))
  return { ...value, data: 'memory', elements, nodes }
}

/** One process: when it has died, nothing of it happens any more. */
class Life implements Clock {
  dead = false
  readonly store: Store
  /** Writes of a dead process, of which it never hears. */
  private readonly lost: (() => void)[] = []
  private closed = false
  private readonly clock: Clock
  constructor(clock: Clock, kept: Store, written: (life: Life, commit: () => Promise<unknown>) => Promise<unknown>) {
    this.clock = clock
    const write = (writes: readonly StoreWrite[]) => written(this, () => kept.write(writes)) as ReturnType<Store['write']>
    this.store = {
      name: kept.name,
      get: (key) => kept.get(key),
      scan: (prefix, after) => kept.scan(prefix, after),
      watch: (prefix, listener) => kept.watch(prefix, listener),
      close: () => Promise.resolve(),
      write,
    }
  }
  lose(): Promise<never> {
    const lost = new Promise<never>((_, reject) => this.lost.push(() => reject(new Error('dead'))))
    if (this.closed) this.close()
    return lost
  }
  /** Whatever of it still waits is over, so that its node can be taken down. */
  close(): void {
    this.closed = true
    for (const end of this.lost.splice(0)) end()
  }
  now(): number {
    return this.clock.now()
  }
  date(): number {
    return this.clock.date()
  }
  soon(task: () => void): void {
    this.clock.soon(() => this.dead || task())
  }
  after(ms: number, fire: Parameters<Clock['after']>[1]): Timer {
    return this.clock.after(ms, () => {
      if (this.dead) return
      if (typeof fire === 'function') fire()
      else fire.expire()
    })
  }
}

export interface Place {
  readonly epuid: string
  readonly prose: string
}

export class RelocationScene {
  readonly clock = new ManualClock()
  readonly plan = network()
  /** Milliseconds that a write takes. */
  slowness = 0
  /** What the victim has done or met since it is watched: its datagrams and writes. */
  events = 0
  /** The victim dies at that event, of which it may see the end. */
  end: { readonly victim: NodeName; readonly at: number; readonly seen: boolean } | undefined
  private readonly wire = new MemoryNetwork(this.clock)
  private readonly stores = new Map<NodeName, Store>()
  private readonly lives = new Map<NodeName, Life>()
  private readonly nodes = new Map<NodeName, Node>()
  client!: ApplicationClient
  other!: ApplicationClient

  /** @param register the applications of alice: one after the other, or both at once */
  async open(register: 'in turn' | 'together' = 'in turn'): Promise<void> {
    this.wire.fate = (from, to) => {
      const concerned = names.filter((name) => [from.host, to.host].includes(addressOf(name)))
      if (concerned.some((name) => this.lives.get(name)?.dead)) return []
      return concerned.every((name) => this.goesOn(name)) ? [1] : []
    }
    for (const name of names) await this.begin(name)
    const identity = 'sip:alice@localhost'
    const agent = new EngineAgent({ identity, password: 'alice-proxima', proxy: `sip:${addressOf('core')}:5060;lr` })
    const listen = [{ transport: 'MEM' as const, host: '10.0.1.1', port: 5060 }]
    const ue = agentNode(agent.element, { clock: this.clock, ids: seededIds(99), log: silent, network: this.wire, listen })
    await ue.start()
    await this.during(agent.register())
    this.client = new ApplicationClient({ agent, clock: this.clock, application: applications.as })
    const server = 'sip:as2@localhost'
    this.other = new ApplicationClient({ agent, clock: this.clock, application: applications.as2, server })
    const first = this.client.registerAutomatically()
    if (register === 'in turn') await this.during(first)
    for (const { cause } of await this.during(Promise.all([first, this.other.registerAutomatically()])))
      if (cause !== undefined) throw new Error(`not registered: ${cause}`)
  }
  async begin(name: NodeName): Promise<void> {
    const stopped = this.nodes.get(name)?.stop(0)
    this.lives.get(name)?.close()
    if (stopped !== undefined) await this.during(stopped)
    let store = this.stores.get(name)
    if (store === undefined) this.stores.set(name, (store = memoryStore(this.clock)))
    const life = new Life(this.clock, store, (writer, commit) => this.written(name, writer, commit))
    this.lives.set(name, life)
    const chosen = atNode(this.plan, name)
    if (chosen.faults !== undefined) throw new Error(chosen.faults.map(({ text }) => text).join())
    const made = assemble(chosen.value)
    if (made.faults !== undefined) throw new Error(made.faults.map(({ text }) => text).join())
    const node = createNode({
      ...{ name, clock: life, ids: seededIds(this.nodes.size + 1), log: silent, trusted: [], network: this.wire },
      ...{ plan: made.value.plan, elements: made.value.elements, domains: this.plan.domains, store: life.store },
      otherNodes: [...new Set(elsewhere(chosen.value).values())],
      listen: [{ transport: 'MEM', host: addressOf(name), port: 5060 }],
    })
    this.nodes.set(name, node)
    await this.during(node.start())
  }
  private written(name: NodeName, life: Life, commit: () => Promise<unknown>): Promise<unknown> {
    if (life.dead || !this.goesOn(name)) return life.lose()
    const committed = this.slowness === 0 ? commit() : this.slowly(commit)
    return life.dead ? life.lose() : committed
  }
  private async slowly(commit: () => Promise<unknown>): Promise<unknown> {
    await new Promise<void>((resolve) => {
      this.clock.after(this.slowness, resolve)
    })
    return commit()
  }
  /** Whether the event comes to pass; the victim may die of it. */
  private goesOn(name: NodeName): boolean {
    const { end } = this
    if (end === undefined || name !== end.victim || ++this.events !== end.at) return true
    this.lives.get(name)!.dead = true
    return end.seen
  }
  cut(a: NodeName, b: NodeName): void {
    this.wire.part(addressOf(a), addressOf(b))
  }
  heal(): void {
    this.wire.heal()
  }
  kill(name: NodeName): void {
    this.lives.get(name)!.dead = true
  }
  isDead(name: NodeName): boolean {
    return this.lives.get(name)!.dead
  }

  /** Lets a minute pass at most until that is there. */
  async during<Value>(work: Promise<Value>): Promise<Value> {
    let done = false
    const settled = work.finally(() => (done = true))
    settled.catch(() => undefined) // whoever waits for it is told
    for (let i = 0; i < 6000 && !done; i++) await this.clock.advance(10)
    if (!done) throw new Error('no end of it within a minute')
    return settled
  }

  /** Where an application server looks for alice, and whether the ProSe server there knows its user. */
  async placeOf(server: ServerName): Promise<Place & { readonly known: boolean }> {
    const [user] = await this.entries<Place & { readonly aluid: string }>('apps', `as/${server}/user/`)
    const { epuid, prose, aluid } = user!
    const at = prose === 'sip:prose2@localhost' ? ('south' as const) : ('north' as const)
    const found = await this.entries<{ readonly epuid: string; readonly bindings: readonly { readonly aluid: string }[] }>(
      at,
      `prose/${at === 'south' ? 'prose2' : 'prose'}/epuid/`,
    )
    const known = found.some((identity) => identity.epuid === epuid && identity.bindings.some((one) => one.aluid === aluid))
    return { epuid, prose, known }
  }
  /** What a ProSe server has not brought to an end. */
  unfinished(): Promise<readonly unknown[]> {
    return this.entries('south', 'prose/prose2/move/')
  }
  private async entries<Value>(name: NodeName, prefix: string): Promise<readonly Value[]> {
    const found: Value[] = []
    for await (const [, { value }] of this.stores.get(name)!.scan(prefix)) found.push(value as Value)
    return found
  }
}
