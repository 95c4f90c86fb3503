/** A network of several nodes: the settings of each, and the dialplan as one of them sees it. */
import { type HostPort, type ListeningOptions, type OtherNode, type Placement, staticPlacement } from '../../signalling/index.ts'
import { isAnyHost } from '../../signalling/tools.ts'
import {
  type Dialplan,
  type DialplanFault,
  type PlannedNode,
  parseListen,
  parseOuter,
  parsePlace,
  printListen,
  type ValueOrFaults,
} from './dialplan.ts'
import type { AddFault, LineOf } from './validate.ts'

/** A listening address, as the schema admits it. */
export type RawListening = string | { readonly at: string; readonly advertise: string }

/** A node as the schema admits it. */
export interface RawNode {
  readonly listen: readonly RawListening[]
  readonly http?: string
  readonly data?: string
  readonly elements: readonly string[]
}

interface RawNetwork {
  readonly nodes?: { readonly [name: string]: RawNode }
  readonly elements: { readonly [name: string]: object }
}

export function readListen(
  all: readonly RawListening[],
  path: readonly string[],
  lineOf: LineOf,
  fault: AddFault,
): readonly ListeningOptions[] {
  return all.flatMap((each, index) => {
    const { at, advertise: outer } = typeof each === 'string' ? { at: each, advertise: undefined } : each
    const listen = parseListen(at)
    if (listen === undefined)
      fault(lineOf(...path, index), `listen has ${at}`, 'an IP address or host name, and a port of at most 65535')
    const advertise = outer === undefined ? undefined : parseOuter(outer)
    if (outer !== undefined && advertise === undefined)
      fault(
        lineOf(...path, index, 'advertise'),
        `advertise is ${outer}`,
        'an address that peers can send to, and a port of at most 65535',
      )
    return listen === undefined ? [] : advertise === undefined ? listen : { ...listen, advertise }
  })
}

export function readHttp(
  text: string | undefined,
  path: readonly string[],
  lineOf: LineOf,
  fault: AddFault,
): HostPort | undefined {
  const http = text === undefined ? undefined : parsePlace(text)
  if (text !== undefined && http === undefined) fault(lineOf(...path), `http is ${text}`, 'a port of at most 65535')
  return http
}

/** All nodes; each element has to be at one of them, and each node where the others can find it. */
export function readNodes(from: { raw: RawNetwork; data: string; lineOf: LineOf; fault: AddFault }): readonly PlannedNode[] {
  const { raw, data, lineOf, fault } = from
  const nodes = Object.entries(raw.nodes ?? {}).map(([name, node]): PlannedNode => {
    const line = lineOf('nodes', name)
    const listen = readListen(node.listen, ['nodes', name, 'listen'], lineOf, fault)
    if (!listen.some(({ transport, port }) => transport === 'UDP' && port !== 0))
      fault(line, `the node ${name} listens on no port of UDP, where the other nodes would find it`, 'udp://address:port')
    const first = listen.find(({ transport }) => transport === 'UDP')
    if (first !== undefined && isAnyHost(first.host))
      fault(line, `the node ${name} is at ${printListen(first)}, where no other node finds it`, 'one address of its machine')
    for (const element of node.elements)
      if (raw.elements[element] === undefined)
        fault(line, `the node ${name} has ${element}, which is no element`, `some of ${Object.keys(raw.elements).join(', ')}`)
    const http = readHttp(node.http, ['nodes', name, 'http'], lineOf, fault)
    return {
      name,
      line,
      listen,
      http,
      data: node.data ?? (data === 'memory' ? data : `${data}/${name}`),
      elements: node.elements,
    }
  })
  for (const [index, node] of nodes.entries()) checkSockets(node, nodes.slice(0, index), fault)
  if (nodes.length > 0) checkPlaces(nodes, from)
  return nodes
}

/** Two nodes cannot be at one address and port, where the others look for each of them. */
function checkSockets({ name, line, listen }: PlannedNode, earlier: readonly PlannedNode[], fault: AddFault): void {
  for (const socket of listen) {
    if (socket.transport !== 'UDP' || socket.port === 0) continue
    const isSame = ({ transport, host, port }: ListeningOptions): boolean =>
      transport === 'UDP' && host === socket.host && port === socket.port
    const other = earlier.find((each) => each.listen.some(isSame))
    if (other === undefined) continue
    fault(line, `the node ${name} listens on ${printListen(socket)}, as ${other.name} does`, 'an address or port of its own')
  }
}

function checkPlaces(
  nodes: readonly PlannedNode[],
  { raw, lineOf, fault }: { raw: RawNetwork; lineOf: LineOf; fault: AddFault },
): void {
  for (const name of Object.keys(raw.elements)) {
    const places = nodes.filter(({ elements }) => elements.includes(name)).map((node) => node.name)
    if (places.length === 1) continue
    const where = places.length === 0 ? 'no node' : `the nodes ${places.join(' and ')}`
    fault(lineOf('elements', name), `${name} is at ${where}`, 'one node for it')
  }
}

/** The dialplan for one node of it, or why there is none. */
export function atNode(dialplan: Dialplan, name: string): ValueOrFaults<Dialplan> {
  const node = dialplan.nodes.find((each) => each.name === name)
  if (node === undefined) return { faults: [noSuchNode(dialplan, name)] }
  const { listen, http, data } = node
  return { value: { ...dialplan, name: `${dialplan.name}-${name}`, listen, http, data, node } }
}

function noSuchNode({ file, nodes }: Dialplan, name: string): DialplanFault {
  const expected = nodes.length === 0 ? 'a dialplan with nodes' : `one of ${nodes.map((node) => node.name).join(', ')}`
  return { file, line: 0, text: `there is no node ${name}`, expected }
}

/** The nodes of elements that do not run here. */
export function elsewhere({ node, nodes }: Dialplan): ReadonlyMap<string, OtherNode> {
  const others = node === undefined ? [] : nodes.filter(({ name }) => name !== node.name)
  return new Map(
    others.flatMap(({ name, listen, elements }) => {
      const { host, port } = listen.find(({ transport }) => transport === 'UDP')!
      return elements.map((element) => [element, { name, host, port }] as const)
    }),
  )
}

/** Places of the network's elements, as that node sees them; undefined: one node runs all. */
export function placementOf(dialplan: Dialplan): Placement | undefined {
  const places = elsewhere(dialplan)
  return places.size === 0 ? undefined : staticPlacement(places)
}
