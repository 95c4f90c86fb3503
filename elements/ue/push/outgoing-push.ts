/** Pushes as applications give them to their client (SPEC §5.3), and the body and header fields of the MESSAGE for each. */
import { cpimBody, cpimField, cpimIn } from '../../shared/values/cpim.ts'
import { askingFields } from '../../shared/values/imdn.ts'
import type { AgentBody } from '../agents/agent.ts'
import type { PushDestinationName } from './finding/identifier-finder.ts'

/** Receipts that a sender may ask for (RFC 5438). */
export type PushWish = 'positive-delivery' | 'negative-delivery' | 'processing' | 'display'

/** Parameters of a Push. */
export interface OutgoingPush {
  readonly to: PushDestinationName
  /** Media type, with its parameters. */
  readonly type: string
  readonly content: string | Uint8Array
  /** Identifier of the application; `{ content }`: the one that takes that media type; `{ name }`: the one called so. */
  readonly application?: string | { readonly content: string } | { readonly name: string }
  /** Services that it is for (RFC 6050), instead of an application. */
  readonly service?: string
  readonly subject?: string
  readonly priority?: 'non-urgent' | 'normal' | 'urgent' | 'emergency'
  /** Seconds for which it may be kept. */
  readonly lifetime?: number
  readonly topic?: string
  readonly wishes?: readonly PushWish[]
  /** As a CPIM message, from that identifier of the sender; asking for receipts makes it one anyway. */
  readonly cpimFrom?: string
}

/** A message that is ready: a CPIM message that names its destination in To, or any other body beside `to`. */
export interface ReadyPush {
  readonly to?: PushDestinationName
  readonly body: AgentBody
}

/** A structure of an application's own, and what makes a Push of it. Undefined: it is none. */
export type PushConverter = (structure: unknown) => OutgoingPush | ReadyPush | undefined

interface PushAddresses {
  /** URI of the destination, and of the source. */
  readonly to: string
  readonly from: string
  readonly application: string | undefined
  readonly messageId: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

export function isReady(push: OutgoingPush | ReadyPush): push is ReadyPush {
  return 'body' in push
}

/** Destination of a ready message: what stands beside it, else To of its CPIM message. */
export function destinationOf({ body, to }: ReadyPush): PushDestinationName | undefined {
  const message = to === undefined ? cpimIn({ body: Buffer.from(body.content as string), type: body.type }) : undefined
  const field = message && cpimField(message, 'To')
  return field === undefined ? to : (/<([^<>]+)>/.exec(field)?.[1] ?? field)
}

export function pushBody(push: OutgoingPush, { application, at, from, messageId, to }: PushAddresses): AgentBody {
  const { content, cpimFrom, lifetime, priority, service, subject, topic, type, wishes = [] } = push
  const given: readonly (readonly [string, string | undefined])[] = [
    ['Push-Application', application],
    ['P-Preferred-Service', service],
    ['Subject', subject],
    ['Priority', priority],
    ['Expires', lifetime === undefined ? undefined : String(lifetime)],
    ['Date', lifetime === undefined ? undefined : new Date(at).toUTCString()],
    ['Push-Topic', topic],
  ]
  const headers = given.flatMap(([name, value]) => (value === undefined ? [] : [[name, oneLine(value)] as const]))
  if (wishes.length === 0 && cpimFrom === undefined && service === undefined) return { type, content, headers }
  const fields: readonly (readonly [string, string])[] = [
    ['From', `<${from}>`],
    ['To', `<${to}>`],
    ['DateTime', new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')],
    ...(wishes.length === 0 ? [] : askingFields(messageId, wishes)),
  ]
  return { ...cpimBody(fields, [['Content-Type', type]], content), headers }
}

/** A header value has no line ends. */
function oneLine(value: string): string {
  return value.replace(/[\0-\x1f\x7f]+/g, ' ')
}
