/** Choice among the messages of a capture: by user, Call-ID, method and time. */
import { SipRequest as Request, type SipRequest, type SipResponse } from '../../../signalling/index.ts'
import { scan, type TappedMessage } from '../../../signalling/tools.ts'

export interface TraceFilter {
  /** User part of From, To or Request-URI, or the whole of such a URI. */
  readonly user?: string
  /** Call-ID, or a part of it. */
  readonly callId?: string
  /** Of the CSeq, so that responses are there too; in capitals. */
  readonly methods?: readonly string[] | undefined
  /** Seconds since the first message. */
  readonly since?: number
  readonly until?: number
}

/** The messages that pass every part of the filter. */
export function chosen(messages: readonly TappedMessage[], filter: TraceFilter): readonly TappedMessage[] {
  const start = messages[0]?.at ?? 0
  const [first, last] = [filter.since ?? 0, filter.until ?? Number.POSITIVE_INFINITY]
  return messages.filter(({ at, bytes }) => {
    const seconds = (at - start) / 1000
    if (seconds < first || seconds > last) return false
    if (filter.user === undefined && filter.callId === undefined && filter.methods === undefined) return true
    const sip = scan(Buffer.from(bytes))
    return sip !== undefined && passes(sip, filter)
  })
}

function passes(sip: SipRequest | SipResponse, { user, callId, methods }: TraceFilter): boolean {
  if (methods !== undefined && !methods.includes(sip.cseq.method)) return false
  if (callId !== undefined && !sip.callId.includes(callId)) return false
  return user === undefined || names(sip, user)
}

function names(sip: SipRequest | SipResponse, user: string): boolean {
  const uris = [sip.from.uri, sip.to.uri, ...(sip instanceof Request ? [sip.uri] : [])]
  return uris.some((uri) => uri.user === user || uri.text === user)
}
