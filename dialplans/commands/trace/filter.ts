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

/** The messages that pass every part of the filter; of a request that does, its responses too. */
export function chosen(messages: readonly TappedMessage[], filter: TraceFilter): readonly TappedMessage[] {
  const start = messages[0]?.at ?? 0
  const [first, last] = [filter.since ?? 0, filter.until ?? Number.POSITIVE_INFINITY]
  /** Branches of requests to that user: their responses may name him nowhere. */
  const branches = new Set<string>()
  return messages.filter(({ at, bytes }) => {
    const seconds = (at - start) / 1000
    if (seconds < first || seconds > last) return false
    if (filter.user === undefined && filter.callId === undefined && filter.methods === undefined) return true
    const sip = scan(Buffer.from(bytes))
    return sip !== undefined && passes(sip, filter, branches)
  })
}

function passes(sip: SipRequest | SipResponse, { user, callId, methods }: TraceFilter, branches: Set<string>): boolean {
  if (methods !== undefined && !methods.includes(sip.cseq.method)) return false
  if (callId !== undefined && !sip.callId.includes(callId)) return false
  if (user === undefined) return true
  const branch = sip.via?.branch ?? ''
  const isNamed = names(sip, user)
  if (isNamed && sip instanceof Request) branches.add(branch)
  return isNamed || (!(sip instanceof Request) && branches.has(branch))
}

function names(sip: SipRequest | SipResponse, user: string): boolean {
  const uris = [sip.from.uri, sip.to.uri, ...(sip instanceof Request ? [sip.uri] : [])]
  return uris.some((uri) => uri.user === user || uri.text === user)
}
