/** Arrows of a ladder: sender, receiver, time and a short label for each message. */
import { parseToken } from '../messages/fields.ts'
import type { SipMessage, SipRequest, SipResponse } from '../messages/message.ts'
import { scan } from '../messages/scan.ts'
import { endNamesOf } from './naming.ts'
import { hostPort } from './packets.ts'
import type { TappedMessage } from './tap.ts'

export interface LadderOptions {
  /** Names by `address:port` or by address alone; they win over names in the messages. */
  readonly names?: ReadonlyMap<string, string>
  /** Milliseconds from which times count; those of the first message. */
  readonly start?: number
  /** Characters of a line; 120. Text only. */
  readonly width?: number
}

export interface Arrow {
  /** Indices of participants. */
  readonly from: number
  readonly to: number
  readonly label: string
  /** Since the first message. */
  readonly seconds: number
  readonly response: boolean
}

/** Participants in order of appearance. A message that one side sent and the other received, both tapped, is one arrow. */
export function arrowsOf(
  messages: readonly TappedMessage[],
  options: LadderOptions = {},
): { readonly participants: readonly string[]; readonly arrows: readonly Arrow[] } {
  const scanned = messages.map((tapped) => {
    const { buffer, byteOffset, length } = tapped.bytes
    return { tapped, sip: scan(Buffer.from(buffer, byteOffset, length)) }
  })
  const names = endNamesOf(scanned, options.names)
  const participants: string[] = []
  const place = (name: string): number => {
    const found = participants.indexOf(name)
    return found >= 0 ? found : participants.push(name) - 1
  }
  const seen = new Map<string, { out: number; in: number; local: number }>()
  const arrows: Arrow[] = []
  const start = options.start ?? messages[0]?.at ?? 0
  for (const [i, { tapped, sip }] of scanned.entries()) {
    const { at, from, to, direction, bytes } = tapped
    const key = `${hostPort(from)} ${from.name} ${hostPort(to)} ${to.name} ${Buffer.from(bytes).toString('latin1')}`
    const before = seen.get(key) ?? { out: 0, in: 0, local: 0 }
    seen.set(key, before)
    before[direction]++
    if (direction === 'in' && before.out >= before.in) continue // drawn when it was sent
    const again = before[direction] > 1 ? ' (again)' : ''
    arrows.push({
      from: place(names[i]!.from),
      to: place(names[i]!.to),
      label: (sip === undefined ? `${bytes.length} bytes that are no SIP` : labelOf(sip)) + again,
      seconds: (at - start) / 1000,
      response: sip?.kind === 'response',
    })
  }
  return { participants, arrows }
}

/** `SUBSCRIBE prose`, `NOTIFY active prose-state`, `200 (SUBSCRIBE)`. */
function labelOf(message: SipRequest | SipResponse): string {
  if (message.kind === 'response') return `${message.status} (${message.cseq.method})`
  const { method } = message
  const event = message.event?.value
  switch (method) {
    case 'SUBSCRIBE': {
      const over = message.expires === 0 ? (message.toTag === '' ? ' (fetch)' : ' (end)') : ''
      return words(method, event) + over
    }
    case 'NOTIFY': {
      const state = message.text('Subscription-State')
      return words(method, state === undefined ? undefined : parseToken(state).value, bodyName(message) ?? event)
    }
    case 'PUBLISH':
      return words(method, event)
    default:
      return words(method, bodyName(message))
  }
}
function words(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ')
}
/** The schema's name of our JSON bodies, the subtype of others; nothing for plain text. */
function bodyName(message: SipMessage): string | undefined {
  const type = message.bodyEnd > message.bodyStart ? message.contentType : undefined
  if (type === undefined || type === 'text/plain') return undefined
  const [, subtype = type] = type.split('/', 2)
  return subtype.replace(/^vnd\.proxima\./, '').replace(/\+(?:json|xml)$/, '')
}
