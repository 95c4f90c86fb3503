/** Bodies beneath their Content-Encoding (RFC 3261 §20.12): some phones pack their receipts. */
import { inflateRawSync, inflateSync } from 'node:zlib'
import { H, type SipRequest } from '../../../signalling/index.ts'

/** Codings that are read, for Accept-Encoding. */
export const knownCodings = 'identity, deflate'
const mostUnpacked = 65_535 // bytes

/** Undefined: the coding is not known, or the body is not in it. */
export function decodedBody(body: Buffer, coding = ''): Buffer | undefined {
  const name = coding.trim().toLowerCase()
  if (name === '' || name === 'identity') return body
  if (name !== 'deflate') return undefined
  for (const unpack of [inflateSync, inflateRawSync]) {
    try {
      return unpack(body, { maxOutputLength: mostUnpacked })
    } catch {
      // the other form of it, or neither
    }
  }
  return undefined
}

/** As `decodedBody`, by the fields of the request. */
export function plainBodyOf(request: SipRequest): Buffer | undefined {
  return decodedBody(request.body, request.list(H['Content-Encoding']).join())
}
