/** Requests about targets at the core network (SPEC §8.2, §8.3): asked there, cancelled there, and its reports. */
import type { Exchange, Host } from '../../signalling/index.ts'
import { type LcsCancel, type LcsReport, type LcsRequest, type LocationRequest, readBody, writeBody } from '../schemas/index.ts'
import { elementAsking } from '../shared/clients/asker.ts'
import { type Conversations, isPassingRefusal } from '../shared/clients/conversations.ts'
import type { PrivacyQuestion } from '../shared/location/privacy-rules.ts'
import { requestAt, targetAt } from '../shared/location/request-address.ts'
import { RequestAudits } from '../shared/location/request-audits.ts'

interface CoreRequestParts {
  readonly host: Host
  readonly conversations: Conversations
  /** Names of the elements of the core network; the first one is asked. */
  readonly cores: readonly string[]
  /** Takes a report of a request that waits: the status of its answer. */
  readonly reported: (report: LcsReport) => Promise<number>
  /** Whether a request that waits is here. */
  readonly isKnown: (request: string) => boolean
}

/** A request in terms of the core network. */
interface CarriedRequest {
  readonly request: string
  readonly target: string
  readonly question: PrivacyQuestion
  readonly wishes: LocationRequest
  /** Number of the last report that came; -1 or left out: none has. */
  readonly seq?: number
}

const usualResponseTime = 15 // seconds
const way = 3000 // milliseconds that messages between the elements may take
const firstPause = 1000 // milliseconds until a core network that is down is tried again, doubled each time
const longestPause = 60_000
const answerPatience = 10_000
const inOneMessage = 1000 // requests of a target

export class CoreRequests {
  private readonly parts: CoreRequestParts
  /** Immediate requests whose report is awaited. */
  private readonly awaited = new Map<string, (report: LcsReport | undefined) => void>()
  readonly audits: RequestAudits
  private isStopped = false

  constructor(parts: CoreRequestParts) {
    const { conversations, cores, host, isKnown } = parts
    this.parts = parts
    this.audits = new RequestAudits({ host, conversations, askers: cores, isKnown })
    parts.host.gauge('location_requests', () => this.awaited.size)
  }
  stop(): void {
    this.isStopped = true
    for (const settle of [...this.awaited.values()]) settle(undefined)
  }
  /** Immediate requests under way. */
  get size(): number {
    return this.awaited.size
  }

  /** The report of an immediate request; undefined: none came in time. */
  immediate(asked: CarriedRequest): Promise<LcsReport | undefined> {
    const { request, wishes } = asked
    return new Promise((resolve) => {
      const settle = (report: LcsReport | undefined): void => {
        if (!this.awaited.delete(request)) return
        timer.cancel()
        resolve(report)
      }
      const limit = (wishes.qos?.responseTime ?? usualResponseTime) * 1000 + way
      const timer = this.parts.host.clock.after(limit, () => settle(undefined))
      this.awaited.set(request, settle)
      void this.send(asked).then((status) => {
        if (status >= 300) settle(undefined)
      })
    })
  }
  /**
   * A request that waits: until the core network has it, or nobody wants it any more. The status of a refusal; undefined: none.
   * The same request may be sent again: it is there once.
   */
  async carry(asked: CarriedRequest, isWanted: () => boolean): Promise<number | undefined> {
    for (let pause = firstPause; isWanted() && !this.isStopped; pause = Math.min(pause * 2, longestPause)) {
      const status = await this.send(asked)
      if (status < 300) return undefined
      if (!isPassingRefusal(status)) return status
      await this.paused(pause)
    }
    return undefined
  }
  /** Asks the core network which of these it does not have. Never rejects. */
  async compare(requests: readonly string[], unknown: (requests: readonly string[]) => void): Promise<void> {
    const { cores, host } = this.parts
    const [core] = cores
    if (core !== undefined) await this.audits.ask(`sip:${core}@${host.domains[0]}`, requests, unknown)
  }
  /** Resolves once the core network has ended all of them, or this element stops. All are of one target. */
  async cancel(
    { requests, ...why }: Omit<LcsCancel, 'part' | 'of'>,
    ended: (requests: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const of = Math.ceil(requests.length / inOneMessage)
    const parts = Array.from({ length: of }, (_, index) => requests.slice(index * inOneMessage, (index + 1) * inOneMessage))
    await Promise.all(
      parts.map(async (some, index) => {
        const body: LcsCancel = { ...why, requests: some, ...(of === 1 ? {} : { part: index + 1, of }) }
        if (await this.cancelPart(body)) await ended(some)
      }),
    )
  }
  /** A report of the core network. */
  async take(exchange: Exchange): Promise<void> {
    const { cores, host, reported } = this.parts
    if (elementAsking(exchange, host.domains, cores) === undefined)
      return exchange.reply(403, { warning: 'only the core network reports here; expected one of the cores of this GMLC' })
    const body = readBody(exchange.request, 'lcs-report')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const settle = this.awaited.get(body.value.request)
    const status = settle === undefined ? await reported(body.value) : 200
    exchange.reply(status, status === 481 ? { warning: 'nobody asks for that any more' } : {})
    settle?.(body.value)
  }

  /** The status of the answer to a request. */
  private async send({ question, request, seq = -1, target, wishes }: CarriedRequest): Promise<number> {
    const { conversations, cores, host } = this.parts
    const [core] = cores
    if (core === undefined) return 404
    const { client, requestor, service } = question
    const { codeword: _, requestor: __, service: ___, ...terms } = wishes
    const body: LcsRequest = {
      request,
      target,
      client,
      requestor,
      ...terms,
      ...(service === undefined ? {} : { service }),
      ...(seq < 0 ? {} : { seq }),
    }
    const to = requestAt(`sip:${core}@${host.domains[0]}`, request)
    try {
      const response = await conversations.messages.send({ to, asserted: host.uri, body: writeBody('lcs-request', body) })
      return response?.status ?? 503
    } catch (fault) {
      host.log.warn({ request, fault: String(fault) }, 'a request about a target was not sent')
      return 503
    }
  }
  /** False: this element stops before. */
  private async cancelPart(body: LcsCancel): Promise<boolean> {
    const { conversations, cores, host } = this.parts
    const [core] = cores
    if (core === undefined) return true
    const to = targetAt(`sip:${core}@${host.domains[0]}`, body.target)
    const question = { to, body: writeBody('lcs-cancel', body), answer: 'lcs-cancelled', patience: answerPatience } as const
    for (let pause = firstPause; !this.isStopped; pause = Math.min(pause * 2, longestPause)) {
      if ((await conversations.askPersistently(question)).value !== undefined) return true
      await this.paused(pause)
    }
    return false
  }
  private paused(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.parts.host.clock.after(ms, resolve)
    })
  }
}
