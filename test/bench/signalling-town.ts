/** A town in virtual time: the nodes of a dialplan, and UEs of one application that walk about between them, each a node of its own. */

import { assemble } from '../../dialplans/network/assemble.ts'
import type { Dialplan } from '../../dialplans/network/dialplan.ts'
import { atNode, elsewhere } from '../../dialplans/network/nodes.ts'
import { agentNode } from '../../dialplans/running/agent-node.ts'
import { type SimulatedAir, simulatedAir } from '../../elements/air/index.ts'
import { ApplicationClient, EngineAgent, Ue } from '../../elements/ue/index.ts'
import { createNode, type Ids, memoryStore, type Node, silent } from '../../signalling/index.ts'
import { ManualClock, MemoryNetwork, seededIds } from '../../signalling/testing.ts'
import { SignallingCounts } from './signalling-counts.ts'

export interface TownOptions {
  /** With nodes. */
  readonly dialplan: Dialplan
  /** Changes to its elements. */
  readonly settings: { readonly [element: string]: object }
  readonly ues: number
  /** Those of the UEs that listen and report; all are heard. */
  readonly listeners: number
  /** Metres: edge of the square, and as far as a code is heard. */
  readonly edge: number
  readonly range: number
  /** Seconds before a UE reports a code again. */
  readonly refresh: number
  readonly seed: number
}

interface Walker {
  readonly name: string
  readonly ue: Ue
  readonly application: ApplicationClient
  east: number
  north: number
  goalEast: number
  goalNorth: number
  /** Metres a second. */
  speed: number
}

const town = { exponent: 3.5, power: 23, loss: 38.5 }
const stride = 1000 // milliseconds between two steps, and between two times that a code is heard
const together = 50 // UEs that join at once,
const apart = 1000 // milliseconds before the next: codes are not renewed all at once either
const metresPerDegree = 111_195
export const pace = { slowest: 0.8, fastest: 1.8 } // metres a second

export const nameOf = (index: number): string => `u${String(index).padStart(4, '0')}`

export class Town {
  readonly clock = new ManualClock()
  readonly counts = new SignallingCounts((address) => this.places.get(address) ?? 'ue')
  readonly walkers: Walker[] = []
  private readonly options: TownOptions
  private readonly network = new MemoryNetwork(this.clock)
  private readonly chance: Ids
  private readonly air: SimulatedAir
  /** Address -> node. */
  private readonly places = new Map<string, string>()
  private readonly nodes: Node[] = []

  constructor(options: TownOptions) {
    this.options = options
    this.chance = seededIds(options.seed)
    const { power, loss, exponent } = town
    const propagation = { ...town, threshold: power - loss - 10 * exponent * Math.log10(options.range) }
    this.air = simulatedAir({ clock: this.clock, period: stride, propagation })
  }

  /** Starts the network; every UE registers and has both roles. */
  async open(): Promise<void> {
    const { dialplan, settings } = this.options
    const plan: Dialplan = {
      ...dialplan,
      elements: dialplan.elements.map((element) => ({
        ...element,
        settings: { ...element.settings, ...settings[element.name] },
      })),
      nodes: dialplan.nodes.map((node, i) => ({ ...node, listen: [{ transport: 'UDP', host: `10.0.0.${i + 1}`, port: 5060 }] })),
    }
    for (const { name, listen } of plan.nodes) this.places.set(listen[0]!.host, name)
    for (const { name } of plan.nodes) this.nodes.push(this.server(plan, name))
    for (const node of this.nodes) await this.during(node.start())
    const indices = Array.from({ length: this.options.ues }, (_, index) => index)
    for (let at = 0; at < indices.length; at += together) {
      this.walkers.push(...(await this.during(Promise.all(indices.slice(at, at + together).map((index) => this.walker(index))))))
      await this.clock.advance(apart)
    }
    this.step()
  }

  private server(plan: Dialplan, name: string): Node {
    const chosen = atNode(plan, name)
    const made = chosen.faults === undefined ? assemble(chosen.value) : chosen
    if (chosen.faults !== undefined || made.faults !== undefined)
      throw new Error((chosen.faults ?? made.faults)!.map(({ text }) => text).join('; '))
    const { host, port } = chosen.value.listen[0]!
    return createNode({
      ...this.common(name, this.nodes.length + 1),
      plan: made.value.plan,
      elements: made.value.elements,
      domains: plan.domains,
      otherNodes: [...new Set(elsewhere(chosen.value).values())],
      store: memoryStore(this.clock),
      listen: [{ transport: 'MEM', host, port }],
      trusted: [],
      tap: this.counts.tapOf(host),
    })
  }
  private common(name: string, serial: number) {
    const { clock, network } = this
    return { name, clock, network, log: silent, ids: seededIds(this.options.seed * 100_003 + serial) }
  }

  private async walker(index: number): Promise<Walker> {
    const name = nameOf(index)
    const [domain] = this.options.dialplan.domains
    const agent = new EngineAgent({ identity: `sip:${name}@${domain}`, password: name, proxy: 'sip:10.0.0.1:5060;lr' })
    const host = `10.1.${index >> 8}.${index & 255}`
    const node = agentNode(agent.element, {
      ...this.common(name, 1000 + index),
      listen: [{ transport: 'MEM', host, port: 5060 }],
    })
    this.nodes.push(node)
    await node.start()
    const { status } = await agent.register(86_400)
    if (status !== 200) throw new Error(`${name} could not register: ${status}`)
    const ue = new Ue({ agent, clock: this.clock, air: this.air, report: { refresh: this.options.refresh } })
    const roles = index < this.options.listeners ? (['discoverable', 'discoverer'] as const) : (['discoverable'] as const)
    const granted = await ue.requestProximity(roles, { expires: 86_400 })
    if (typeof granted === 'number') throw new Error(`${name} is refused: ${granted}`)
    const application = new ApplicationClient({ agent, clock: this.clock, application: 'org.example.nearby' })
    const [east, north] = [this.somewhere(), this.somewhere()]
    return { name, ue, application, east, north, goalEast: east, goalNorth: north, speed: 0 }
  }

  get listeners(): number {
    return this.options.listeners
  }
  /** The first so many UEs do that, some at a time. */
  async each(count: number, work: (walker: Walker, index: number) => Promise<void>): Promise<void> {
    const all = [...this.walkers.slice(0, count).entries()]
    for (let at = 0; at < all.length; at += together)
      await this.during(Promise.all(all.slice(at, at + together).map(([index, walker]) => work(walker, index))))
  }

  async during<Value>(work: Promise<Value>): Promise<Value> {
    let outcome: { value: Value } | { fault: unknown } | undefined
    work.then(
      (value) => (outcome = { value }),
      (fault: unknown) => (outcome = { fault }),
    )
    for (let waited = 0; waited < 70_000 && outcome === undefined; waited += 2) await this.clock.advance(2)
    if (outcome === undefined) throw new Error('no answer for 70 s')
    if ('fault' in outcome) throw outcome.fault
    return outcome.value
  }

  private somewhere(): number {
    return this.chance.fraction() * this.options.edge
  }
  /** One stride of everybody toward where they are going; who has arrived goes somewhere else (random waypoints). */
  private step(): void {
    for (const walker of this.walkers) {
      const [east, north] = [walker.goalEast - walker.east, walker.goalNorth - walker.north]
      const left = Math.sqrt(east * east + north * north)
      const metres = (walker.speed * stride) / 1000
      if (left <= metres) {
        walker.goalEast = this.somewhere()
        walker.goalNorth = this.somewhere()
        walker.speed = pace.slowest + (pace.fastest - pace.slowest) * this.chance.fraction()
      } else {
        walker.east += (east / left) * metres
        walker.north += (north / left) * metres
      }
      const { device } = walker.ue
      this.air.move(device, { latitude: walker.north / metresPerDegree, longitude: walker.east / metresPerDegree })
    }
    this.clock.after(stride, () => this.step())
  }

  async close(): Promise<void> {
    this.air.close()
    for (const node of this.nodes) await node.stop(0)
  }
}
