/** Answers that keep no state: refusals of malformed requests, and of too many. */
import { skipQuoted } from '../messages/address.ts'
import { buildResponse, type HeaderList, warning } from '../messages/build.ts'
import type { MessageFault, SipRequest } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import type { Flow } from '../transports/transport.ts'
import { boundedAnswer } from './amplification.ts'

/**
 * The topmost Via with `received` and a filled `rport` (RFC 3261 §18.2.1, RFC 3581 §4). Undefined where it can stay: the
 * datagram came from its sent-by, and rport was not asked for. A character an octet. A peer that offers overload control
 * (RFC 7339 §4.1) is given `feedback`.
 */
export function stampedVia(request: SipRequest, flow: Flow, feedback?: () => string): string | undefined {
  const via = request.via
  const position = request.find(H.Via)
  if (via === undefined || position < 0) return undefined
  const wantsPort = via.has('rport')
  const elsewhere = via.host !== flow.remote.host
  const controlled = feedback !== undefined && via.offersControl
  if (!wantsPort && !elsewhere && !controlled) return undefined
  const text = request.bytes.toString('latin1', request.index[position + 2], request.topViaEnd)
  const bare = withoutOurs(text)
  const port = wantsPort ? `;rport=${flow.remote.port}` : ''
  return `${bare};received=${flow.remote.host}${port}${controlled ? feedback() : ''}`
}

const ours = /^\s*(?:rport|received|oc|oc-algo)\s*(?:=|$)/i

/** The Via value without our own parameters. */
function withoutOurs(text: string): string {
  const parts = text.includes('"') ? partsOutsideQuotes(text) : text.split(';')
  let bare = parts[0]!
  for (let i = 1; i < parts.length; i++) if (!ours.test(parts[i]!)) bare += `;${parts[i]}`
  return bare
}

function partsOutsideQuotes(text: string): string[] {
  const parts: string[] = []
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') {
      const end = skipQuoted(text, i)
      i = end < 0 ? text.length : end - 1
    } else if (text[i] === ';') {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  return [...parts, text.slice(start)]
}

/** The refusal of a request that gets no transaction; undefined where not even that is possible, or would be an amplification. */
export function refusal(
  request: SipRequest,
  flow: Flow,
  fault: MessageFault,
  agent: string,
  tag: string,
  more: HeaderList = [],
  feedback?: () => string,
): Buffer | undefined {
  if (request.method === 'ACK' || request.find(H.Via) < 0) return undefined // nobody to answer
  const answer = buildResponse(request, fault.status, {
    via: stampedVia(request, flow, feedback),
    toTag: tag,
    headers: [['Warning', warning(agent, fault.text)], ...more],
  })
  return flow.reliable || flow.trusted ? answer : boundedAnswer(request, answer)
}
