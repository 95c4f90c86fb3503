/** A network of several nodes: the same rules at each; an element of another node is at that node's address. */
import { printHostPort } from '../messages/uri.ts'
import type { HostPort } from '../transports/transport.ts'
import { type PlanRule, valuesOf } from './plan.ts'

/** Another node of the network. Its datagrams come from where it listens for them, and are trusted. */
export interface OtherNode extends HostPort {
  readonly name: string
}

interface ElementPlaces {
  /** Elements of this node. */
  readonly own: readonly string[]
  readonly elsewhere: ReadonlyMap<string, OtherNode>
  readonly proxy: string | undefined
}

/** The name of that node in `PlanQuery.from`. No element can be called so. */
export function otherNodeName({ name }: Pick<OtherNode, 'name'>): string {
  return `@${name}`
}

/**
 * The rule as one node has to follow it; undefined: it has no part in it. A request from outside enters the network at the
 * node of the proxy alone. It leaves a node for an element elsewhere only if somebody of the network has sent it.
 */
export function ruleHere(rule: PlanRule, { own, elsewhere, proxy }: ElementPlaces): PlanRule | undefined {
  const goesTo = elsewhere.get(rule.to)
  const nodeNames = [...new Set([...elsewhere.values()].map(otherNodeName))]
  const insiders = ['trusted', ...nodeNames, ...own]
  const keptInside = goesTo !== undefined || (proxy !== undefined && elsewhere.has(proxy))
  const given = valuesOf(rule.from)?.flatMap((from) => senders(from, elsewhere, nodeNames))
  const from = (given ?? (keptInside ? insiders : undefined))?.filter(
    (each) => !(keptInside && each === 'outside') && !(goesTo !== undefined && each === otherNodeName(goesTo)), // not back
  )
  if (from?.length === 0) return undefined
  const to = goesTo === undefined ? rule.to : `sip:${printHostPort(goesTo)}`
  return { ...rule, to, ...(from === undefined ? {} : { from: [...new Set(from)] }) }
}

function senders(from: string, elsewhere: ElementPlaces['elsewhere'], nodeNames: readonly string[]): readonly string[] {
  if (from === 'trusted') return ['trusted', ...nodeNames]
  const node = elsewhere.get(from)
  return node === undefined ? [from] : [otherNodeName(node)]
}
