/** Placement of elements: which node of the network runs an element, asked whenever a request has to find it. */
import type { HostPort } from '../transports/transport.ts'

/** Another node of the network. Its datagrams come from where it listens for them, and are trusted. */
export interface OtherNode extends HostPort {
  readonly name: string
}

/** Places of elements, as one node of the network sees them. An element in partitions is several: its instances. */
export interface Placement {
  /** The other nodes of the network. */
  readonly others: readonly OtherNode[]
  /** Instances come and go between the nodes, which share one store. False: each element stays where the dialplan has it. */
  readonly moves: boolean
  /** Number of partitions of an element; 1: it is its own only instance. */
  partitionsOf(element: string): number
  /** The other node that runs that element; undefined: this node does, or none. */
  placeOf(element: string): OtherNode | undefined
  /** Whether this node is the place of that element, though it may not have been taken up yet. */
  isHere(element: string): boolean
  /** Tells of each element that has another place from now on; returns the way to stop. Left out: none moves. */
  onPlaced?(listener: (element: string) => void): () => void
}

/** The name of that node in `PlanQuery.from`. No element can be called so. */
export function otherNodeName({ name }: Pick<OtherNode, 'name'>): string {
  return `@${name}`
}

/** Elements of a dialplan with `nodes`: each stays where it is. @param elsewhere elements that other nodes run */
export function staticPlacement(elsewhere: ReadonlyMap<string, OtherNode>): Placement {
  const others = [...new Set(elsewhere.values())]
  return { others, moves: false, partitionsOf: () => 1, placeOf: (element) => elsewhere.get(element), isHere: () => false }
}

/** Elements, or their instances, that move between the nodes of a network: one table, seen from each node. */
export class MovingElements {
  private readonly nodes: ReadonlyMap<string, OtherNode>
  private readonly places = new Map<string, string>()
  private readonly listeners = new Set<(element: string) => void>()
  private readonly partitions: ReadonlyMap<string, number>

  /** @param partitions of elements that have several */
  constructor(nodes: readonly OtherNode[], partitions: ReadonlyMap<string, number> = new Map()) {
    this.nodes = new Map(nodes.map((node) => [node.name, node]))
    this.partitions = partitions
  }

  /** Requests for that element go to that node from now on. Throws a TypeError where there is no such node. */
  place(element: string, node: string): void {
    if (!this.nodes.has(node)) throw new TypeError(`no node ${node}; expected one of ${[...this.nodes.keys()].join(', ')}`)
    this.places.set(element, node)
    for (const listener of this.listeners) listener(element)
  }

  nodeOf(element: string): string | undefined {
    return this.places.get(element)
  }

  seenFrom(node: string): Placement {
    return {
      others: [...this.nodes.values()].filter(({ name }) => name !== node),
      moves: true,
      partitionsOf: (element) => this.partitions.get(element) ?? 1,
      placeOf: (element) => {
        const name = this.places.get(element)
        return name === undefined || name === node ? undefined : this.nodes.get(name)
      },
      isHere: (element) => this.places.get(element) === node,
      onPlaced: (listener) => {
        this.listeners.add(listener)
        return () => void this.listeners.delete(listener)
      },
    }
  }
}
