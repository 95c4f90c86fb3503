/** What a ladder shows of messages: who, to whom, when, and in a few words what. */
import { parseToken } from '../messages/fields.ts'
import type { SipMessage, SipRequest, SipResponse } from '../messages/message.ts'
import { scan } from '../messages/scan.ts'
import { hostPort } from './packets.ts'
import type { Endpoint, TappedMessage } from './tap.ts'

export interface LadderOptions {
  /** Names by `address:port` or by address alone; they win over what the messages say. */
  readonly names?: ReadonlyMap<string, string>
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

/** Participants in order of appearance. What one side sent and the other received, both tapped, is one arrow. */
export function arrowsOf(
  messages: readonly TappedMessage[],
  options: LadderOptions = {},
): { readonly participants: readonly string[]; readonly arrows: readonly Arrow[] } {
  const name = namer(messages, options)
  const participants: string[] = []
  const place = (endpoint: Endpoint): number => {
    const title = name(endpoint)
    const found = participants.indexOf(title)
    return found >= 0 ? found : participants.push(title) - 1
  }
  const seen = new Map<string, { out: number; in: number; local: number }>()
  const arrows: Arrow[] = []
  const start = messages[0]?.at ?? 0
  for (const { at, from, to, direction, bytes } of messages) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const key = `${hostPort(from)} ${hostPort(to)} ${text.toString('latin1')}`
    const before = seen.get(key) ?? { out: 0, in: 0, local: 0 }
    seen.set(key, before)
    before[direction]++
    if (direction === 'in' && before.out >= before.in) continue // drawn when it was sent
    const again = before[direction] > 1 ? ' (again)' : ''
    const message = scan(text)
    arrows.push({
      from: place(from),
      to: place(to),
      label: (message === undefined ? `${bytes.length} bytes that are no SIP` : labelOf(message)) + again,
      seconds: (at - start) / 1000,
      response: message?.kind === 'response',
    })
  }
  return { participants, arrows }
}

/** An address without a name takes the one that it has in other messages, if that is the same in all. */
function namer(messages: readonly TappedMessage[], { names }: LadderOptions): (endpoint: Endpoint) => string {
  const learnt = new Map<string, Set<string>>()
  for (const endpoint of messages.flatMap(({ from, to }) => [from, to])) {
    if (endpoint.name === undefined) continue
    const known = learnt.get(hostPort(endpoint)) ?? new Set()
    learnt.set(hostPort(endpoint), known.add(endpoint.name))
  }
  return (endpoint) => {
    const address = hostPort(endpoint)
    const given = endpoint.name ?? names?.get(address) ?? names?.get(endpoint.address)
    const others = learnt.get(address)
    return given ?? (others?.size === 1 ? [...others][0]! : address)
  }
}

/** `SUBSCRIBE prose`, `NOTIFY active prose-state`, `200 (SUBSCRIBE)`. */
export function labelOf(message: SipRequest | SipResponse): string {
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
