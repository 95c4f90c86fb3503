/** Reading of `application/reginfo+xml` (RFC 3680 §5, RFC 5628): contacts of an address of record that another element keeps. */
import { unescaped } from '../shared/values/xml.ts'

export interface ReportedContact {
  readonly isActive: boolean
  readonly uri: string
  readonly gruu: string | undefined
  /** `+sip.instance`, in angle brackets. */
  readonly instance: string | undefined
  /** Seconds; undefined: not told. */
  readonly expires: number | undefined
  readonly callId: string
  readonly cseq: number
}

interface ReportedRegistration {
  /** False: it tells differences only. */
  readonly isFull: boolean
  readonly contacts: readonly ReportedContact[]
}

export const reginfoMediaType = 'application/reginfo+xml'
const longest = 65_536 // bytes
const contactsAtMost = 100

/** Undefined: it is none, or too long. */
export function readReginfo(body: Buffer): ReportedRegistration | undefined {
  if (body.length > longest) return undefined
  const xml = body.toString()
  const head = /<(?:[\w.-]+:)?reginfo\b([^>]*)>/.exec(xml)?.[1]
  if (head === undefined) return undefined
  const contacts: ReportedContact[] = []
  for (const [, attributes = '', content = ''] of xml.matchAll(
    /<(?:[\w.-]+:)?contact\b([^>]*)>([\s\S]*?)<\/(?:[\w.-]+:)?contact>/g,
  )) {
    const contact = contactOf(attributes, content)
    if (contact !== undefined && contacts.length < contactsAtMost) contacts.push(contact)
  }
  return { isFull: attribute(head, 'state') !== 'partial', contacts }
}

function contactOf(attributes: string, content: string): ReportedContact | undefined {
  const uri = /<(?:[\w.-]+:)?uri>\s*([^<]*?)\s*<\//.exec(content)?.[1]
  if (uri === undefined) return undefined
  const gruu = attribute(/<(?:[\w.-]+:)?pub-gruu\b([^>]*)>/.exec(content)?.[1] ?? '', 'uri')
  const instance = /<(?:[\w.-]+:)?unknown-param\b[^>]*name="\+sip\.instance"[^>]*>\s*([^<]*?)\s*<\//.exec(content)?.[1]
  const expires = Number(attribute(attributes, 'expires') ?? Number.NaN)
  return {
    ...{ gruu, uri: unescaped(uri) },
    isActive: attribute(attributes, 'state') === 'active',
    instance: instance === undefined ? undefined : unescaped(instance).replace(/^"|"$/g, ''),
    expires: Number.isFinite(expires) ? expires : undefined,
    callId: attribute(attributes, 'callid') ?? '',
    cseq: Number(attribute(attributes, 'cseq') ?? 0),
  }
}

function attribute(attributes: string, name: string): string | undefined {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1]
  return value === undefined ? undefined : unescaped(value)
}
