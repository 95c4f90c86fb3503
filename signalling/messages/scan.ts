/** One pass over the bytes finds the start line and the header fields. The result carries its own verdict; nothing throws. */
import { splitOutside } from './address.ts'
import { parseCSeq, parseVia } from './fields.ts'
import { type MessageFault, SipRequest, SipResponse, stride } from './message.ts'
import { H, nameAt, nameOf, single } from './names.ts'

export interface MessageLimits {
  /** Bytes of a message, header and body. */
  readonly size: number
  readonly headers: number
}
export const defaultLimits: MessageLimits = { size: 65_535, headers: 256 }

const CR = 13
const LF = 10
const SP = 32
const TAB = 9
const COLON = 58

/** Options of one scan. */
interface ScanOptions {
  readonly limits?: MessageLimits
  /** A stream's framing has cut the message already, so Content-Length is its length. */
  readonly framed?: boolean
}

/**
 * A request, a response, or undefined for neither (keep-alives, noise). Malformed ones carry a `fault`; a request then still
 * has as much of its header as a refusal needs.
 */
export function scan(bytes: Buffer, options: ScanOptions = {}): SipRequest | SipResponse | undefined {
  const limits = options.limits ?? defaultLimits
  const length = bytes.length
  let start = 0
  while (start < length && (bytes[start] === CR || bytes[start] === LF)) start++ // RFC 3261 §7.5
  if (length - start < 12) return undefined
  let lineEnd = bytes.indexOf(LF, start)
  if (lineEnd < 0) lineEnd = length
  const firstLine = bytes.toString('latin1', start, bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd)
  const isResponse = /^sip\//i.test(firstLine)
  if (!isResponse && !/\sSIP\/\d/i.test(firstLine)) return undefined

  const index: number[] = []
  let fault: MessageFault | undefined
  let contentLength = -1
  let seen = 0 // bits of the single-valued fields met, by id (ids of these are below 32 or tested apart)
  let at = lineEnd + 1
  let headEnd = length
  let bodyStart = length
  // It would continue any line that a hop puts before it: a Via of ours, say
  if (bytes[at] === SP || bytes[at] === TAB) fault = { status: 400, text: 'the first header line starts with white space' }
  while (at < length) {
    const byte = bytes[at]!
    if (byte === LF || (byte === CR && bytes[at + 1] === LF)) {
      headEnd = at
      bodyStart = byte === LF ? at + 1 : at + 2
      break
    }
    // name
    let colon = at
    while (colon < length && bytes[colon] !== COLON && bytes[colon] !== LF) colon++
    let nameEnd = colon
    while (nameEnd > at && (bytes[nameEnd - 1] === SP || bytes[nameEnd - 1] === TAB)) nameEnd--
    if (colon >= length || bytes[colon] === LF || nameEnd === at) {
      fault ??= { status: 400, text: 'a header line without a name' }
      while (colon < length && bytes[colon] !== LF) colon++
      at = colon + 1
      continue
    }
    // value, with its folded lines
    let end = colon + 1
    for (;;) {
      let returns = 0
      for (; end < length; end++) {
        const each = bytes[end]
        if (each === LF) break
        if (each === CR) returns++
      }
      // To some readers a single CR ends a line: the text behind it would be a header field that nobody here has looked at
      if (returns > 1 || (returns === 1 && bytes[end - 1] !== CR))
        fault ??= { status: 400, text: 'a CR without LF in a header field' }
      const next = bytes[end + 1]
      if (end >= length || (next !== SP && next !== TAB)) break
      end++
    }
    let valueStart = colon + 1
    while (valueStart < end && isBlank(bytes[valueStart]!)) valueStart++
    let valueEnd = end
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1]!)) valueEnd--
    const id = nameAt(bytes, at, nameEnd)
    if (single.has(id)) {
      const bit = id < 32 ? 1 << (id - 1) : 0
      if (bit !== 0 ? (seen & bit) !== 0 : has(index, id)) fault ??= { status: 400, text: `${nameOf(id)} appears twice` }
      seen |= bit
      if (id === H['Content-Length']) contentLength = digits(bytes, valueStart, valueEnd)
      if (contentLength === -2) fault ??= { status: 400, text: 'Content-Length is not a number; expected bytes of the body' }
    }
    if (index.length >= limits.headers * stride) {
      fault ??= { status: 513, text: `more than ${limits.headers} header fields; expected fewer` }
      break
    }
    index.push(id, at, valueStart, valueEnd)
    at = end + 1
  }
  if (at > length) fault ??= { status: 400, text: 'the last header line is cut off' }
  let bodyEnd = length
  if (contentLength > length - bodyStart) {
    fault ??= { status: 400, text: `Content-Length ${contentLength} is more than the ${length - bodyStart} bytes that came` }
  } else if (contentLength >= 0) bodyEnd = bodyStart + contentLength // octets beyond are padding (RFC 3261 §18.3)
  if (length > limits.size) fault ??= { status: 513, text: `more than ${limits.size} bytes; expected a shorter message` }

  const message = isResponse
    ? response(firstLine, bytes, index, headEnd, bodyStart, bodyEnd)
    : request(firstLine, bytes, index, headEnd, bodyStart, bodyEnd)
  if (message !== undefined) message.fault ??= fault ?? check(message)
  return message
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === TAB || byte === CR || byte === LF
}

function has(index: readonly number[], id: number): boolean {
  for (let i = 0; i < index.length; i += stride) if (index[i] === id) return true
  return false
}

/** -2 where it is no number; at most 2^31. */
function digits(bytes: Buffer, start: number, end: number): number {
  let value = 0
  if (start === end) return -2
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 48
    if (digit < 0 || digit > 9) return -2
    value = Math.min(value * 10 + digit, 2 ** 31)
  }
  return value
}

const startLine = /^([A-Za-z0-9.!%*_+`'~-]{1,64}) (\S+) [Ss][Ii][Pp]\/(\d+)\.(\d+)$/
const looseStart = /^(\S{1,64})\s+(?=\S)/
const looseEnd = /\sSIP\/(\d+)\.(\d+)$/i

/** Method, URI and version of a line with white space where none or less should be. */
function looseLine(line: string): readonly [string, string, string, string, string] | undefined {
  const text = line.trimEnd()
  const end = looseEnd.exec(text)
  const start = looseStart.exec(text)
  if (end === null || start === null || start[0].length > end.index) return undefined
  return [text, start[1]!, text.slice(start[0].length, end.index).trimEnd(), end[1]!, end[2]!]
}

function request(line: string, bytes: Buffer, index: number[], headEnd: number, bodyStart: number, bodyEnd: number) {
  const exact = startLine.exec(line)
  const match = exact ?? looseLine(line)
  if (match === undefined) return undefined
  const uriText = exact === null ? match[2]! : Buffer.from(match[2]!, 'latin1').toString('utf8')
  const message = new SipRequest(match[1]!, uriText, bytes, index, headEnd, bodyStart, bodyEnd)
  if (match[3] !== '2' || match[4] !== '0') message.fault = { status: 505, text: 'another version of SIP; expected SIP/2.0' }
  // RFC 4475 §3.1.2.9, .10: white space other than the two single spaces is refused, trailing white space included
  else if (exact === null) message.fault = { status: 400, text: 'start line is not "Method URI SIP/2.0" with single spaces' }
  return message
}

function response(line: string, bytes: Buffer, index: number[], headEnd: number, bodyStart: number, bodyEnd: number) {
  const match = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/is.exec(line)
  if (match === null) return undefined // RFC 4475 §3.1.2.19: nothing to answer
  const reason = Buffer.from(match[2] ?? '', 'latin1').toString('utf8')
  return new SipResponse(Number(match[1]), reason, bytes, index, headEnd, bodyStart, bodyEnd)
}

const mandatory = [H.Via, H.From, H.To, H['Call-ID'], H.CSeq]
const addressFields = [H.From, H.To]

/** Checks the demands of RFC 3261 §8.1.1 on every message, decoding no more than that takes. */
function check(message: SipRequest | SipResponse): MessageFault | undefined {
  for (let i = 0; i < mandatory.length; i++) {
    const position = message.find(mandatory[i]!)
    if (position < 0) return { status: 400, text: `${nameOf(mandatory[i]!)} is missing` }
    if (message.index[position + 2] === message.index[position + 3]) {
      return { status: 400, text: `${nameOf(mandatory[i]!)} is empty` }
    }
  }
  for (let i = 0; i < addressFields.length; i++) {
    const id = addressFields[i]!
    if (!looksLikeAddress(message, message.find(id)))
      return { status: 400, text: `${nameOf(id)} is no address; expected <sip:user@host>` }
  }
  const cseq = parseCSeq(message.text(H.CSeq)!)
  if (cseq === undefined) return { status: 400, text: 'CSeq is not a number below 2^31 and a method' }
  if (message.via === undefined)
    return { status: 400, text: 'Via is malformed; expected SIP/2.0/UDP host:port;branch=z9hG4bK...' }
  if (message instanceof SipResponse) return undefined // the Vias below ours are for the hops that put them there
  if (!restOfVia(message)) return { status: 400, text: 'Via is malformed; expected SIP/2.0/UDP host:port;branch=z9hG4bK...' }
  if (cseq.method !== message.method) return { status: 400, text: `CSeq says ${cseq.method}, the start line ${message.method}` }
  return checkRequest(message)
}

function checkRequest(request: SipRequest): MessageFault | undefined {
  if (!request.uriIsSound) return { status: 400, text: 'Request-URI is malformed; expected one such as sip:alice@localhost' }
  // RFC 4475 §3.1.2.11: header fields hidden in a Request-URI are refused, never acted on
  if (request.uri.headers !== '') return { status: 400, text: 'Request-URI has header fields; expected it without ?' }
  const forwards = request.find(H['Max-Forwards'])
  if (forwards >= 0) {
    const hops = digits(request.bytes, request.index[forwards + 2]!, request.index[forwards + 3]!)
    if (hops < 0 || hops > 255) return { status: 400, text: 'Max-Forwards is not a number from 0 to 255' }
  }
  const expires = request.find(H.Expires)
  if (expires >= 0 && digits(request.bytes, request.index[expires + 2]!, request.index[expires + 3]!) === -2) {
    return { status: 400, text: 'Expires is not a number; expected seconds' }
  }
  return undefined
}

/** Whether the other values on the topmost Via's line are Vias: the next hop will see them as its own. */
function restOfVia(message: SipRequest | SipResponse): boolean {
  const position = message.find(H.Via)
  if (message.topViaEnd === message.index[position + 3]) return true
  return splitOutside(message.at(position), ',').every((value) => parseVia(value) !== undefined)
}

/** Quotes are closed, every `<` before the parameters has its `>`, and there is a scheme. Decodes nothing. */
function looksLikeAddress(message: SipRequest | SipResponse, position: number): boolean {
  const { bytes, index } = message
  const end = index[position + 3]!
  let quoted = false
  let angle = false
  let scheme = false
  for (let i = index[position + 2]!; i < end; i++) {
    const byte = bytes[i]
    if (quoted) {
      if (byte === 92) i++
      else if (byte === 34) quoted = false
    } else if (byte === 34) quoted = !angle
    else if (byte === 60) angle = true
    else if (byte === 62) angle = false
    else if (byte === COLON) scheme = true
  }
  return scheme && !quoted && !angle
}

/** The sent-by and branch that name a server transaction (RFC 3261 §17.2.3); '' for RFC 2543 branches. */
export function transactionKey(request: SipRequest): string {
  const via = request.via!
  const branch = via.branch ?? ''
  if (branch.length > 7 && /^z9hG4bK/i.test(branch)) {
    return `${branch}|${via.host}:${via.port}|${request.method === 'ACK' ? 'INVITE' : request.method}`
  }
  // RFC 3261 §17.2.3, for RFC 2543 peers and branches that are the cookie alone
  return `${request.uriText}|${request.fromTag}|${request.callId}|${request.cseq.number}|${request.text(H.Via)}|${
    request.method === 'ACK' ? 'INVITE' : request.method
  }`
}
