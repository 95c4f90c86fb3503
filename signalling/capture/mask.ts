/** Takes secrets out of copies of messages, byte for byte, so that every length stays right (SPEC §9). */

const star = 42
const credentials = /^(?:proxy-)?(?:authorization|authentication-info)[ \t]*:(?:[^\r\n]|\r?\n[ \t])*/gim
const digests = /\b(?:response|cnonce|rspauth)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s,"]+))/gi
const members = /"(?:codeword|proof)"\s*:\s*/g

/** The message with digest responses, codewords and proofs starred out: itself if it has none, else a copy. */
export function masked(bytes: Uint8Array): Uint8Array {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const text = source.toString('latin1') // one character a byte
  if (!/authorization|authentication-info|codeword|proof/i.test(text)) return bytes
  const copy = Buffer.from(source)
  const blank = /\r?\n\r?\n/.exec(text)
  const bodyStart = blank === null ? text.length : blank.index + blank[0].length
  for (const field of text.slice(0, bodyStart).matchAll(credentials)) {
    for (const found of field[0].matchAll(digests)) {
      const value = found[1] ?? found[2]!
      const end = field.index + found.index + found[0].length - (found[1] === undefined ? 0 : 1)
      copy.fill(star, end - value.length, end)
    }
  }
  const body = text.slice(bodyStart)
  for (const member of body.matchAll(members)) maskJson(copy, bodyStart + member.index + member[0].length)
  return copy
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
