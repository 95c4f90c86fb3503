/** Bodies and requests as an element is handed them. */
import type { Body, SipRequest } from '../../signalling/index.ts'
import { scan } from '../../signalling/tools.ts'

export interface Asking {
  /** P-Asserted-Identity as the proxy would give it. */
  readonly asserted?: string
  readonly event?: string
  readonly accept?: string
  readonly expires?: number
  readonly body?: Body
  /** Further header fields. */
  readonly lines?: readonly string[]
}

/** JSON bodies by their short name. */
export function json(name: string, value: object): Body {
  return { type: `application/vnd.proxima.${name}+json`, content: JSON.stringify(value) }
}

export interface RequestNames {
  readonly via: string
  readonly branch: string
  readonly callId: string
  readonly cseq: number
  readonly toTag?: string
}

const usualNames: RequestNames = { via: '127.0.0.1:9', branch: 'z9hG4bKplayed', callId: 'played', cseq: 1 }

/** The bytes of a sound request. */
export function requestBytes(method: string, to: string, asking: Asking = {}, names: RequestNames = usualNames): Buffer {
  const content = Buffer.from(asking.body?.content ?? '')
  const head = [
    `${method} ${to} SIP/2.0`,
    `Via: SIP/2.0/UDP ${names.via};branch=${names.branch}`,
    'From: <sip:played@localhost>;tag=1',
    `To: <${to}>${names.toTag === undefined ? '' : `;tag=${names.toTag}`}`,
    `Call-ID: ${names.callId}`,
    `CSeq: ${names.cseq} ${method}`,
    `Contact: <sip:played@${names.via}>`,
    'Max-Forwards: 70',
    ...(asking.asserted === undefined ? [] : [`P-Asserted-Identity: <${asking.asserted}>`]),
    ...(asking.event === undefined ? [] : [`Event: ${asking.event}`]),
    ...(asking.accept === undefined ? [] : [`Accept: ${asking.accept}`]),
    ...(asking.expires === undefined ? [] : [`Expires: ${asking.expires}`]),
    ...(asking.body === undefined ? [] : [`Content-Type: ${asking.body.type}`]),
    ...(asking.lines ?? []),
    `Content-Length: ${content.length}`,
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), content])
}

/** A sound request, as the engine would hand it over. */
export function requestOf(method: string, to: string, asking: Asking = {}): SipRequest {
  const message = scan(requestBytes(method, to, asking))
  if (message?.kind !== 'request' || message.fault !== undefined) throw new Error(`no sound request: ${message?.fault?.text}`)
  return message
}
