/** Answers that keep no state: refusals of what is malformed or too much. */
import { buildResponse, warning } from '../messages/build.ts'
import type { Fault, SipRequest } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import type { Flow } from '../transports/transport.ts'

/**
 * The topmost Via with `received` and a filled `rport` (RFC 3261 §18.2.1, RFC 3581 §4); undefined where it can stay as it
 * came: sent-by is where the datagram came from and rport was not asked for. A character an octet.
 */
export function stampedVia(request: SipRequest, flow: Flow): string | undefined {
  const via = request.via
  const position = request.find(H.Via)
  if (via === undefined || position < 0) return undefined
  const wantsPort = via.has('rport')
  const elsewhere = via.host !== flow.remote.host
  if (!wantsPort && !elsewhere) return undefined
  const text = request.bytes.toString('latin1', request.index[position + 2], request.topViaEnd)
  const bare = text.replace(/;\s*(?:rport|received)\s*(?:=[^;,]*)?(?=;|\s*$)/gi, '')
  return `${bare};received=${flow.remote.host}${wantsPort ? `;rport=${flow.remote.port}` : ''}`
}

/** The refusal of a request that scan found wrong; undefined where not even that is possible. */
export function refusal(request: SipRequest, flow: Flow, fault: Fault, agent: string, tag: string): Buffer | undefined {
  if (request.method === 'ACK' || request.find(H.Via) < 0) return undefined // nobody to answer
  return buildResponse(request, fault.status, {
    via: stampedVia(request, flow),
    toTag: tag,
    headers: [['Warning', warning(agent, fault.text)]],
  })
}
