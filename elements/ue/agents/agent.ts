/**
 * The user agent as a UE sees it: its interface to a SIP stack. Two implementations pass `test/contracts/agent.ts`.
 * One is on `sip.js` (Node and browsers, real networks), one on Proxima's own engine (simulations in virtual time,
 * crowds).
 */

import { writeBody } from '../../schemas/index.ts'

/** The text of `Warning: 399 agent "text"`; undefined where there is none. */
export function warningText(header: string | undefined): string | undefined {
  return /"((?:[^"\\]|\\.)*)"/.exec(header ?? '')?.[1]
}

export interface AgentBody {
  readonly type: string
  /** Bytes that are no UTF-8 go by the engine's agent alone. */
  readonly content: string | Uint8Array
  /** Header fields beside those that the agent writes itself. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

export interface TextBody extends AgentBody {
  readonly content: string
}

/** A final response. `warning` is the text of `Warning: 399`, where there is one; `unheard`: nobody said it, the status is ours. */
export interface AgentResponse {
  readonly status: number
  readonly reason: string
  readonly warning: string | undefined
  readonly unheard?: true
}

/** A body that came in. Fits `readBody` of the schemas. */
export interface ReceivedBody {
  readonly body: Buffer
  /** Media type without parameters, in lower case. */
  readonly contentType: string | undefined
  text(header: string): string | undefined
}

export interface NotifiedState extends ReceivedBody {
  readonly state: 'active' | 'pending' | 'terminated'
  readonly reason: string | undefined
}

export interface WatchOptions {
  readonly to: string
  /** Event header value, parameters and all. */
  readonly event: string
  readonly accept: readonly string[]
  /** Seconds; 0 asks once. */
  readonly expires: number
  /** A function: called at each SUBSCRIBE, where its result may have changed. */
  readonly body?: TextBody | (() => TextBody)
  /** URI of an element that it goes through, behind the proxy: an MME (SPEC §3.6). */
  readonly through?: string
}

export interface WatchListener {
  notified(notified: NotifiedState): void
  /** Refused (the status), ended by the notifier or unsubscribed (200). Told once. */
  ended(status: number, why: string): void
}

export interface WatchHandle {
  /** Asks again, with another body if given. */
  refresh(body?: TextBody): void
  unsubscribe(): void
}

export interface IncomingMessage extends ReceivedBody {
  /** URI of From. */
  readonly from: string
  /** Display name of From. */
  readonly name: string | undefined
  /** Names it among those of its sender, over all its repeats (SPEC §5.5). */
  readonly callId: string
  readonly cseq: number
  readonly fromTag: string
  /** URI of P-Asserted-Identity, by word of the agent's own proxy. */
  readonly asserted: string | undefined
}

/** One Push identifier that an agent registers instead of its address of record (SPEC §5.1, "Explicit"). */
export interface PushClientRegistration {
  /** `sip:<16 hex digits>@<Push host>;user=push`. */
  readonly identifier: string
  /** URN of the device: `urn:uuid:…`; left out: its Contact names it. */
  readonly instance?: string
}

/** Request-URI of its REGISTER: the Push host. */
export function registrarOf({ identifier }: PushClientRegistration): string {
  return identifier.replace(/^(sips?:)[^@]*@([^;?]*).*/, '$1$2')
}

/** Answers a MESSAGE, repeats included, with the status that it resolves with. Undefined: it is for others. */
export type MessageTaker = (message: IncomingMessage) => Promise<number> | undefined

/** Header parameters of a Contact, such as feature tags (RFC 3840); '' is no value. */
export type ContactParameters = readonly (readonly [name: string, value: string])[]

/** A registered identity. Promises resolve with the peer's response and never reject: silence is 408, no connection 503. */
export interface UserAgent {
  /** `sip:alice@localhost`. */
  readonly identity: string
  start(): Promise<void>
  /** Registers and keeps registered until `stop`. */
  register(seconds?: number): Promise<AgentResponse>
  /** Of its Contact, from the next REGISTER on. */
  contactParameters: ContactParameters
  /**
   * `callId`: for a question that is answered by a MESSAGE later (SPEC §2.3), or one that is sent until it is taken.
   * By the same one its CSeq and From tag are the same, too. `through`: as of `WatchOptions`.
   */
  message(to: string, body: AgentBody, callId?: string, through?: string): Promise<AgentResponse>
  /** A Call-ID for such a question. */
  newCallId(): string
  subscribe(watch: WatchOptions, listener: WatchListener): WatchHandle
  /** Told of each MESSAGE once, after it has been answered 200. */
  onMessage(listener: (message: IncomingMessage) => void): void
  /** Asked before the listeners; the last one that was given. */
  takeMessages(taker: MessageTaker): void
  /** Unregisters, ends subscriptions and closes. */
  stop(): Promise<void>
}

/** From tag of the MESSAGEs with that Call-ID. */
export function tagOf(callId: string): string {
  return `t${callId.replace(/[^\w-]/g, '').slice(0, 24)}`
}

/** Header parameters of a Contact as text, the instance of a registration of its own among them: `;+sip.instance="<…>"`. */
export function parametersText(own: ContactParameters, push?: PushClientRegistration): string {
  const instance = push?.instance === undefined ? [] : [['+sip.instance', `<${push.instance}>`] as const]
  return [...instance, ...own]
    .map(([name, value]) => `;${name}${value === '' ? '' : `="${value.replace(/["\\]/g, '')}"`}`)
    .join('')
}

/** A body of SPEC §2.4 as agents send it. */
export function bodyOf(...parameters: Parameters<typeof writeBody>): TextBody {
  const { type, content } = writeBody(...parameters)
  return { type, content: String(content) }
}
