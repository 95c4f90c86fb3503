/** Takes secrets out of copies of messages, byte for byte, so that every length stays right (SPEC §9.1). */
import { secretsInBody } from './mask-bodies.ts'
import { secretsInCredentials } from './mask-credentials.ts'
import { quotedEnd, SecretMarks } from './mask-marks.ts'

const schemes = /\b(?:sips?|pres|im|https?|wss?|ftp):/gi
const userinfoEnd = /[\s@<>"]/g
/** Keys of SDP (RFC 4568, 8866, 8839, 4567). */
const keys = /\binline:([^\s;>,"|]+)|^(?:k=|a=(?:ice-pwd|key-mgmt):)([^\r\n]+)/gim
/** A parameter or header of a URI, any character of it percent-encoded, also as a part of an encoded URI. */
const equals = '\\s*(?:=|%(?:25)*3d)\\s*'
const pushTokens = new RegExp(`(?:;|%(?:25)*3b)\\s*(?:${spelled('pn-prid')}|${spelled('pn-param')})${equals}`, 'gi')
const uriHeaders = new RegExp(
  `(?:[?&]|%(?:25)*(?:3f|26))(?:(?:${spelled('proxy-')})?${spelled('authorization')}|${spelled('authentication-info')})${equals}` +
    `|%(?:25)*22(?:${spelled('codeword')}|${spelled('proof')})%(?:25)*22`,
  'gi',
)

/** Each character as it is or percent-encoded, also more than once. */
function spelled(word: string): string {
  const of = (character: string): string => `%(?:25)*${character.charCodeAt(0).toString(16)}`
  return [...word].map((one) => `(?:${one}|${of(one)}|${of(one.toUpperCase())})`).join('')
}

/** The message with credentials, passwords, tokens, codewords and proofs starred out: itself if it has none, else a copy. */
export function masked(bytes: Uint8Array): Uint8Array {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const text = source.toString('latin1') // one character a byte
  const marks = new SecretMarks(source)
  // Fields in a body too: it may be a message, or a part of one (RFC 3420).
  secretsInCredentials(text, marks)
  passwordsIn(text, marks)
  for (const { 0: all, 1: inline, 2: line, index } of text.matchAll(keys))
    marks.text(index + all.length - (inline ?? line ?? '').length, index + all.length)
  parametersOf(text, pushTokens, /[\s;>]/g, /[\s;>,]/g, marks)
  parametersOf(text, uriHeaders, /[>&\r\n]/g, /[\s>&]/g, marks)
  secretsInBody(text, bodyStart(text), marks)
  return marks.result ?? bytes
}

/** Index behind the first empty line, but for empty lines that a message may begin with (RFC 3261 §7.5). */
function bodyStart(text: string): number {
  const start = Math.max(0, text.search(/\S/))
  const blank = text.slice(start).search(/\r?\n\r?\n/)
  return blank < 0 ? text.length : start + blank
}

/** The password of each URI that has one. */
function passwordsIn(text: string, marks: SecretMarks): void {
  const ends = new RegExp(userinfoEnd)
  let done = 0
  for (const { 0: scheme, index } of text.matchAll(schemes)) {
    if (index < done) continue // a part of the text looked at
    const from = index + scheme.length + (text.startsWith('//', index + scheme.length) ? 2 : 0)
    ends.lastIndex = from
    const end = ends.exec(text)
    done = end?.index ?? text.length
    const colon = text.indexOf(':', from)
    if (end?.[0] === '@' && colon >= 0 && colon < done) marks.text(colon + 1, done)
  }
}

/** Values behind each of `names`: quoted ones, or up to the end of one between angle brackets, or of a bare one. */
function parametersOf(text: string, names: RegExp, endBetween: RegExp, endBare: RegExp, marks: SecretMarks): void {
  let seen = 0
  let isBetween = false
  let done = 0
  for (const { 0: name, index } of text.matchAll(names)) {
    if (index < done) continue
    for (; seen < index; seen++) {
      const character = text[seen]
      if (character === '<') isBetween = true
      else if (character === '>' || character === '\n') isBetween = false
    }
    const from = index + name.length
    const ends = isBetween ? endBetween : endBare
    ends.lastIndex = text[from] === '"' ? quotedEnd(text, from) : from
    done = ends.exec(text)?.index ?? text.length
    marks.text(text[from] === '"' ? from + 1 : from, text[done - 1] === '"' ? done - 1 : done)
  }
}
