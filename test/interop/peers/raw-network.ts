/** A dialplan's file as a test changes it: elements of one operator or of several, by the names that nodes have for them. */
import { parse } from 'yaml'

export type Elements = { readonly [element: string]: object }

interface RawOperator {
  readonly domains: readonly string[]
  readonly elements: Elements
  readonly peers?: object
}

export interface RawNetwork extends Partial<RawOperator> {
  readonly nodes: { readonly [name: string]: { listen: string[]; http: string; readonly elements: readonly string[] } }
  readonly operators?: { readonly [name: string]: RawOperator }
}

export function readRaw(text: string): RawNetwork {
  return parse(text) as RawNetwork
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
