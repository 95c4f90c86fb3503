/** Header fields with a grammar of their own: Via, CSeq, Event, Subscription-State, and lists of tokens. */
import { type Parameters, parseParameters, skipQuoted, splitOutside } from './address.ts'
import { parseHostPort } from './uri.ts'

/** One Via value. At once only the parts are read that every message needs. */
export class Via {
  /** Upper case: UDP, TCP, WS, …, known to us or not. */
  readonly transport: string
  readonly host: string
  /** 0 if none was given. */
  readonly port: number
  /** The text behind the first `;`. */
  private readonly rest: string
  private branchValue: string | undefined | null = null
  private parsed: Parameters | undefined = undefined

  constructor(transport: string, host: string, port: number, rest: string) {
    this.transport = transport
    this.host = host
    this.port = port
    this.rest = rest
  }
  get parameters(): Parameters {
    return (this.parsed ??= parseParameters(this.rest))
  }
  get branch(): string | undefined {
    if (this.branchValue === null) this.branchValue = quickBranch(this.rest) ?? this.parameters.get('branch')
    return this.branchValue
  }
  /** Without parsing where the name does not even occur. */
  has(name: 'rport' | 'received' | 'alias'): boolean {
    return this.rest.toLowerCase().includes(name) && this.parameters.has(name)
  }
  /** Overload control, by loss among others (RFC 7339 §5.1). */
  get offersControl(): boolean {
    return /(?:^|;)\s*oc\s*(?:;|$)/i.test(this.rest) && /;\s*oc-algo\s*=\s*"?[^";]*\bloss\b/i.test(this.rest)
  }
}

/** The branch where it is written as nearly everybody does; undefined: look closer. */
function quickBranch(rest: string): string | undefined {
  const at = rest.startsWith('branch=') ? 7 : rest.indexOf(';branch=') + 8
  if (at < 7 || (at === 7 && !rest.startsWith('branch='))) return undefined
  const end = rest.indexOf(';', at)
  const value = end < 0 ? rest.slice(at) : rest.slice(at, end)
  return token.test(value) ? value : undefined
}

const token = /^[A-Za-z0-9.!%*_+`'~-]+$/
// Each of these has one way to match only, for any text: a datagram must not cost more than its bytes.
const viaPattern = /^SIP\s*\/\s*2\.0\s*\/\s*([A-Za-z0-9.!%*_+`'~-]+)\s+(\S.*)$/is
const sentBy = /^(\[[^\]\s]*\]|[^\s:[\]]+)\s*(?::\s*(\d+))?$/

/** One Via value (no commas outside quotes). */
export function parseVia(text: string): Via | undefined {
  if (/["<]/.test(text) && isOpenEnded(text)) return undefined
  return quickVia(text) ?? carefulVia(text)
}

/** Parameters that we append must not land in open quotes, or in angles, which no Via has. */
function isOpenEnded(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 60) return true
    if (code !== 34) continue
    at = skipQuoted(text, at) - 1
    if (at < 0) return true
  }
  return false
}

/** `SIP/2.0/UDP host:port;a=b;c` as nearly everybody writes it. */
function quickVia(text: string): Via | undefined {
  if (!text.startsWith('SIP/2.0/')) return undefined
  const space = text.indexOf(' ', 8)
  const semicolon = text.indexOf(';')
  const end = semicolon < 0 ? text.length : semicolon
  if (space < 9 || space > end) return undefined
  const transport = text.slice(8, space)
  const colon = text.indexOf(':', space)
  const portAt = colon < 0 || colon > end ? end : colon
  const host = text.slice(space + 1, portAt)
  const port = portAt === end ? 0 : Number(text.slice(portAt + 1, end))
  if (!plainToken.test(transport) || !dotted.test(host) || !(port >= 0 && port <= 65_535 && Number.isInteger(port)))
    return undefined
  if (portAt !== end && end - portAt < 2) return undefined
  return new Via(transport, host, port, semicolon < 0 ? '' : text.slice(semicolon + 1))
}

const plainToken = /^[A-Z]+$/
const dotted = /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/

function carefulVia(text: string): Via | undefined {
  const semicolon = text.indexOf(';')
  const match = viaPattern.exec(semicolon < 0 ? text : text.slice(0, semicolon))
  const by = match && sentBy.exec(match[2]!.trimEnd())
  if (!match || !by) return undefined
  const place = parseHostPort(by[2] === undefined ? by[1]! : `${by[1]}:${by[2]}`)
  return place && new Via(match[1]!.toUpperCase(), place.host, place.port, semicolon < 0 ? '' : text.slice(semicolon + 1))
}

export interface CSeq {
  readonly number: number
  readonly method: string
}

/** RFC 3261 §8.1.1.5: less than 2^31. */
export function parseCSeq(text: string): CSeq | undefined {
  const match = /^(\d{1,10})\s+(\S+)$/.exec(text)
  if (match === null) return undefined
  const number = Number(match[1])
  return number < 2 ** 31 ? { number, method: match[2]! } : undefined
}

export interface ValueWithParameters {
  /** Lower case. */
  readonly value: string
  readonly parameters: Parameters
}

/** `token;a=b`: Event, Subscription-State, Content-Type, members of Accept. */
export function parseToken(text: string): ValueWithParameters {
  const semicolon = text.indexOf(';')
  if (semicolon < 0) return { value: text.trim().toLowerCase(), parameters: parseParameters('') }
  return { value: text.slice(0, semicolon).trim().toLowerCase(), parameters: parseParameters(text.slice(semicolon + 1)) }
}

/** Delta-seconds up to 2^32-1, clamped there as RFC 3261 §20.19 allows; undefined where it is no number. */
export function parseSeconds(text: string): number | undefined {
  const match = /^\s*(\d+)/.exec(text)
  return match === null ? undefined : Math.min(Number(match[1]), 2 ** 32 - 1)
}

/** Comma-separated values, trimmed, empty ones left out. */
export function splitList(text: string): string[] {
  return splitOutside(text, ',').filter((part) => part !== '')
}
