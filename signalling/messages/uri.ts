/** SIP, SIPS and tel URIs: parsed once, kept as sent, compared by RFC 3261 §19.1.4 and RFC 3966 §4. */
import { plainIpv6, unwrapped } from './ipv6.ts'

export interface Uri {
  /** Lower case: `sip`, `sips`, `tel`, or another scheme, whose remainder is then in `user`. */
  readonly scheme: string
  /** As sent, escapes and all; `''` if there is none. */
  readonly user: string
  readonly password: string | undefined
  /** Lower case, IPv6 in RFC 5952 form and without brackets. */
  readonly host: string
  /** 0 if there is none. */
  readonly port: number
  /** Names in lower case; a flag has the value `''`. */
  readonly parameters: ReadonlyMap<string, string>
  /** The part after `?`, as sent; `''` if there is none. */
  readonly headers: string
  readonly text: string
}

const none: ReadonlyMap<string, string> = new Map()
const schemePattern = /^[A-Za-z][A-Za-z0-9+.-]*$/
const hostPattern = /^[A-Za-z0-9_](?:[A-Za-z0-9_]|-(?=[A-Za-z0-9_-])|\.(?=[A-Za-z0-9_]|$))*$/ // one way to match: no backtracking
const userPattern = /^[A-Za-z0-9\-_.!~*'()&=+$,;?/%#\u0080-\uffff]*$/ // lenient: `#` and UTF-8 as softphones send them
const badEscape = /%(?![0-9A-Fa-f]{2})/
const separators = /[().-]/g // RFC 3966 §3: seen, and not compared
const telPattern = /^\+?[().-]*[0-9A-Fa-f*#][0-9A-Fa-f*#().-]*$/ // some digit among visual separators (RFC 3966 §3)

/** Undefined where the text is no URI. */
export function parseUri(text: string): Uri | undefined {
  const colon = text.indexOf(':')
  if (colon < 1 || text.length > 4096) return undefined
  const scheme = text.slice(0, colon).toLowerCase()
  if (scheme === 'sip' || scheme === 'sips') return parseSip(scheme, text, colon + 1)
  if (scheme === 'tel') return parseTel(text, colon + 1)
  if (!schemePattern.test(scheme) || /[\s<>"]/.test(text)) return undefined
  return { scheme, user: text.slice(colon + 1), password: undefined, host: '', port: 0, parameters: none, headers: '', text }
}

function parseSip(scheme: string, text: string, start: number): Uri | undefined {
  let user = ''
  let password: string | undefined
  const at = text.lastIndexOf('@')
  let rest = start
  // An `@` after the `?` belongs to the headers part.
  const question = text.indexOf('?', at < 0 ? start : at)
  if (at >= start) {
    const info = text.slice(start, at)
    const colon = info.indexOf(':')
    user = colon < 0 ? info : info.slice(0, colon)
    if (colon >= 0) password = info.slice(colon + 1)
    if (user === '' || !userPattern.test(user) || badEscape.test(info)) return undefined
    if (password !== undefined && /[\s<>"]/.test(password)) return undefined // it may stand between angle brackets
    rest = at + 1
  }
  const headers = question < 0 ? '' : text.slice(question + 1)
  const body = question < 0 ? text.slice(rest) : text.slice(rest, question)
  const semicolon = body.indexOf(';')
  const place = parseHostPort(semicolon < 0 ? body : body.slice(0, semicolon))
  if (place === undefined || /[\s<>"]/.test(headers)) return undefined
  const parameters = semicolon < 0 ? none : parseUriParameters(body.slice(semicolon + 1))
  if (parameters === undefined) return undefined
  return { scheme, user, password, host: place.host, port: place.port, parameters, headers, text }
}

function parseTel(text: string, start: number): Uri | undefined {
  const semicolon = text.indexOf(';', start)
  const user = semicolon < 0 ? text.slice(start) : text.slice(start, semicolon)
  const parameters = semicolon < 0 ? none : parseUriParameters(text.slice(semicolon + 1))
  if (!telPattern.test(user) || parameters === undefined) return undefined
  return { scheme: 'tel', user, password: undefined, host: '', port: 0, parameters, headers: '', text }
}

/** `host`, `host:port`, `[v6]`, `[v6]:port`; port 0 where none is given. */
export function parseHostPort(text: string): { host: string; port: number } | undefined {
  let host = text
  let port = ''
  if (text.charCodeAt(0) === 91) {
    const close = text.indexOf(']')
    if (close < 0) return undefined
    const address = plainIpv6(text.slice(1, close))
    if (address === undefined) return undefined
    host = address
    const tail = text.slice(close + 1)
    if (tail !== '' && tail[0] !== ':') return undefined
    port = tail.slice(1)
    if (tail === ':') return undefined
  } else {
    const colon = text.indexOf(':')
    if (colon >= 0) {
      host = text.slice(0, colon)
      port = text.slice(colon + 1)
      if (port === '') return undefined
    }
    if (!hostPattern.test(host)) return undefined
  }
  if (port !== '' && !/^[0-9]{1,5}$/.test(port)) return undefined
  const number = port === '' ? 0 : Number(port)
  return number > 65535 ? undefined : { host: host.toLowerCase(), port: number }
}

function parseUriParameters(text: string): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>()
  for (const part of text.split(';')) {
    if (part === '' || /[\s<>",?]/.test(part)) return undefined
    const equals = part.indexOf('=')
    const name = (equals < 0 ? part : part.slice(0, equals)).toLowerCase()
    parameters.set(name, equals < 0 ? '' : part.slice(equals + 1))
  }
  return parameters
}

const equalDecoded = /[A-Za-z0-9\-_.!~*'()#\u0080-\uffff]/ // all others are reserved, or can stand in no URI as they are

/** The user part for comparing: escapes that mean the same as their character are decoded, the others in upper case (RFC 3261 §19.1.4). */
export function decodeUser(user: string): string {
  return user.includes('%') ? user.replace(/(?:%[0-9A-Fa-f]{2})+/g, decodeRun) : user
}

function decodeRun(escapes: string): string {
  let text: string
  try {
    text = decodeURIComponent(escapes)
  } catch {
    return escapes.toUpperCase() // not UTF-8: compared as sent
  }
  let decoded = ''
  for (const character of text) decoded += equalDecoded.test(character) ? character : encodeURIComponent(character)
  return decoded
}

/** `host` with brackets where IPv6 needs them, and `:port` if there is one. */
export function printHostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === 0 ? name : `${name}:${port}`
}

/**
 * The key under which a device or user is known: scheme, decoded user and host, or a telephone number. All forms of one
 * device have one key (SPEC §2.1); an IPv4 address wrapped in IPv6 is that address. It is a URI again. Ports, and parameters
 * but a number's own, do not count.
 */
export function canonical(uri: Uri): string {
  if (uri.scheme === 'tel') return canonicalNumber(uri)
  if (uri.scheme !== 'sip' && uri.scheme !== 'sips') return uri.text
  let { host } = uri
  if (host.includes(':')) {
    host = unwrapped(host)
    if (host.includes(':')) host = `[${host}]`
  }
  return uri.user === '' ? `sip:${host}` : `sip:${decodeUser(uri.user)}@${host}`
}

/** RFC 3966 §4: extension and subaddress are part of a number; so is the context of one that is not global. */
function canonicalNumber({ user, parameters }: Uri): string {
  const digits = user.replace(separators, '').toLowerCase()
  if (parameters.size === 0) return `tel:${digits}`
  let text = `tel:${digits}`
  const extension = parameters.get('ext')
  if (extension !== undefined) text += `;ext=${extension.replace(separators, '').toLowerCase()}`
  const subaddress = parameters.get('isub')
  if (subaddress !== undefined) text += `;isub=${subaddress}`
  const context = digits.startsWith('+') ? undefined : parameters.get('phone-context')
  if (context === undefined) return text
  return `${text};phone-context=${context.startsWith('+') ? context.replace(separators, '') : context.toLowerCase()}`
}

const mustMatch = ['user', 'ttl', 'method', 'maddr', 'transport']

/** RFC 3261 §19.1.4; of telephone numbers RFC 3966 §4. */
export function sameUri(a: Uri, b: Uri): boolean {
  if (a.scheme !== b.scheme) return false
  if (a.scheme === 'tel') return canonical(a) === canonical(b) && sameParameters(a, b, undefined)
  if (a.scheme !== 'sip' && a.scheme !== 'sips') return a.text === b.text
  if (a.host !== b.host || a.port !== b.port || decodeUser(a.user) !== decodeUser(b.user)) return false
  if (decodeUser(a.password ?? '') !== decodeUser(b.password ?? '') || (a.password === undefined) !== (b.password === undefined))
    return false
  return sameParameters(a, b, mustMatch) && sameHeaders(a.headers, b.headers)
}

/**
 * `must`: names that one URI may not have without the other; undefined: all. Names that both have need equal values in any
 * case.
 */
function sameParameters(a: Uri, b: Uri, must: readonly string[] | undefined): boolean {
  for (const [name, value] of a.parameters) {
    const other = b.parameters.get(name)
    if (other === undefined) {
      if (must === undefined || must.includes(name)) return false
    } else if (decodeUser(other).toLowerCase() !== decodeUser(value).toLowerCase()) return false
  }
  for (const name of b.parameters.keys()) {
    if (!a.parameters.has(name) && (must === undefined || must.includes(name))) return false
  }
  return true
}

/** Header parts count all, in any order. */
function sameHeaders(a: string, b: string): boolean {
  if (a === b) return true
  const sorted = (headers: string): string => headers.split('&').map(comparableHeader).sort().join('&')
  return sorted(a) === sorted(b)
}

function comparableHeader(header: string): string {
  const equals = header.indexOf('=')
  return equals < 0 ? header.toLowerCase() : header.slice(0, equals).toLowerCase() + decodeUser(header.slice(equals))
}
