/** Disposition notifications (IMDN, RFC 5438): what a sender asks for, and the MESSAGE body that tells him. */
import type { CodedBody } from './body-coding.ts'
import { type CpimMessage, cpimBody, cpimField, cpimIn, innerContent } from './cpim.ts'
import { escaped, unescaped } from './xml.ts'

/** Events that are told (SPEC §5.5): the first three by a server, the others by a Push client. */
export const dispositions = {
  stored: { element: 'processing-notification', status: 'stored', wish: 'processing' },
  failed: { element: 'delivery-notification', status: 'failed', wish: 'negative-delivery' },
  forbidden: { element: 'delivery-notification', status: 'forbidden', wish: 'negative-delivery' },
  delivered: { element: 'delivery-notification', status: 'delivered', wish: 'positive-delivery' },
  displayed: { element: 'display-notification', status: 'displayed', wish: 'display' },
  declined: { element: 'display-notification', status: 'forbidden', wish: 'display' },
  unopened: { element: 'display-notification', status: 'error', wish: 'display' },
} as const
export type Disposition = keyof typeof dispositions

/** The wishes of a sender for one message. */
interface ReceiptWishes {
  /** Name of the message, which a receipt repeats. */
  readonly messageId: string
  readonly wishes: readonly string[]
}

export const imdnType = 'message/imdn+xml'
const namespace = 'urn:ietf:params:imdn'
const longestImdn = 16_384 // bytes
const notification = /<(?:[\w.-]+:)?([a-z]+-notification)\s*>(?:\s*<(?:[\w.-]+:)?status\s*>\s*<(?:[\w.-]+:)?([a-z]+)\s*\/?>)?/

/** Undefined: none are asked for, or it is a receipt itself (RFC 5438 §7.1.1.3). */
export function wishesOf(coded: CodedBody, callId: string): ReceiptWishes | undefined {
  const message = cpimIn(coded)
  if (message === undefined || message.type === imdnType) return undefined
  const prefix = prefixOf(message)
  const wanted = cpimField(message, `${prefix}Disposition-Notification`)
  if (wanted === undefined) return undefined
  return { messageId: cpimField(message, `${prefix}Message-ID`) ?? callId, wishes: wanted.split(/[\s,]+/) }
}

/** The prefix of the IMDN namespace, with its dot. */
function prefixOf({ fields }: CpimMessage): string {
  const own = fields.find(([name, value]) => name === 'NS' && value.includes(`<${namespace}>`))?.[1]
  const prefix = own?.slice(0, own.indexOf('<')).trim()
  return prefix === undefined ? 'imdn.' : prefix === '' ? '' : `${prefix}.`
}

/** Fields by which a CPIM message asks for receipts (RFC 5438 §6). */
export function askingFields(messageId: string, wishes: readonly string[]): readonly (readonly [string, string])[] {
  return [
    ['NS', `imdn <${namespace}>`],
    ['imdn.Message-ID', messageId],
    ['imdn.Disposition-Notification', wishes.join(', ')],
  ]
}

interface ReceiptParts {
  readonly disposition: Disposition
  readonly messageId: string
  /** The receipt's own name. */
  readonly ownId: string
  readonly from: string
  readonly to: string
  /** To whom the message was sent. */
  readonly recipient: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

export function imdnBody({ at, disposition, from, messageId, ownId, recipient, to }: ReceiptParts): {
  readonly type: string
  readonly content: string
} {
  const { element, status } = dispositions[disposition]
  const time = new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
  const xml = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>${escaped(messageId)}</message-id><datetime>${time}</datetime>`,
    `<recipient-uri>${escaped(recipient)}</recipient-uri><original-recipient-uri>${escaped(recipient)}</original-recipient-uri>`,
    `<${element}><status><${status}/></status></${element}></imdn>`,
  ].join('\r\n')
  const head: readonly (readonly [string, string])[] = [
    ['From', `<${from}>`],
    ['To', `<${to}>`],
    ['DateTime', time],
    ['NS', `imdn <${namespace}>`],
    ['imdn.Message-ID', ownId],
  ]
  const content: readonly (readonly [string, string])[] = [
    ['Content-Type', imdnType],
    ['Content-Disposition', 'notification'],
    ['Content-Length', String(Buffer.byteLength(xml))],
  ]
  const body = cpimBody(head, content, xml)
  return { type: body.type, content: body.content.toString() }
}

/** Content of a receipt: the message that it is about, and the event. */
interface ReadReceipt {
  /** Undefined: it names none. */
  readonly messageId: string | undefined
  /** Element of the notification; '' where there is none. */
  readonly kind: string
  /** Undefined: an event that we do not know. */
  readonly disposition: Disposition | undefined
}

/** The receipt that a body is, inside CPIM too. Undefined: it is none, or cannot be unpacked. */
export function receiptIn(coded: CodedBody): ReadReceipt | undefined {
  const inner = innerContent(coded)
  return inner?.type === imdnType ? readImdn(inner.content) : undefined
}

/** Reads `message/imdn+xml`. */
export function readImdn(xml: Buffer): ReadReceipt {
  const text = xml.length > longestImdn ? '' : xml.toString()
  const named = /<(?:[\w.-]+:)?message-id>\s*([^<]{1,512}?)\s*<\//.exec(text)?.[1]
  const [, kind = '', status] = notification.exec(text) ?? []
  const known = Object.entries(dispositions).find(([, each]) => each.element === kind && each.status === status)
  return { messageId: named && unescaped(named), kind, disposition: known?.[0] as Disposition | undefined }
}
