/** Disposition notifications (IMDN, RFC 5438): what a sender asks for, and the MESSAGE body that tells him. */
import { escaped } from '../shared/values/xml.ts'
import { type CpimMessage, cpimField, cpimType, parseCpim } from './cpim.ts'
import type { PushMessage } from './push-message.ts'

/** Events that a server tells of by itself (SPEC §5.5). */
export const dispositions = {
  stored: { element: 'processing-notification', wish: 'processing' },
  failed: { element: 'delivery-notification', wish: 'negative-delivery' },
} as const
export type Disposition = keyof typeof dispositions

/** The wishes of a sender for one message. */
interface ReceiptWishes {
  /** Name of the message, which a receipt repeats. */
  readonly messageId: string
  readonly wishes: readonly string[]
}

const imdnType = 'message/imdn+xml'
const namespace = 'urn:ietf:params:imdn'

/** Undefined: none are asked for, or it is a receipt itself (RFC 5438 §7.1.1.3). */
export function wishesOf({ body, callId, type }: PushMessage): ReceiptWishes | undefined {
  if (type?.split(';', 1).join().trim().toLowerCase() !== cpimType) return undefined
  const message = parseCpim(Buffer.from(body, 'base64'))
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
  const { element } = dispositions[disposition]
  const time = new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
  const xml = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>${escaped(messageId)}</message-id><datetime>${time}</datetime>`,
    `<recipient-uri>${escaped(recipient)}</recipient-uri><original-recipient-uri>${escaped(recipient)}</original-recipient-uri>`,
    `<${element}><status><${disposition}/></status></${element}></imdn>`,
  ].join('\r\n')
  const head = [
    ...[`From: <${from}>`, `To: <${to}>`, `DateTime: ${time}`, `NS: imdn <${namespace}>`, `imdn.Message-ID: ${ownId}`, ''],
    ...[`Content-Type: ${imdnType}`, 'Content-Disposition: notification', `Content-Length: ${Buffer.byteLength(xml)}`, ''],
  ]
  return { type: cpimType, content: `${head.join('\r\n')}\r\n${xml}` }
}
