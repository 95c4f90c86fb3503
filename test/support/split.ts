/** Elements of a network without nodes, as tests place them in several: those of the edge, and those that may be elsewhere. */
import type { Dialplan, PlannedNode } from '../../dialplans/network/dialplan.ts'
import { edgeOf, roleFaults } from '../../dialplans/network/roles.ts'

export interface ElementSplit {
  /** UEs enter here. */
  readonly edge: readonly string[]
  readonly others: readonly string[]
}

/** Names of elements; those that have to be at the node of the edge are there. Throws where no element is the edge. */
export function splitOf(dialplan: Dialplan): ElementSplit {
  const { elements, file } = dialplan
  const edge = edgeOf(elements)
  if (edge === undefined) throw new Error(`${file} has no element by which UEs enter; expected one of role proxy`)
  const names = elements.map(({ name }) => name).filter((name) => name !== edge)
  const apart = roleFaults({ ...dialplan, nodes: [edge, ...names].map((name) => nodeOf(name, [name])) })
  const bound = new Set(apart.map(({ element }) => element.name))
  return { edge: [edge, ...names.filter((name) => bound.has(name))], others: names.filter((name) => !bound.has(name)) }
}

/** The dialplan in its own nodes; where it has none, in a node an element, that of the edge first. */
export function inNodes(dialplan: Dialplan): Dialplan {
  if (dialplan.nodes.length > 0) return dialplan
  const { edge, others } = splitOf(dialplan)
  return { ...dialplan, nodes: [nodeOf(edge[0]!, edge), ...others.map((name) => nodeOf(name, [name]))] }
}

function nodeOf(name: string, elements: readonly string[]): PlannedNode {
  return {
    name,
    line: 0,
    listen: [{ transport: 'UDP', host: '127.0.0.1', port: 5060 }],
    http: undefined,
    data: 'memory',
    elements,
  }
}

/** Two nodes: all elements begin at the first. */
export function overTwoNodes(dialplan: Dialplan): Dialplan {
  const node = { line: 0, listen: [], http: undefined, data: 'memory' }
  const elements = dialplan.elements.map(({ name }) => name)
  return {
    ...dialplan,
    nodes: [
      { ...node, name: 'one', elements },
      { ...node, name: 'two', elements: [] },
    ],
  }
}
