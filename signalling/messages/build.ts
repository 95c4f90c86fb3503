/** New messages: requests from their parts, responses from the request they answer. */
import { quote } from './address.ts'
import { unfold } from './folding.ts'
import { type SipRequest, stride } from './message.ts'
import { H, nameOf } from './names.ts'

export type HeaderList = readonly (readonly [name: string, value: string])[]

const reasons: Record<number, string> = {
  100: 'Trying',
  180: 'Ringing',
  200: 'OK',
  202: 'Accepted',
  204: 'No Notification',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  412: 'Conditional Request Failed',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  421: 'Extension Required',
  423: 'Interval Too Brief',
  430: 'Flow Failed',
  439: 'First Hop Lacks Outbound Support',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  484: 'Address Incomplete',
  485: 'Ambiguous',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  489: 'Bad Event',
  491: 'Request Pending',
  493: 'Undecipherable',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
  513: 'Message Too Large',
  555: 'Push Notification Service Not Supported',
  600: 'Busy Everywhere',
  603: 'Decline',
  604: 'Does Not Exist Anywhere',
  606: 'Not Acceptable',
}

function reasonPhrase(status: number): string {
  return reasons[status] ?? 'Unknown'
}

/** A value that ends no line: header injection through values is impossible. */
export function inline(value: string): string {
  return /[\r\n\0]/.test(value) ? value.replace(/[\r\n\0]+/g, ' ') : value
}

export function headerLines(headers: HeaderList): string {
  let text = ''
  for (let i = 0; i < headers.length; i++) text += `${headers[i]![0]}: ${inline(headers[i]![1])}\r\n`
  return text
}

/** The text of `Warning: 399`. */
export function warning(agent: string, text: string): string {
  return `399 ${agent} ${quote(text)}`
}

/** A text as the string that has a character for each of its bytes in UTF-8. */
function octets(text: string): string {
  return /[^\0-\x7f]/.test(text) ? Buffer.from(text).toString('latin1') : text
}

function withBody(head: string, body: string | Uint8Array | undefined, encoding: 'utf8' | 'latin1' = 'utf8'): Buffer {
  if (body === undefined || body.length === 0) return Buffer.from(`${head}Content-Length: 0\r\n\r\n`, encoding)
  const content = typeof body === 'string' ? Buffer.from(body) : body
  return Buffer.concat([Buffer.from(`${head}Content-Length: ${content.length}\r\n\r\n`, encoding), content])
}

/** Start line, header fields in the order given, Content-Length and body. */
export function buildRequest(method: string, uri: string, headers: HeaderList, body?: string | Uint8Array): Buffer {
  return withBody(`${method} ${uri} SIP/2.0\r\n${headerLines(headers)}`, body)
}

export interface ResponseParts {
  readonly reason?: string
  /** Added to To where the request has none. */
  readonly toTag?: string
  /** The topmost Via as it is to be sent, with received and rport (RFC 3581 §4); a character an octet. */
  readonly via?: string
  readonly headers?: HeaderList
  readonly body?: string | Uint8Array
  /** Echo Record-Route: responses that make a dialog (RFC 3261 §12.1.1). */
  readonly recordRoute?: boolean
}

/** RFC 3261 §8.2.6. An echoed field has the very bytes of the request, UTF-8 or not. */
export function buildResponse(request: SipRequest, status: number, parts: ResponseParts): Buffer {
  const { bytes, index } = request
  let head = `SIP/2.0 ${status} ${octets(inline(parts.reason ?? reasonPhrase(status)))}\r\n`
  let viaPending = true
  for (let i = 0; i < index.length; i += stride) {
    const id = index[i]!
    if (id === H.Via) {
      const start = viaPending && parts.via !== undefined ? request.topViaEnd : index[i + 2]!
      const prefix = viaPending && parts.via !== undefined ? parts.via : ''
      viaPending = false
      head += `Via: ${prefix}${unfold(bytes.toString('latin1', start, index[i + 3]))}\r\n`
    } else if (id === H.To) {
      const to = unfold(bytes.toString('latin1', index[i + 2], index[i + 3]))
      head += parts.toTag !== undefined && !hasTag(to) ? `To: ${to};tag=${parts.toTag}\r\n` : `To: ${to}\r\n`
    } else if (
      id === H.From ||
      id === H['Call-ID'] ||
      id === H.CSeq ||
      (id === H['Record-Route'] && parts.recordRoute === true) ||
      (id === H.Timestamp && status === 100) // RFC 3261 §8.2.6.1
    ) {
      head += `${nameOf(id)}: ${unfold(bytes.toString('latin1', index[i + 2], index[i + 3]))}\r\n`
    }
  }
  if (parts.headers !== undefined) head += octets(headerLines(parts.headers))
  return withBody(head, parts.body, 'latin1')
}

const quoted = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)/g // one that does not end goes to the end: it is looked at once

function hasTag(value: string): boolean {
  const to = value.includes('"') ? value.replace(quoted, '""') : value // quoted text is neither bracket nor parameter
  const close = to.lastIndexOf('>')
  return /;\s*tag\s*=/i.test(close < 0 ? to : to.slice(close))
}
