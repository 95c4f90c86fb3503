/** A dialplan's file as a test changes it: elements of one operator or of several, by the names that nodes have for them. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { loadOperators } from '../../../dialplans/network/load.ts'
import { splitOf } from '../../support/split.ts'

export type Elements = { readonly [element: string]: object }

interface RawOperator {
  readonly domains: readonly string[]
  readonly elements: Elements
  readonly peers?: object
}

interface RawNode {
  listen: string[]
  http: string
  readonly elements: readonly string[]
}

export interface RawNetwork extends Partial<RawOperator> {
  readonly nodes: { readonly [name: string]: RawNode }
  readonly operators?: { readonly [name: string]: RawOperator }
}

/** The file's network; where it has no nodes, one an operator for the edge, and one for all others. */
export function readRaw(file: string): RawNetwork {
  const { listen: _, http: __, ...raw } = parse(readFileSync(file, 'utf8')) as RawNetwork & Partial<RawNode>
  return raw.nodes === undefined ? { ...raw, nodes: madeNodes(file) } : raw
}

function madeNodes(file: string): RawNetwork['nodes'] {
  const loaded = loadOperators(file)
  if (loaded.faults !== undefined) throw new Error(`${file} has faults`)
  const nodes = loaded.value.flatMap((dialplan) => {
    const { edge, others } = splitOf(dialplan)
    const { operator } = dialplan
    const full = (name: string): string => (operator === undefined ? name : `${operator}/${name}`)
    const label = (name: string): string => (operator === undefined ? name : `${operator}-${name}`)
    return [
      [label('edge'), nodeOf(edge.map(full), ['udp', 'tcp', 'ws'])] as const,
      ...(others.length === 0 ? [] : [[label('others'), nodeOf(others.map(full), ['udp'])] as const]),
    ]
  })
  return Object.fromEntries(nodes)
}

function nodeOf(elements: readonly string[], schemes: readonly string[]): RawNode {
  return { listen: schemes.map((scheme) => `${scheme}://127.0.0.1:0`), http: '127.0.0.1:0', elements }
}

/** All elements: `proxy`, or of several operators `north/proxy`. */
export function elementsOf({ elements = {}, operators }: RawNetwork): Elements {
  if (operators === undefined) return elements
  return Object.fromEntries(
    Object.entries(operators).flatMap(([operator, own]) =>
      Object.entries(own.elements).map(([name, settings]) => [`${operator}/${name}`, settings] as const),
    ),
  )
}

/** Operator -> names of its peers, of those operators that have others now than the file. */
export type NamedPeers = { readonly [operator: string]: readonly string[] }

/** The file with those elements, and with those peers. */
export function withElements(raw: RawNetwork, elements: Elements, peers: NamedPeers): RawNetwork {
  if (raw.operators === undefined) return { ...raw, elements }
  const operators = Object.entries(raw.operators).map(([operator, own]) => {
    const named = peers[operator]
    const settings = Object.keys(own.elements).map((name) => [name, elements[`${operator}/${name}`]!] as const)
    const others = named === undefined ? {} : { peers: Object.fromEntries(named.map((name) => [name, {}])) }
    return [operator, { ...own, ...others, elements: Object.fromEntries(settings) }] as const
  })
  return { ...raw, operators: Object.fromEntries(operators) }
}

/** The operator that has a domain; without a domain the first. Undefined: the file has one, which has no name. */
export function operatorOfDomain({ operators }: RawNetwork, domain: string | undefined): string | undefined {
  const all = Object.entries(operators ?? {})
  return (domain === undefined ? all[0] : all.find(([, { domains }]) => domains.includes(domain)))?.[0]
}

/** The operator of a node, or of an element. */
export function operatorIn(name: string): string | undefined {
  return name.includes('/') ? name.split('/')[0] : undefined
}
