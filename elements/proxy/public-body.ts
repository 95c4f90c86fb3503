/** Bodies that cross to another operator (SPEC §2.6): session descriptions in them, alone or as parts (RFC 5621). */
import { H, type SipRequest, type SipResponse } from '../../signalling/index.ts'
import { publicDescription } from './public-description.ts'

const boundaryOf = /;\s*boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))/i
const deepest = 4 // multiparts in each other
const plainCodings = ['', 'identity', '7bit', '8bit', 'binary']

/** Kind of a body or part; Content-Encoding and Content-Transfer-Encoding are its codings. */
interface BodyKind {
  readonly type: string
  readonly codings: readonly string[]
}

/** A description is coded, or a multipart has no form: nobody knows what it shows. */
class Unreadable extends Error {}

/** The body as a peer sees it; undefined: it may see it as it is. `unreadable`: it may have none of it. */
export function publicBody(message: SipRequest | SipResponse): Buffer | 'unreadable' | undefined {
  const type = message.text(H['Content-Type'])
  if (type === undefined) return undefined
  const text = message.body.toString('latin1')
  try {
    const shown = shownBody(text, { type, codings: message.list(H['Content-Encoding']) }, 0)
    return shown === text ? undefined : Buffer.from(shown, 'latin1')
  } catch (fault) {
    if (fault instanceof Unreadable) return 'unreadable'
    throw fault
  }
}

function shownBody(text: string, { codings, type }: BodyKind, depth: number): string {
  const name = type.split(';', 1)[0]!.trim().toLowerCase()
  const isMultipart = name.startsWith('multipart/')
  if (text === '' || !(isMultipart || name === 'application/sdp')) return text
  if (!codings.every((coding) => plainCodings.includes(coding.trim().toLowerCase()))) throw new Unreadable()
  return isMultipart ? shownParts(text, type, depth + 1) : publicDescription(text)
}

function shownParts(text: string, type: string, depth: number): string {
  const [, quoted, plain] = boundaryOf.exec(type) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined || depth > deepest) throw new Unreadable()
  const delimiter = new RegExp(`((?:^|\\r?\\n)--${boundary.replace(/\W/g, '\\$&')}(?:--)?[ \\t]*(?:\\r?\\n|$))`)
  // what splits them stands between the parts
  return text
    .split(delimiter)
    .map((part, i) => (i % 2 === 1 ? part : shownPart(part, depth)))
    .join('')
}

function shownPart(part: string, depth: number): string {
  const end = /(?:^|\n)\r?\n/.exec(part)
  if (end === null) return part
  const start = end.index + end[0].length
  const head = part.slice(0, start)
  const field = (name: string): string =>
    new RegExp(`^${name}[ \\t]*:(.*(?:\\r?\\n[ \\t].*)*)`, 'im').exec(head)?.[1]?.trim() ?? ''
  const codings = [field('Content-Encoding'), field('Content-Transfer-Encoding')]
  return head + shownBody(part.slice(start), { type: field('Content-Type'), codings }, depth)
}
