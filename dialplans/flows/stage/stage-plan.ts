/** Plan of a stage: the dialplans of its operators with a scenario's changes, and where each of their nodes listens. */
import { type Element, type HostPort, instancesOf, type Placement } from '../../../signalling/index.ts'
import { MovingElements } from '../../../signalling/testing.ts'
import type { Endpoint } from '../../../signalling/tools.ts'
import { type AssembledNetwork, assemble } from '../../network/assemble.ts'
import type { Dialplan, ElementSettings } from '../../network/dialplan.ts'
import { atNode, placementOf } from '../../network/nodes.ts'
import { withPeers } from '../../network/peers.ts'
import { edgeOf } from '../../network/roles.ts'
import type { Scenario } from './flow.ts'

/** A node of the network, and its address. */
export interface ServerPlace extends HostPort {
  /** Its place among all of them. */
  readonly index: number
  readonly operator: string | undefined
  /** Undefined: the operator has one node alone. */
  readonly node: string | undefined
}

/** The network as one node of it runs it. */
interface PlannedServer {
  readonly dialplan: Dialplan
  readonly assembled: AssembledNetwork
  /** Undefined: that node runs all elements. */
  readonly placement: Placement | undefined
}

export class StagePlan {
  private readonly dialplans: readonly Dialplan[]
  private readonly scenario: Scenario
  private readonly moves: boolean
  private readonly partitions: ReadonlyMap<string, number>
  /** By operator: the places of its elements, where these move. */
  private readonly moving = new Map<string | undefined, MovingElements>()

  /**
   * @param moves elements may leave the nodes of their dialplan, which share one store then
   * @param partitions number of partitions of an element, by its name
   */
  constructor(
    dialplan: Dialplan | readonly Dialplan[],
    scenario: Scenario,
    moves = false,
    partitions: ReadonlyMap<string, number> = new Map(),
  ) {
    this.moves = moves
    this.partitions = partitions
    this.dialplans = 'elements' in dialplan ? [dialplan] : dialplan
    this.scenario = scenario
  }
  get homeDomain(): string {
    return this.dialplans[0]!.domains[0]!
  }
  /** Places of all nodes: on ports of loopback that `freePort` gives, or in a network in memory. */
  place(freePort: (() => Promise<number>) | undefined): Promise<readonly ServerPlace[]> {
    const nodes = this.dialplans.flatMap(({ operator, nodes: planned }) => {
      const names = planned.length === 0 ? [undefined] : planned.map(({ name }) => name)
      return names.map((node) => ({ operator, node }))
    })
    return Promise.all(
      nodes.map(async (node, index) => {
        if (freePort === undefined) return { ...node, index, host: `10.0.0.${index + 1}`, port: 5060 }
        return { ...node, index, host: '127.0.0.1', port: await freePort() }
      }),
    )
  }
  /** The dialplan of a node, and its elements and plan. Throws where the scenario has made it unsound. */
  at({ operator, node }: ServerPlace, places: readonly ServerPlace[]): PlannedServer {
    const all = this.dialplans.map((dialplan) => this.placed(dialplan, places))
    const own = withPeers(all.find((dialplan) => dialplan.operator === operator)!, all)
    const chosen = node === undefined ? { value: own } : atNode(own, node)
    if (chosen.faults !== undefined) throw new Error(chosen.faults.map(({ text }) => text).join('; '))
    const placement = node === undefined || !this.moves ? placementOf(chosen.value) : this.tableOf(own).seenFrom(node)
    const made = assemble(chosen.value, placement)
    if (made.faults !== undefined) throw new Error(made.faults.map(({ text }) => text).join('; '))
    return { dialplan: chosen.value, assembled: made.value, placement }
  }
  private tableOf({ operator, nodes }: Dialplan): MovingElements {
    let table = this.moving.get(operator)
    if (table !== undefined) return table
    table = new MovingElements(
      nodes.map(({ name, listen }) => ({ name, ...listen[0]! })),
      this.partitions,
    )
    for (const { name, elements } of nodes)
      for (const element of elements)
        for (const instance of instancesOf(element, this.partitions.get(element) ?? 1)) table.place(instance, name)
    this.moving.set(operator, table)
    return table
  }
  /** Name of the node that runs an element which moves, `prose` or `north/prose`. */
  nodeOf(element: string): string | undefined {
    const { operator, name } = parted(element)
    return this.moving.get(operator)?.nodeOf(name)
  }
  /** Requests for that element go to that node from now on. Returns it as made for that node. */
  movedTo(element: string, place: ServerPlace, places: readonly ServerPlace[]): Element {
    const { operator, name } = parted(element)
    this.moving.get(operator)!.place(name, place.node!)
    return this.at(place, places).assembled.elements.find((each) => each.name === name)!
  }
  /** The dialplan with the scenario's settings, and its nodes where they listen now. */
  private placed(dialplan: Dialplan, places: readonly ServerPlace[]): Dialplan {
    const { operator, nodes, peers = [] } = dialplan
    const listenOf = (node: string | undefined) =>
      places
        .filter((place) => place.operator === operator && place.node === node)
        .map(({ host, port }) => ({ transport: 'UDP' as const, host, port }))
    const named = operator === undefined ? undefined : this.scenario.peers?.[operator]
    const prefix = operator === undefined ? '' : `${operator}/`
    return {
      ...dialplan,
      data: 'memory',
      elements: dialplan.elements.map((element) => ({ ...element, settings: this.settings(prefix + element.name) })),
      nodes: nodes.map((node) => ({ ...node, data: 'memory', listen: listenOf(node.name) })),
      listen: nodes.length === 0 ? listenOf(undefined) : nodes.flatMap(({ name }) => listenOf(name)),
      peers: named === undefined ? peers : named.map((name) => ({ name, line: 0, at: undefined })),
    }
  }
  /** Settings of an element, `proxy` or `north/proxy`, as the scenario has them. */
  settings(element: string): ElementSettings {
    const { operator, name } = parted(element)
    const dialplan = this.dialplans.find((each) => each.operator === operator)
    return { ...dialplan?.elements.find((one) => one.name === name)?.settings, ...this.scenario.settings?.[element] }
  }
  /** The node by which UEs of a domain enter, the first of its operator; without a domain that of the first one. */
  proxyOf(domain: string | undefined, places: readonly ServerPlace[]): HostPort | undefined {
    const owner = domain === undefined ? this.dialplans[0] : this.dialplans.find(({ domains }) => domains.includes(domain))
    return owner && places.find(({ operator }) => operator === owner.operator)
  }
  /** The node that runs an element of a domain's operator. */
  nodeWith(element: string, domain: string | undefined, places: readonly ServerPlace[]): HostPort | undefined {
    const owner = domain === undefined ? this.dialplans[0] : this.dialplans.find(({ domains }) => domains.includes(domain))
    const node = owner?.nodes.find(({ elements }) => elements.includes(element))?.name
    return owner && places.find((place) => place.operator === owner.operator && place.node === node)
  }
  /** The name of another operator's end; undefined: nobody of those is there. */
  nameOf({ address, port }: Endpoint, own: string, places: readonly ServerPlace[]): string | undefined {
    const place = places.find((each) => each.host === address && each.port === port)
    if (place?.operator === undefined || place.operator === own) return undefined
    const { elements } = this.dialplans.find(({ operator }) => operator === place.operator)!
    return `${place.operator}/${edgeOf(elements) ?? ''}`
  }
}

/** `proxy`, or `north/proxy` of the operator north. */
function parted(element: string): { readonly operator: string | undefined; readonly name: string } {
  const [first, second] = element.split('/') as [string, string?]
  return second === undefined ? { operator: undefined, name: first } : { operator: first, name: second }
}
