/** Takes secrets out of copies of messages, byte for byte, so that every length stays right (SPEC §9). */

const star = 42
const credentials = /^((?:proxy-)?(?:authorization|authentication-info)[ \t]*:)((?:[^\r\n]|\r?\n[ \t])*)/gim
const digests = /\b(?:response|cnonce|rspauth)\s*=\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s,"]+))/gi // folded lines too
/** Bearer, Basic and whatever else is one secret (RFC 8898, RFC 7617). */
const otherScheme = /^(\s*(?!Digest\b)[\w!#$%&'*+.^`|~-]+\s+)([^\s=][\s\S]*)$/i
const uriPasswords = /\b(?:sips?|pres|im|https?|wss?|ftp):(?:\/\/)?[^\s:@<>"]{0,256}:([^\s@<>"]{1,256})@/gi
const members = /"(?:codeword|proof)"\s*:\s*/g
const worthALook = /authorization|authentication-info|codeword|proof|:[^\s:@<>"]{0,256}:[^\s@<>"]{1,256}@/i

/** The message with credentials, passwords, codewords and proofs starred out: itself if it has none, else a copy. */
export function masked(bytes: Uint8Array): Uint8Array {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const text = source.toString('latin1') // one character a byte
  if (!worthALook.test(text)) return bytes
  const copy = Buffer.from(source)
  const blank = /\r?\n\r?\n/.exec(text)
  const bodyStart = blank === null ? text.length : blank.index + blank[0].length
  for (const { 0: field, 1: name = '', 2: value = '', index } of text.slice(0, bodyStart).matchAll(credentials)) {
    const secret = /authorization/i.test(name) ? otherScheme.exec(value) : null
    if (secret !== null) starText(copy, index + name.length + secret[1]!.length, index + field.length)
    else maskDigest(copy, field, index)
  }
  for (const { 0: uri, 1: password = '', index } of text.matchAll(uriPasswords)) {
    const end = index + uri.length - 1
    copy.fill(star, end - password.length, end)
  }
  const body = text.slice(bodyStart)
  for (const member of body.matchAll(members)) maskJson(copy, bodyStart + member.index + member[0].length)
  return copy
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

/** Stars the strings of one JSON value, nested ones too, and turns the digits of its numbers into nines. */
function maskJson(bytes: Buffer, start: number): void {
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
    if (depth < 0 || (depth === 0 && !quoted && (byte === 34 || byte === 44 || byte === 93 || byte === 125))) return
  }
}
