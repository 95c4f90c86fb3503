/** A push service on the Internet of a flow (RFC 8030): devices subscribe to it, and Push servers wake them by it. */
import type { OutboundHttp, OutboundHttpAnswer, OutboundHttpRequest } from '../../../signalling/index.ts'

/** Its answer: a status, with Retry-After in seconds; or none at all. */
export type PushServiceAnswer = { readonly status: number; readonly retryAfter?: number } | 'none'

/** A wake that came to it. */
export interface ReceivedWake {
  /** Name of the subscription, at its end of the URL. */
  readonly subscription: string
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string | undefined }
  readonly body: string
}

export interface PushService {
  /** URL of a subscription of that name. */
  endpoint(subscription: string): string
  /** Wakes so far, oldest first. */
  readonly received: readonly ReceivedWake[]
  /** Answers so from now on; default 201. */
  answerWith(answer: PushServiceAnswer): void
  /** Told of each wake that it has accepted. */
  onWake(listener: (wake: ReceivedWake) => void): void
}

const origin = 'https://push.example'

/** In memory: what elements of a stage send by HTTP comes here. */
export class MemoryPushService implements PushService, OutboundHttp {
  readonly received: ReceivedWake[] = []
  private readonly listeners: ((wake: ReceivedWake) => void)[] = []
  private answer: PushServiceAnswer = { status: 201 }

  endpoint(subscription: string): string {
    return `${origin}/w/${subscription}`
  }
  answerWith(answer: PushServiceAnswer): void {
    this.answer = answer
  }
  onWake(listener: (wake: ReceivedWake) => void): void {
    this.listeners.push(listener)
  }
  async send({ body = '', headers, url }: OutboundHttpRequest): Promise<OutboundHttpAnswer> {
    const { answer } = this
    if (!url.startsWith(`${origin}/`)) return { fault: 'unreachable', text: 'nobody is there' }
    const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
    const wake = { subscription: url.slice(url.lastIndexOf('/') + 1), headers: Object.fromEntries(named), body }
    this.received.push(wake)
    if (answer === 'none') return { fault: 'timeout', text: 'no answer within 10 s' }
    if (answer.status < 300) for (const listener of this.listeners) listener(wake)
    const retryAfter = answer.retryAfter === undefined ? {} : { 'retry-after': String(answer.retryAfter) }
    return { status: answer.status, headers: retryAfter, body: '' }
  }
}
