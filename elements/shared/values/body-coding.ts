/** Bodies beneath their Content-Encoding (RFC 3261 §20.12): some phones pack their receipts. */
import { inflateRawSync, inflateSync } from 'node:zlib'
import { H, type SipRequest } from '../../../signalling/index.ts'

/** Codings that are read, for Accept-Encoding. */
export const knownCodings = 'identity, deflate'
const mostUnpacked = 65_535 // bytes

/** A body with what its header fields say of it. */
export interface CodedBody {
  readonly body: Buffer
  /** Content-Type; absent: there is none. */
  readonly type?: string | undefined
  /** Content-Encoding; absent: there is none. */
  readonly coding?: string | undefined
}

export function codedBodyOf(request: SipRequest): CodedBody {
  const codings = request.list(H['Content-Encoding']).join()
  return { body: request.body, type: request.contentType, coding: codings }
}

/** The body without its coding. Undefined: that is not known, or the body is not in it. */
export function plainBody({ body, coding = '' }: CodedBody): Buffer | undefined {
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
