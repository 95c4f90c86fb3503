/** Secrets in fields of credentials: Authorization, Proxy-Authorization, Authentication-Info (RFC 3261 §25.1, RFC 7235). */
import { quotedEnd, type SecretMarks } from './mask-marks.ts'

const fields = /^((?:proxy-)?(?:authorization|authentication-info)[ \t]*:)((?:[^\n]|\n[ \t])*)/gim
/** Schemes by name; a first word that is none of them may be a secret itself. */
const scheme = /^\s*(basic|bearer|digest|dpop|hoba|kerberos|mutual|negotiate|ntlm|oauth|tls-dsk|token|vapid)(?=\s|$)/i
/** Parameters that prove nothing. */
const open = /^(?:username\*?|userhash|realm|nonce|uri|algorithm|opaque|qop|nc|nextnonce|integrity-protected)$/i
/** Parameters whose name is known, and whose value is the secret. */
const proving = /^(?:response|cnonce|rspauth|auts|response-auth)$/i
const before = /[\s,]*/y
const nameAndEquals = /([^\s,="]*)\s*=\s*/y
const bare = /[^\s,;"]*/y

export function secretsInCredentials(text: string, marks: SecretMarks): void {
  for (const { 0: field, 1: name = '', 2: value = '', index } of text.matchAll(fields)) {
    const start = index + name.length
    const [all = '', its = ''] = scheme.exec(value) ?? []
    if (/info/i.test(name)) secretParameters(field, name.length, index, marks)
    else if (/^digest$/i.test(its)) secretParameters(field, name.length + all.length, index, marks)
    else marks.text(start + all.length, index + field.length)
  }
}

/** Walks the parameters of `field` from `at` on. Text that is none, or has no end, is taken as a secret. */
function secretParameters(field: string, at: number, offset: number, marks: SecretMarks): void {
  while (at < field.length) {
    at = behind(before, field, at)
    const end = parameterEnd(field, at)
    nameAndEquals.lastIndex = at
    const [all = '', name = ''] = nameAndEquals.exec(field) ?? []
    const from = at + all.length
    if (open.test(name)) marks.text(offset + openEnd(field, from, end), offset + end)
    else if (
      proving.test(name) &&
      field[from] === '"' &&
      quotedEnd(field, from) === end &&
      field[end - 1] === '"' &&
      end > from + 1
    )
      marks.text(offset + from + 1, offset + end - 1)
    else marks.text(offset + (proving.test(name) ? from : at), offset + end)
    at = end + 1
  }
}

/** Up to the comma behind a parameter, white space before it left out. */
function parameterEnd(field: string, start: number): number {
  let end = start
  for (let i = start; i < field.length && field[i] !== ','; ) {
    const next = field[i] === '"' ? quotedEnd(field, i) : i + 1
    if (field[i]! > ' ') end = next
    i = next
  }
  return end
}

/** Behind the one value of an open parameter; where it starts, if it does not end within it. */
function openEnd(field: string, start: number, end: number): number {
  if (field[start] !== '"') return Math.min(end, behind(bare, field, start))
  const quoted = quotedEnd(field, start)
  return quoted > end || quoted < start + 2 || field[quoted - 1] !== '"' ? start : quoted
}

function behind(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  pattern.exec(text)
  return pattern.lastIndex
}
