/** Addresses of location messages (SPEC §8): those about one request go to it at the host of an element. */
import type { Host } from '../../../signalling/index.ts'

/** `lr-…`, by which a request is called on every leg. */
export function newRequestId({ ids }: Pick<Host, 'ids'>): string {
  return `lr-${ids.token(22)}`
}

/** URI of a request at an element. @param element its SIP URI, such as `sip:gmlc@home.example` */
export function requestAt(element: string, request: string): string {
  const [scheme = 'sip', rest = ''] = element.split(/:(.*)/s)
  return `${scheme}:${request}@${rest.replace('@', '.')}`
}
