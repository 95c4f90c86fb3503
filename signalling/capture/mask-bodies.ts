/** Codewords and proofs in bodies: members of JSON, elements and attributes of XML (SPEC §8.4). */
import type { SecretMarks } from './mask-marks.ts'

const words = ['codeword', 'proof']
const members = new RegExp(`(\\\\{0,16})"(?:${words.map(escaped).join('|')})\\1"\\s*:\\s*`, 'gi')
const elements = /<([\w.-]+:)?(codeword|proof)(?=[\s/>])/gi
const attributes = /[\s:](?:codeword|proof)\s*=\s*(?:"([^"]*)"?|'([^']*)'?)/gi
const markup = /<!\[CDATA\[|<!--|<\?|<(\/?)(?:[\w.-]+:)?(codeword|proof)(?=[\s/>])/gi
const sectionEnds = new Map([
  ['<![CDATA[', ']]>'],
  ['<!--', '-->'],
  ['<?', '?>'],
])

/** Each character as it is or as an escape of JSON, which a string within a string has one backslash more of. */
function escaped(word: string): string {
  return [...word].map((one) => `(?:${one}|\\\\{1,16}u00${one.charCodeAt(0).toString(16)})`).join('')
}

export function secretsInBody(text: string, start: number, marks: SecretMarks): void {
  let done = start // nothing is looked at twice
  for (const { 0: member, 1: backslashes, index } of text.matchAll(members)) {
    if (index < done) continue
    const from = index + member.length
    done = backslashes === '' ? jsonSecret(text, from, marks) : outerEnd(text, from)
    if (backslashes !== '') marks.text(from, done)
  }
  done = start
  for (const { 0: tag, 2: name = '', index } of text.matchAll(elements)) {
    if (index < done) continue
    done = elementSecret(text, index + tag.length, name.toLowerCase(), marks)
  }
  for (const { 0: all, 1: quoted, 2: single, index } of text.matchAll(attributes)) {
    if (index < start) continue
    const value = quoted ?? single ?? ''
    const from = index + all.search(/["']/) + 1
    marks.text(from, from + value.length)
  }
}

/** The quote that ends a string of JSON in which JSON is written: the first without a backslash. */
function outerEnd(text: string, from: number): number {
  const end = text.slice(from).search(/(?<!\\)"/)
  return end < 0 ? text.length : from + end
}

/** Strings of one JSON value, nested ones too, and digits of its numbers. Returns its end. */
function jsonSecret(text: string, start: number, marks: SecretMarks): number {
  let depth = 0
  let quoted = -1 // where the string under way starts
  for (let i = start; i < text.length; i++) {
    const character = text[i]!
    if (quoted >= 0) {
      if (character === '\\')
        i++ // it takes its next with it
      else if (character === '"') {
        marks.string(quoted, i)
        quoted = -1
      } else continue
    } else if (character === '"') quoted = i + 1
    else if (character === '[' || character === '{') depth++
    else if (character === ']' || character === '}') depth--
    else if (character >= '0' && character <= '9') marks.digit(i)
    if (depth < 0 || (depth === 0 && quoted < 0 && /[",\]}]/.test(character))) return i
  }
  if (quoted >= 0) marks.string(quoted, text.length)
  return text.length
}

/** Attributes and content of one XML element whose name ends at `at`. Returns its end. */
function elementSecret(text: string, at: number, name: string, marks: SecretMarks): number {
  const from = tagEnd(text, at, marks)
  if (text[from - 2] === '/') return from
  let depth = 1
  markup.lastIndex = from
  for (;;) {
    const next = markup.exec(text)
    if (next === null) break
    const [all, slash, its = ''] = next
    const close = sectionEnds.get(all.toUpperCase())
    if (close !== undefined) {
      const end = text.indexOf(close, markup.lastIndex)
      if (end < 0) break
      markup.lastIndex = end + close.length
    } else if (its.toLowerCase() === name) {
      const end = slash === '/' ? markup.lastIndex : tagEnd(text, markup.lastIndex, marks)
      if (slash === '/') depth--
      else if (text[end - 2] !== '/') depth++
      if (depth === 0) {
        marks.text(from, next.index)
        return end
      }
      markup.lastIndex = end
    }
  }
  marks.text(from, text.length)
  return text.length
}

/** Behind the end of a tag, whose attributes are secret too. */
function tagEnd(text: string, at: number, marks: SecretMarks): number {
  for (let i = at; i < text.length; i++) {
    const character = text[i]!
    if (character === '>') return i + 1
    if (character !== '"' && character !== "'") continue
    const end = text.indexOf(character, i + 1)
    marks.text(i + 1, end < 0 ? text.length : end)
    if (end < 0) return text.length
    i = end
  }
  return text.length
}
