/** Operators of a dialplan: the part of the file that each has, with the lines of its values, and faults between them. */
import { type ListeningOptions, printHostPort } from '../../signalling/index.ts'
import { isAnyHost } from '../../signalling/tools.ts'
import { type Dialplan, printListen } from './dialplan.ts'
import type { RawNode } from './nodes.ts'
import { datagramAddresses } from './peers.ts'
import type { AddFault, LineOf } from './validate.ts'

/** Elements of one operator, or of all that the file has. */
interface RawElements {
  readonly elements: { readonly [name: string]: object }
}

/** Settings that operators of one file share. */
interface SharedSettings {
  readonly name: string
  readonly data?: string
  readonly nodes?: { readonly [name: string]: RawNode }
}

export interface RawFile<Operator extends RawElements> extends SharedSettings {
  readonly operators?: { readonly [name: string]: Operator }
}

/** The dialplan of one operator, as if the file were about it alone. */
interface OperatorPart<Operator> {
  /** Undefined: the file has one, at the top. */
  readonly operator: string | undefined
  readonly raw: Operator & SharedSettings
  readonly lineOf: LineOf
}

const shared = ['dns', 'connections', 'capture', 'widths'] as const
const atTheTop = ['name', 'data', 'nodes', 'operators', ...shared]

/** The parts of a file; faults of settings at the top, and of nodes, are added. */
export function operatorParts<Operator extends RawElements>(
  raw: RawFile<Operator>,
  lineOf: LineOf,
  fault: AddFault,
): readonly OperatorPart<Operator>[] {
  const { operators, name: network, data = 'data', nodes } = raw
  if (operators === undefined) return [{ operator: undefined, raw: raw as Operator & SharedSettings, lineOf }]
  for (const setting of Object.keys(raw).filter((each) => !atTheTop.includes(each))) {
    const text = `the dialplan has '${setting}' beside its operators`
    fault(lineOf(setting), text, `${setting} below ${Object.keys(operators).join(' or ')}`)
  }
  checkNodes(operators, nodes ?? {}, lineOf, fault)
  const common = Object.fromEntries(
    shared.map((setting) => [setting, (raw as object as { [setting: string]: unknown })[setting]]),
  )
  return Object.entries(operators).map(([operator, own]) => ({
    operator,
    raw: {
      data: data === 'memory' ? data : `${data}/${operator}`,
      ...common,
      ...own,
      name: `${network}/${operator}`,
      ...(nodes === undefined ? {} : { nodes: nodesOf(operator, nodes) }),
    },
    lineOf: (...path) =>
      path[0] === 'nodes' || (shared as readonly unknown[]).includes(path[0])
        ? lineOf(...path)
        : lineOf('operators', operator, ...path),
  }))
}

/** The nodes that run some element of an operator, with its own names of these. */
function nodesOf(operator: string, nodes: NonNullable<SharedSettings['nodes']>): NonNullable<SharedSettings['nodes']> {
  const prefix = `${operator}/`
  const own = Object.entries(nodes).filter(([, { elements }]) => elements.some((each) => each.startsWith(prefix)))
  return Object.fromEntries(
    own.map(([name, node]) => [
      name,
      { ...node, elements: node.elements.flatMap((each) => (each.startsWith(prefix) ? each.slice(prefix.length) : [])) },
    ]),
  )
}

/** Nodes name elements of operators, each those of one: the process listens for one. */
function checkNodes(
  operators: { readonly [name: string]: RawElements },
  nodes: NonNullable<SharedSettings['nodes']>,
  lineOf: LineOf,
  fault: AddFault,
): void {
  const names = Object.keys(operators)
  for (const [node, { elements }] of Object.entries(nodes)) {
    const line = lineOf('nodes', node)
    const owners = new Set<string>()
    for (const element of elements) {
      const owner = names.find((name) => element.startsWith(`${name}/`))
      if (owner !== undefined) owners.add(owner)
      else fault(line, `the node ${node} has ${element}, which names no operator`, waysToName(element, operators))
    }
    if (owners.size > 1)
      fault(line, `the node ${node} has elements of ${[...owners].join(' and ')}`, 'a node for each: it listens for one operator')
  }
  if (Object.keys(nodes).length === 0) return
  const placed = Object.values(nodes).flatMap(({ elements }) => elements)
  for (const name of names.filter((each) => !placed.some((element) => element.startsWith(`${each}/`))))
    fault(lineOf('operators', name), `the operator ${name} is at no node`, 'a node for each of its elements')
}

function waysToName(element: string, operators: { readonly [name: string]: RawElements }): string {
  const having = Object.entries(operators).filter(([, { elements }]) => elements[element] !== undefined)
  const ways = having.map(([name]) => `${name}/${element}`)
  return ways.length > 0 ? ways.join(' or ') : `<operator>/<element>, with one of ${Object.keys(operators).join(', ')}`
}

/** Domains, addresses and folders that two operators have in common; and trust in an address of another operator. */
export function checkOperators(parts: readonly OperatorLines[], fault: AddFault): void {
  const owners = new Map<string, string>()
  const isTaken = (key: string, operator: string): string | undefined => {
    const owner = owners.get(key)
    if (owner === undefined) owners.set(key, operator)
    return owner === operator ? undefined : owner
  }
  for (const [index, { dialplan, lineOf }] of parts.entries()) {
    const { operator = '', domains, http, nodes, data } = dialplan
    for (const [i, domain] of domains.entries()) {
      if (domain.endsWith('.'))
        fault(lineOf('domains', i), `the domain ${domain} has a dot at its end`, domain.replace(/\.+$/, ''))
      const owner = isTaken(`domain ${domain.toLowerCase()}`, operator)
      if (owner !== undefined)
        fault(lineOf('domains', i), `the domain ${domain} is of ${owner} too`, 'domains of its own for each')
    }
    for (const each of [http, ...nodes.map((node) => node.http)]) {
      const owner = each === undefined || each.port === 0 ? undefined : isTaken(`http ${printHostPort(each)}`, operator)
      if (owner !== undefined)
        fault(lineOf('http'), `http is ${printHostPort(each!)}, as ${owner} has it`, 'an address of its own for each operator')
    }
    const owner = data === 'memory' ? undefined : isTaken(`data ${data}`, operator)
    if (owner !== undefined) fault(lineOf('data'), `data is ${data}, as ${owner} has it`, 'a folder of its own for each operator')
    checkListening(dialplan, lineOf, parts.slice(0, index), fault)
    checkTrust(dialplan, lineOf, parts, fault)
  }
}

/** An operator's dialplan, and the lines of its values. */
interface OperatorLines {
  readonly dialplan: Dialplan
  readonly lineOf: LineOf
}

function checkListening({ listen }: Dialplan, lineOf: LineOf, earlier: readonly OperatorLines[], fault: AddFault): void {
  for (const each of listen) {
    const owner = earlier.find(({ dialplan }) => dialplan.listen.some((other) => meets(each, other)))
    if (owner === undefined) continue
    const text = `listen has ${printListen(each)}, as ${owner.dialplan.operator} has`
    fault(lineOf('listen'), text, 'an address of its own for each operator')
  }
}

/** Whether two sockets cannot be open at once: any address is each of them. */
function meets(a: ListeningOptions, b: ListeningOptions): boolean {
  const sameHost = a.host === b.host || isAnyHost(a.host) || isAnyHost(b.host)
  return a.port !== 0 && a.port === b.port && sameHost && (a.transport === 'UDP') === (b.transport === 'UDP')
}

/** Operators are believed for their own domains, never as a trusted address is. */
function checkTrust({ operator, trusted }: Dialplan, lineOf: LineOf, parts: readonly OperatorLines[], fault: AddFault): void {
  for (const [index, host] of trusted.entries()) {
    const met = parts.find(
      ({ dialplan }) => dialplan.operator !== operator && datagramAddresses(dialplan).some((each) => each.host === host),
    )
    if (met === undefined) continue
    const text = `trusted has ${host}, from where ${met.dialplan.operator} sends, whom it would believe in everything`
    fault(lineOf('trusted', index), text, `peers: { ${met.dialplan.operator}: {} }, or an address that no operator here has`)
  }
}
