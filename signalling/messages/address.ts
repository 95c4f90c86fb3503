/** name-addr and addr-spec (RFC 3261 §20.10, §25.1), and `;`-parameters as most header fields have them. */
import { parseUri, type Uri } from './uri.ts'

export type Parameters = ReadonlyMap<string, string>

export interface Address {
  /** Without quotes and backslashes; `''` if there is none. */
  readonly display: string
  readonly uri: Uri
  readonly parameters: Parameters
}

const none: Parameters = new Map()

/** Index after the quoted string that starts at `start`, or -1 if it does not end. */
export function skipQuoted(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 92) i++
    else if (code === 34) return i + 1
  }
  return -1
}

/** Index of a character's first occurrence outside quoted strings; -1: none. */
function indexOutside(text: string, character: string): number {
  let at = text.indexOf(character)
  const quote = text.indexOf('"')
  if (quote < 0 || quote > at) return at // no `<` at all, or before any quote
  for (at = quote; at >= 0 && at < text.length; at++) {
    if (text[at] === character) return at
    if (text[at] === '"') at = skipQuoted(text, at) - 1
    if (at < 0) return -1
  }
  return -1
}

/** Splits at a separator that stands neither in quotes nor in `<>`. */
export function splitOutside(text: string, separator: string): string[] {
  const code = separator.charCodeAt(0)
  const parts: string[] = []
  let start = 0
  let angle = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 34 && !angle) {
      const end = skipQuoted(text, i)
      if (end < 0) break
      i = end - 1
    } else if (c === 60) angle = true
    else if (c === 62) angle = false
    else if (c === code && !angle) {
      parts.push(text.slice(start, i).trim())
      start = i + 1
    }
  }
  parts.push(text.slice(start).trim())
  return parts
}

function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== 34 || text.charCodeAt(text.length - 1) !== 34) return text
  return text.slice(1, -1).replace(/\\(.)/g, '$1')
}

/** A quoted string that can stand in a header field, for any `text`. */
export function quote(text: string): string {
  return `"${text.replace(/[\r\n\0]+/g, ' ').replace(/["\\]/g, '\\$&')}"`
}

/** `;a=1;b;c="x"` -> map, names in lower case, values unquoted. */
export function parseParameters(text: string): Parameters {
  if (text === '') return none
  const parameters = new Map<string, string>()
  for (const part of text.includes('"') || text.includes('<') ? splitOutside(text, ';') : text.split(';')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase()
    if (name !== '') parameters.set(name, equals < 0 ? '' : unquote(part.slice(equals + 1).trim()))
  }
  return parameters
}

/** One name-addr or addr-spec with its parameters; undefined where it is none. */
export function parseAddress(text: string): Address | undefined {
  const trimmed = text.trim()
  let display = ''
  let open = indexOutside(trimmed, '<')
  if (trimmed.charCodeAt(0) === 34) {
    const end = skipQuoted(trimmed, 0)
    if (end < 0) return undefined
    display = unquote(trimmed.slice(0, end))
    open = trimmed.indexOf('<', end)
    if (open < 0 || trimmed.slice(end, open).trim() !== '') return undefined
  } else if (open > 0) display = trimmed.slice(0, open).trim()
  if (open < 0) {
    // addr-spec: everything from the first `;` on are header parameters, and a `?` is not allowed (RFC 3261 §20)
    const semicolon = trimmed.indexOf(';')
    const spec = semicolon < 0 ? trimmed : trimmed.slice(0, semicolon)
    const uri = spec.includes('?') || spec.includes(',') ? undefined : parseUri(spec.trimEnd())
    return uri && { display, uri, parameters: semicolon < 0 ? none : parseParameters(trimmed.slice(semicolon + 1)) }
  }
  const close = trimmed.indexOf('>', open)
  if (close < 0) return undefined
  const uri = parseUri(trimmed.slice(open + 1, close).trim())
  const tail = trimmed.slice(close + 1).trim()
  if (uri === undefined || (tail !== '' && tail.charCodeAt(0) !== 59)) return undefined
  return { display, uri, parameters: tail === '' ? none : parseParameters(tail.slice(1)) }
}

/** A comma-separated list; undefined if any member is no address. */
export function parseAddressList(text: string): readonly Address[] | undefined {
  const list: Address[] = []
  for (const part of text.includes(',') ? splitOutside(text, ',') : [text]) {
    const address = parseAddress(part)
    if (address === undefined) return undefined
    list.push(address)
  }
  return list
}
