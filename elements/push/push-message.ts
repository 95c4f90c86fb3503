/** A MESSAGE as a Push server keeps it (SPEC §5.6): all that the device gets, and who sent it for whom. */
import { digest, H, type Json, type OutgoingRequest, type SipRequest } from '../../signalling/index.ts'
import type { CodedBody } from '../shared/values/body-coding.ts'
import { cpimIn } from '../shared/values/cpim.ts'
import type { DeviceBinding } from './device-binding.ts'

/** Sending rule of an application (SPEC §5.4), which orders the queues. Lower goes first. */
export const classes = ['priority', 'min-delay', 'authenticate'] as const
type MessageClass = (typeof classes)[number]

export interface PushMessage {
  readonly [member: string]: Json | undefined
  /** Name at this server. */
  readonly id: string
  /** Of its repeats: source, Call-ID, CSeq number and From tag. */
  readonly key: string
  /** Canonical address of the destination, and the Push identifier that named it. */
  readonly subscriber: string
  readonly identifier: string
  /** Asserted; `''` where nobody vouches. */
  readonly source: string
  /** Subscriber or application of ours that is asked about and charged for it here; absent: nobody is. */
  readonly payer?: string
  readonly application: string
  readonly class: MessageClass
  readonly topic?: string
  /** Milliseconds since the epoch. */
  readonly accepted: number
  readonly expires: number
  readonly from: string
  readonly to: string
  readonly callId: string
  readonly cseq: number
  /** End-to-end header fields, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly type?: string
  /** Base64. */
  readonly body: string
  /** Some device has it, and copies for others wait. */
  readonly taken?: true
  /** It waits for another server, and `subscriber` is the canonical URI of its destination. */
  readonly relayed?: true
  /** Request-URI for that server; absent: the Contact of its device, or `subscriber`. */
  readonly target?: string
}

/** Source and application of a message, as they were judged. */
export type PushSender = Pick<PushMessage, 'source' | 'payer' | 'application' | 'class'>

/** The part of a message that its server decides. */
type MessageTerms = Pick<
  PushMessage,
  | 'id'
  | 'subscriber'
  | 'identifier'
  | 'source'
  | 'payer'
  | 'application'
  | 'class'
  | 'accepted'
  | 'expires'
  | 'relayed'
  | 'target'
>

/** Header fields that are of one hop, or that the server writes itself. */
const ofOneHop: ReadonlySet<string> = new Set([
  ...['via', 'max-forwards', 'route', 'record-route', 'from', 'to', 'call-id', 'cseq', 'content-length', 'content-type'],
  ...['contact', 'proxy-authorization', 'p-asserted-identity', 'proxy-require'],
])

/** Header fields between elements of a network: where a source is and how it signed in is for no device (RFC 7315 §4). */
const ofNetwork: ReadonlySet<string> = new Set([
  ...['p-visited-network-id', 'p-access-network-info', 'p-served-user', 'p-credentials-id', 'p-prose-checked'],
  ...['p-charging-vector', 'p-charging-function-addresses', 'p-preferred-identity', 'authorization'],
])

/** The same for each repeat of a request, whatever its branch. */
export function keyOfRepeats({ callId, cseq, fromTag }: SipRequest, source: string): string {
  return digest(JSON.stringify([source, callId, cseq.number, fromTag]), 22)
}

export function messageOf(request: SipRequest, terms: MessageTerms): PushMessage {
  const topic = request.text('Push-Topic')
  const type = request.text(H['Content-Type'])
  const isUntold = terms.application !== '' && !request.has('Push-Application')
  const application = isUntold ? [['Push-Application', terms.application] as const] : []
  const own = request.headers.filter(([name]) => !ofOneHop.has(name.toLowerCase()))
  return {
    ...terms,
    key: keyOfRepeats(request, terms.source),
    ...(topic === undefined ? {} : { topic }),
    from: request.text(H.From)!,
    to: request.text(H.To)!,
    callId: request.callId,
    cseq: request.cseq.number,
    headers: [...own, ...application, ...assertedOf(request)],
    ...(type === undefined ? {} : { type }),
    body: request.body.toString('base64'),
  }
}

/** RFC 3325 §7: a source that wants to stay unknown is shown to no device. */
function assertedOf(request: SipRequest): readonly (readonly [string, string])[] {
  const wishes = request.list(H.Privacy).flatMap((value) => value.toLowerCase().split(/[;\s]+/))
  const values = wishes.includes('id') ? [] : request.texts(H['P-Asserted-Identity'])
  return values.map((value) => ['P-Asserted-Identity', value] as const)
}

const isCoding = ([name]: readonly [name: string, value: string]): boolean => name.toLowerCase() === 'content-encoding'

export function codedBodyIn({ body, headers, type }: PushMessage): CodedBody {
  const codings = headers.filter(isCoding).map(([, coding]) => coding)
  return { body: Buffer.from(body, 'base64'), type, coding: codings.join() }
}

/** The content of a CPIM message by itself, for a device that takes none of that type; undefined: it is no CPIM message. */
export function withoutCpim(message: PushMessage): PushMessage | undefined {
  const inner = cpimIn(codedBodyIn(message))
  const type = inner?.contentFields.find(([name]) => name.toLowerCase() === 'content-type')?.[1]
  const headers = message.headers.filter((field) => !isCoding(field))
  return inner && { ...message, headers, type: type ?? 'text/plain', body: inner.content.toString('base64') }
}

/** The MESSAGE to a device, along its Path. From, To, Call-ID, CSeq and body are as they were sent. */
export function deliveryOf(message: PushMessage, device: DeviceBinding, branch?: string): OutgoingRequest {
  const { body, callId, cseq, from, headers, relayed, to, type, target = device.contact } = message
  return {
    method: 'MESSAGE',
    to: target,
    uri: target,
    written: { from, to },
    callId,
    cseq,
    route: device.path,
    ...(branch === undefined ? {} : { branch }),
    headers: relayed === true ? headers : headers.filter(([name]) => !ofNetwork.has(name.toLowerCase())),
    ...(body === '' ? {} : { body: { type: type ?? 'application/octet-stream', content: Buffer.from(body, 'base64') } }),
  }
}
