/** Addresses of location requests and targets (SPEC §8): messages about one go to it at the host of an element. */
import { digest, type Host, parseUri } from '../../../signalling/index.ts'

/** `lr-…`, by which a request is called on every leg. */
export function newRequestId({ ids }: Pick<Host, 'ids'>): string {
  return `lr-${ids.token(22)}`
}

/** URI of a request at an element. @param element its SIP URI, such as `sip:gmlc@home.example` */
export function requestAt(element: string, request: string): string {
  const uri = parseUri(element)
  return uri === undefined ? element : `${uri.scheme}:${request}@${uri.user}.${uri.host}`
}

/** URI of a target at an element, `sip:t-…`: its first 128 bits of SHA-256. @param target its canonical identifier */
export function targetAt(element: string, target: string): string {
  const name = Buffer.from(digest(target, 43), 'base64url').subarray(0, 16).toString('base64url')
  return requestAt(element, `t-${name}`)
}
