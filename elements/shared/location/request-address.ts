/** Addresses of location requests (SPEC §8): messages about one go to it at the host of an element. */
import { type Host, parseUri } from '../../../signalling/index.ts'

/** `lr-…`, by which a request is called on every leg. */
export function newRequestId({ ids }: Pick<Host, 'ids'>): string {
  return `lr-${ids.token(22)}`
}

/** URI of a request at an element. @param element its SIP URI, such as `sip:gmlc@home.example` */
export function requestAt(element: string, request: string): string {
  const uri = parseUri(element)
  return uri === undefined ? element : `${uri.scheme}:${request}@${uri.user}.${uri.host}`
}
