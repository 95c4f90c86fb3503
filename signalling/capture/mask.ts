/** Takes secrets out of copies of messages, byte for byte, so that every length stays right (SPEC §9). */

const star = 42
const credentials = /^((?:proxy-)?(?:authorization|authentication-info)[ \t]*:)((?:[^\r\n]|\r?\n[ \t])*)/gim
const digests = /\b(?:response|cnonce|rspauth)\s*=\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s,"]+))/gi // folded lines too
/** Bearer, Basic and whatever else is one secret (RFC 8898, RFC 7617). */
const otherScheme = /^(\s*(?!Digest\b)[\w!#$%&'*+.^`|~-]+\s+)([^\s=][\s\S]*)$/i
const schemes = /\b(?:sips?|pres|im|https?|wss?|ftp):/gi
const userinfoEnd = /[\s@<>"]/g
/** Tokens of push services (SPEC §9.1), and keys of SDP. */
const tokens = /(?:;\s*pn-(?:prid|param)\s*=\s*"?|\binline:|^k=)([^\s;>,"|]+)/gim
const members = /"(?:codeword|proof)"\s*:\s*/g

/** The message with credentials, passwords, tokens, codewords and proofs starred out: itself if it has none, else a copy. */
export function masked(bytes: Uint8Array): Uint8Array {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const text = source.toString('latin1') // one character a byte
  let copy: Buffer | undefined
  const own = (): Buffer => (copy ??= Buffer.from(source))
  // In a body too: it may be a message, or a part of one (RFC 3420).
  for (const { 0: field, 1: name = '', 2: value = '', index } of text.matchAll(credentials)) {
    const secret = /authorization/i.test(name) ? otherScheme.exec(value) : null
    if (secret !== null) starText(own(), index + name.length + secret[1]!.length, index + field.length)
    else maskDigest(own(), field, index)
  }
  for (const [from, to] of passwordsIn(text)) own().fill(star, from, to)
  for (const { 0: found, 1: value = '', index } of text.matchAll(tokens))
    own().fill(star, index + found.length - value.length, index + found.length)
  let done = bodyStart(text)
  for (const { 0: member, index } of text.matchAll(members)) if (index >= done) done = maskJson(own(), index + member.length) // nothing is looked at twice
  return copy ?? bytes
}

/** Behind the first empty line, but for those that a message may begin with (RFC 3261 §7.5). */
function bodyStart(text: string): number {
  const start = Math.max(0, text.search(/\S/))
  const blank = text.slice(start).search(/\r?\n\r?\n/)
  return blank < 0 ? text.length : start + blank
}

/** From and to of the password of each URI that has one. */
function passwordsIn(text: string): readonly (readonly [from: number, to: number])[] {
  const found: (readonly [number, number])[] = []
  const ends = new RegExp(userinfoEnd)
  let done = 0
  for (const { 0: scheme, index } of text.matchAll(schemes)) {
    if (index < done) continue // a part of what was looked at
    const from = index + scheme.length + (text.startsWith('//', index + scheme.length) ? 2 : 0)
    ends.lastIndex = from
    const end = ends.exec(text)
    done = end?.index ?? text.length
    const colon = text.indexOf(':', from)
    if (end?.[0] === '@' && colon >= 0 && colon < done) found.push([colon + 1, done])
  }
  return found
}

/** Stars what proves the password in one field of digest credentials. */
function maskDigest(bytes: Buffer, field: string, start: number): void {
  for (const found of field.matchAll(digests)) {
    const value = found[1] ?? found[2]!
    const end = start + found.index + found[0].length - (found[1] === undefined ? 0 : 1)
    bytes.fill(star, end - value.length, end)
  }
}

/** Stars text from `start` to `end`, but for the white space that folds lines. */
function starText(bytes: Buffer, start: number, end: number): void {
  for (let i = start; i < end; i++) if (bytes[i]! > 32) bytes[i] = star
}

/** Stars the strings of one JSON value, nested ones too, and turns the digits of its numbers into nines. Returns its end. */
function maskJson(bytes: Buffer, start: number): number {
  let depth = 0
  let quoted = false
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (quoted) {
      if (byte === 34) quoted = false
      else {
        if (byte === 92 && i + 1 < bytes.length) bytes[i++] = star // a backslash takes its next with it
        bytes[i] = star
        continue
      }
    } else if (byte === 34) quoted = true
    else if (byte === 91 || byte === 123) depth++
    else if (byte === 93 || byte === 125) depth--
    else if (byte >= 48 && byte <= 57) bytes[i] = 57
    if (depth < 0 || (depth === 0 && !quoted && (byte === 34 || byte === 44 || byte === 93 || byte === 125))) return i
  }
  return bytes.length
}
