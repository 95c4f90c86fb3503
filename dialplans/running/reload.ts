/** A dialplan read again while its node runs: changes take effect at once where they can; the rest is named. */

import { elementOfInstance, systemResolver } from '../../signalling/index.ts'
import { type AssembledNetwork, assemble, settingsFault } from '../network/assemble.ts'
import type { Dialplan, DialplanFault, PlannedElement } from '../network/dialplan.ts'
import { completedElements, subscribersIn } from '../network/roles.ts'
import type { RunningNode } from './compose.ts'

const atStart = ['name', 'domains', 'listen', 'tls', 'http', 'api', 'data', 'trusted', 'peers', 'nodes'] as const

/** The outcome: faults, and nothing has changed; or settings that wait for the next start (`listen`, `elements.proxy.nonce`). */
type ReloadOutcome =
  | { readonly faults: readonly DialplanFault[] }
  | { readonly faults?: undefined; readonly waiting: readonly string[] }

/**
 * @param started the dialplan that the node was started with
 * @param before the one that was taken last
 */
export async function reload(
  running: RunningNode,
  started: Dialplan,
  next: Dialplan,
  before: Dialplan = started,
): Promise<ReloadOutcome> {
  const { limits, connections, dns, rules } = next
  const effective: Dialplan = { ...started, limits, connections, dns, rules, elements: standing(started, next) }
  const assembled = assemble(effective, running.placement)
  if (assembled.faults !== undefined) return assembled
  const waiting = new Set<string>([
    ...atStart.filter((name) => !same(started[name], next[name])),
    ...handshakes(started, next),
    ...otherElements(started, next),
  ])
  // The element that keeps subscribers comes first: it may still find a fault, in all of them together.
  const keeps = (element: PlannedElement): number => Number(subscribersIn(element) !== undefined)
  const elementsNow = [...completedElements(effective)].sort((a, b) => keeps(b) - keeps(a))
  for (const { name, settings } of elementsNow) {
    const first = completedElements(started).find((each) => each.name === name)!
    const here = running.elements.filter((each) => elementOfInstance(each.name) === name)
    const isOther = !same(first.settings, settings)
    try {
      if (here.length === 0 && isOther) waiting.add(`elements.${name}`)
      for (const instance of here) {
        if (instance.reload === undefined && isOther) waiting.add(`elements.${name}`)
        for (const setting of (await instance.reload?.(settings)) ?? []) waiting.add(`elements.${name}.${setting}`)
      }
    } catch (error) {
      const line = next.elements.find((each) => each.name === name)?.line ?? 0
      return { faults: [settingsFault(next.file, line, name, error)] }
    }
  }
  apply(running.node, assembled.value, effective, before)
  return { waiting: [...waiting] }
}

function apply(
  node: RunningNode['node'],
  { plan }: AssembledNetwork,
  { limits, connections, dns }: Dialplan,
  before: Dialplan,
): void {
  const { source: sourceRate, subscriptions, peer: peerSubscriptions, notifies } = limits
  const resolver = same(dns, before.dns) ? {} : { resolver: systemResolver(dns?.servers) }
  node.reload({ plan, sourceRate, subscriptions, peerSubscriptions, notifies, connections, ...resolver })
}

/** The bound of a TLS handshake is set when its sockets are opened. */
function handshakes({ listen, connections: { head } }: Dialplan, { connections }: Dialplan): readonly string[] {
  const secure = listen.some(({ transport }) => transport === 'TLS' || transport === 'WSS')
  return secure && head !== connections.head ? ['connections.head of TLS handshakes'] : []
}

/** Each element that runs, with the settings that the file has for it now. */
function standing(started: Dialplan, next: Dialplan): Dialplan['elements'] {
  return started.elements.map(
    (element) => next.elements.find(({ name, role }) => name === element.name && role === element.role) ?? element,
  )
}
function otherElements(started: Dialplan, next: Dialplan): readonly string[] {
  const missing = (from: Dialplan, among: Dialplan): readonly string[] =>
    from.elements
      .filter(({ name, role }) => !among.elements.some((each) => each.name === name && each.role === role))
      .map(({ name }) => `elements.${name}`)
  return [...new Set([...missing(started, next), ...missing(next, started)])]
}
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
