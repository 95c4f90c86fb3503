/** Routes that base stations write and proxies read (SPEC §5.1): by which one passes on, and by which its UEs are reached. */
import { type Address, type Exchange, elementOfRoute, parseAddress, tokenOfRoute } from '../../../signalling/index.ts'

/** Parameter of a Route: nobody vouches for who sends. The proxy takes it off, so that no other element sees it. */
const passedOn = 'station'

/** Route to the proxy for what a base station passes on. */
export function routeOfStation(proxy: string, domain: string): string {
  return `<sip:${proxy}@${domain};lr;${passedOn}>`
}

/** Whether a base station has passed it on. A stranger who writes so is as unknown as before. */
export function isOfStation({ flow, ownRoutes }: Exchange): boolean {
  return flow.trusted && ownRoutes[0]?.uri.parameters.has(passedOn) === true
}

/** Whether a Route leads to a UE behind one of these base stations. */
export function leadsToStation(route: Address | string | undefined, stations: readonly string[]): boolean {
  if (stations.length === 0 || route === undefined) return false
  const user = (typeof route === 'string' ? parseAddress(route) : route)?.uri.user ?? ''
  return stations.includes(elementOfRoute(user)) && tokenOfRoute(user) !== undefined
}
