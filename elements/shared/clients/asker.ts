/** The asker of a request: the identity that the network vouches for (SPEC §2.5). */
import type { Exchange } from '../../../signalling/index.ts'
import { deviceKey } from '../identifiers/devices.ts'
import { ownUser } from '../identifiers/element-names.ts'

/** Canonical key of the asserted identity; undefined: nobody vouches for the sender. */
export function askerOf({ asserted }: Exchange, domains: readonly string[]): string | undefined {
  return asserted && deviceKey(asserted.uri, domains)
}

/** URI of the element of ours that asks, where it is one of these; undefined: it is another, or none. */
export function elementAsking(exchange: Exchange, domains: readonly string[], names: readonly string[]): string | undefined {
  const asker = askerOf(exchange, domains)
  const name = asker === undefined ? undefined : ownUser(asker, domains)
  return name !== undefined && names.includes(name) ? asker : undefined
}
