/** Strict routers, which take a Route for a Request-URI, as RFC 2543 had it: requests to them, and from them. */
import { parseAddress } from '../messages/address.ts'
import { encode } from '../messages/edit.ts'
import { SipRequest } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import { scan } from '../messages/scan.ts'
import type { FlowTable } from '../transports/flows.ts'
import { tokenOfRoute } from '../transports/route-parts.ts'

interface Routed {
  readonly uri: string
  readonly routes: readonly string[]
}

const loose = /;\s*lr\s*(?:[;=>]|$)/i
const forbidden = /;method=[^;?]*/i // in a Request-URI (RFC 3261 §19.1.1), as headers are

/** RFC 3261 §16.6 step 6 and §12.2.1.1: undefined where the first Route is a loose router, or there is none. */
export function strictly(uri: string, routes: readonly string[]): Routed | undefined {
  const first = routes[0]
  if (first === undefined || (loose.test(first) && !first.includes('"'))) return undefined
  const router = parseAddress(first)?.uri
  if (router === undefined || router.parameters.has('lr')) return undefined
  const text = router.headers === '' ? router.text : router.text.slice(0, router.text.indexOf('?'))
  return { uri: text.replace(forbidden, ''), routes: [...routes.slice(1), `<${uri}>`] }
}

/**
 * RFC 3261 §16.4: a request whose Request-URI is a Record-Route of ours came from a strict router. As a loose one would have
 * sent it: our value is the first Route, the last Route is the Request-URI. Any other request as it is.
 */
export function unstrict(request: SipRequest, flows: Pick<FlowTable, 'isOurs' | 'isSealed'>): SipRequest {
  if (request.find(H.Route) < 0) return request
  const { user, parameters, host, port } = request.uri
  const token = tokenOfRoute(user)
  if (token === undefined || !parameters.has('lr') || !flows.isOurs(host, port) || !flows.isSealed(token)) return request
  const routes = request.list(H.Route)
  const target = parseAddress(routes.pop() ?? '')?.uri
  if (target === undefined) return request
  const top = [`<${request.uriText}>`, ...routes].map((route) => `Route: ${route}\r\n`).join('')
  const mended = scan(encode(request, { uri: target.text, top, drop: [H.Route] }))
  return mended instanceof SipRequest ? mended : request
}
