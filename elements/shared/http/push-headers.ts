/** Headers of a Push by HTTP (SPEC §5.9), those of ntfy and of RFC 8030, as the MESSAGE has them. */
import { HttpProblem } from './page.ts'
import type { HttpRequest } from './route.ts'

type HeaderField = readonly [name: string, value: string]

interface PushHeaders {
  /** For people. */
  readonly title: string | undefined
  readonly tags: readonly string[]
  readonly headers: readonly HeaderField[]
}

const longest = 256 // characters of a title or of all tags
const urgencies: { readonly [urgency: string]: string } = {
  'very-low': 'non-urgent',
  low: 'non-urgent',
  normal: 'normal',
  high: 'urgent',
}
const priorities: { readonly [priority: string]: string } = {
  ...{ 1: 'non-urgent', 2: 'non-urgent', 3: 'normal', 4: 'urgent', 5: 'urgent' },
  ...{ min: 'non-urgent', low: 'non-urgent', default: 'normal', high: 'urgent', max: 'urgent', urgent: 'urgent' },
}

/** Throws a 400 problem that names the header. */
export function pushHeaders(request: Pick<HttpRequest, 'headers'>): PushHeaders {
  const title = textOf(request, 'title')
  const ttl = checked(headerOf(request, 'ttl'), 'TTL', /^\d{1,10}$/, 'seconds')
  const topic = checked(headerOf(request, 'topic'), 'Topic', /^[\w-]{1,32}$/, '1 to 32 characters of base64url')
  const urgency = mapped(headerOf(request, 'urgency'), 'Urgency', urgencies)
  const priority = urgency ?? mapped(headerOf(request, 'priority'), 'Priority', priorities)
  const headers: readonly (readonly [string, string | undefined])[] = [
    ['Subject', title],
    ['Priority', priority],
    ['Expires', ttl],
    ['Push-Topic', topic],
  ]
  const tags = (textOf(request, 'tags') ?? '').split(',').map((tag) => tag.trim().replace(/\s+/g, '_'))
  return {
    title,
    tags: tags.filter((tag) => tag !== ''),
    headers: headers.flatMap(([name, value]): readonly HeaderField[] => (value === undefined ? [] : [[name, value]])),
  }
}

/** A text with its title before it, and its tags behind it. */
export function withTitleAndTags(text: string, { tags, title }: Pick<PushHeaders, 'tags' | 'title'>): string {
  const lines = [...(title === undefined ? [] : [title]), ...(text === '' ? [] : [text])]
  return [...lines, ...(tags.length === 0 ? [] : [tags.map((tag) => `#${tag}`).join(' ')])].join('\n')
}

/** By its name, or ntfy's older one with `X-`. */
function headerOf({ headers }: Pick<HttpRequest, 'headers'>, name: string): string | undefined {
  const value = headers[name] ?? headers[`x-${name}`]
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}
/** Bytes of a header that are UTF-8 are read so (node:http takes them for Latin-1). */
function textOf(request: Pick<HttpRequest, 'headers'>, name: string): string | undefined {
  const value = headerOf(request, name)
  if (value === undefined) return undefined
  const bytes = Buffer.from(value, 'latin1')
  const text = bytes.toString('utf8').includes('\ufffd') ? value : bytes.toString('utf8')
  if (/[\u0000-\u001f\u007f]/.test(text)) throw wrong(name, 'text', 'without control characters')
  if (text.length > longest) throw wrong(name, `${text.length} characters`, `${longest} at most`)
  return text
}
function checked(value: string | undefined, name: string, form: RegExp, expected: string): string | undefined {
  if (value !== undefined && !form.test(value)) throw wrong(name, value, expected)
  return value
}
function mapped(value: string | undefined, name: string, values: { readonly [value: string]: string }): string | undefined {
  if (value === undefined) return undefined
  const found = Object.hasOwn(values, value.toLowerCase()) ? values[value.toLowerCase()] : undefined
  if (found === undefined) throw wrong(name, value, `one of ${Object.keys(values).join(', ')}`)
  return found
}
function wrong(name: string, value: string, expected: string): HttpProblem {
  return new HttpProblem(400, `${name} is ${value.slice(0, 40)}; expected ${expected}`)
}
