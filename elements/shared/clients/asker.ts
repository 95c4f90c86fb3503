/** The asker of a request: the identity that the network vouches for (SPEC §2.5). */
import type { Exchange } from '../../../signalling/index.ts'
import { deviceKey } from '../identifiers/devices.ts'

/** Canonical key of the asserted identity; undefined: nobody vouches for the sender. */
export function askerOf({ asserted }: Exchange, domains: readonly string[]): string | undefined {
  return asserted && deviceKey(asserted.uri, domains)
}
