/** Responses that nobody has sent: to the sender of a request, silence and a broken way look like an answer. */
import { buildRequest, buildResponse, type HeaderList } from './build.ts'
import { SipRequest, SipResponse } from './message.ts'
import { scan } from './scan.ts'

const made = new WeakSet<SipResponse>()

/** Whether nobody has sent a response: the way to the peer is broken, or it is silent. */
export function isMadeUp(response: SipResponse): boolean {
  return made.has(response)
}

/** A final response to a request with these header fields, Via apart. */
export function madeUp(
  { method, to }: { readonly method: string; readonly to: string },
  headers: HeaderList,
  status: number,
): SipResponse {
  const via = ['Via', 'SIP/2.0/UDP invalid;branch=z9hG4bK-none'] as const
  const sent = scan(buildRequest(method, to, [via, ...headers]))
  const response = sent instanceof SipRequest ? scan(buildResponse(sent, status, { toTag: 'none' })) : undefined
  const shown = response instanceof SipResponse ? response : new SipResponse(status, '', Buffer.alloc(0), [], 0, 0, 0)
  made.add(shown)
  return shown
}
