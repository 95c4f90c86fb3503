/** P-Visited-Network-ID (RFC 7315 §4.3): the network in which a user is who is another one's. */
import type { SipRequest } from '../../../signalling/index.ts'

export const visitedNetworkHeader = 'P-Visited-Network-ID'

/** Domain of the first network named, in lower case; undefined: none is. */
export function visitedNetwork(request: SipRequest): string | undefined {
  const [first] = request.list(visitedNetworkHeader)
  const name = first?.match(/^\s*(?:"([^"\\]+)"|([^\s;"]+))/)
  return (name?.[1] ?? name?.[2])?.toLowerCase()
}

export function visitedNetworkOf(domain: string): string {
  return `"${domain}"`
}
