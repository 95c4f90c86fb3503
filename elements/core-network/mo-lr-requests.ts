/**
 * MO-LR (SPEC §8.1): a target is positioned, its place goes to the client that it has named, and it hears the outcome. Each
 * step is durable before the next one, so that a request goes on after a crash and ends once.
 */
import { digest, type Exchange, type Host } from '../../signalling/index.ts'
import { type LocationCause, type MoLr, type MoLrResult, type Place, writeBody } from '../schemas/index.ts'
import type { Conversations } from '../shared/clients/conversations.ts'
import { PendingMessages } from '../shared/clients/pending-messages.ts'
import { newRequestId, requestAt } from '../shared/location/location-messages.ts'
import { askPersistently } from '../shared/location/persistent-question.ts'
import { Kept } from '../shared/state/kept.ts'

/** A request, as far as it has come. */
interface MoLrRequest {
  readonly id: string
  /** Of its repeats: target, Call-ID, CSeq number and From tag. */
  readonly key: string
  /** Canonical. */
  readonly target: string
  readonly callId: string
  readonly wishes: MoLr
  /** Milliseconds since the epoch until which its result is kept for the UE, and then known for its repeats. */
  readonly until: number
  readonly place?: Place
  /** It is still to be told, unless `isTold`. */
  readonly outcome?: MoLrResult
  readonly isTold?: true
}

interface MoLrParts {
  readonly host: Host
  readonly conversations: Conversations
  /** URIs; undefined: there is none. */
  readonly ran: string | undefined
  readonly gmlc: string | undefined
  /** Milliseconds for which a result is kept. */
  readonly keep: number
}

const usualResponseTime = 15 // seconds
const chainPatience = 30_000 // milliseconds: the client has 20 s, and each GMLC before it some more
const knownFor = 600_000 // milliseconds for which a request that has ended is known for its repeats
const ofTarget = 8 // requests under way
const inAll = 100_000
const firstPause = 5000 // milliseconds, doubled for each try to tell a UE that is gone
const longestPause = 600_000

export class MoLrRequests {
  private readonly parts: MoLrParts
  private readonly kept: Kept<MoLrRequest>
  private readonly byKey
  private readonly byTarget
  private readonly messages: PendingMessages
  /** Places as they were measured last, by target: a young one may do (`age`). */
  private readonly places = new Map<string, Place>()
  private isStopped = false

  constructor(parts: MoLrParts) {
    const { host } = parts
    this.parts = parts
    this.kept = new Kept<MoLrRequest>(host, {
      prefix: `core/${host.name}/mo-lr/`,
      noun: 'an MO-LR',
      expires: ({ until }) => until,
      ended: 'lapse',
    })
    this.byKey = this.kept.uniqueIndex(({ key }) => key)
    this.byTarget = this.kept.setIndex(({ target, isTold }) => (isTold === true ? [] : [target]))
    this.messages = new PendingMessages(host)
    host.gauge('mo_lr', () => this.kept.size)
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  /** Goes on with what an earlier process has not ended. */
  start(): void {
    for (const request of this.kept.values()) if (request.isTold !== true) this.goOn(request)
  }
  stop(): Promise<void> {
    this.isStopped = true
    return this.kept.stop()
  }

  /** A request that is durable gets its 202, and its outcome later. A repeat gets 202 alone. */
  async take(exchange: Exchange, target: string, wishes: MoLr): Promise<void> {
    const { callId, cseq, fromTag } = exchange.request
    const key = digest(JSON.stringify([target, callId, cseq.number, fromTag]), 22)
    if (this.byKey.get(key) !== undefined) return exchange.reply(202)
    if (this.byTarget.of(target).size >= ofTarget || this.kept.size >= inAll) {
      const warning = `requests under way: limit ${ofTarget}; expected to wait for their results`
      return exchange.reply(503, { headers: [['Retry-After', '15']], warning })
    }
    const { host, keep } = this.parts
    const request = { id: newRequestId(host), key, target, callId, wishes, until: host.clock.date() + keep }
    await this.kept.put(request.id, request)
    host.count('mo_lr_taken')
    exchange.reply(202)
    this.goOn(request)
  }

  private goOn(request: MoLrRequest): void {
    this.run(request).catch((fault: unknown) => {
      if (this.isStopped) return
      this.parts.host.log.error({ request: request.id, fault: String(fault) }, 'an MO-LR waits: the store failed')
      this.parts.host.clock.after(firstPause, () => {
        const now = this.kept.get(request.id)
        if (now !== undefined && !this.isStopped) this.goOn(now)
      })
    })
  }
  private async run(request: MoLrRequest): Promise<void> {
    if (request.outcome !== undefined) return this.tell(request, request.outcome)
    const { client } = request.wishes
    const found = request.place ?? (await this.position(request))
    if (this.isStopped) return
    if (typeof found === 'string') return this.end(request, { request: request.id, cause: found })
    if (client === undefined) return this.end(request, { request: request.id, place: found })
    const located: MoLrRequest = { ...request, place: found }
    if (request.place === undefined) {
      await this.kept.put(request.id, located)
      if (request.wishes.position === 'first')
        void this.toUe(request, writeBody('mo-lr-position', { request: request.id, place: found }))
    }
    const outcome = await this.passOn(located, found, client)
    if (!this.isStopped) await this.end(located, outcome)
  }

  /** The place of a target, or why there is none. */
  private async position({ id, target, wishes }: MoLrRequest): Promise<Place | LocationCause> {
    const { clock } = this.parts.host
    const { age, qos } = wishes
    const known = this.places.get(target)
    if (known !== undefined && age !== undefined && clock.date() - Date.parse(known.at) <= age * 1000) return known
    if (this.parts.ran === undefined) return 'position-failed'
    const { status, value } = await this.parts.conversations.ask({
      to: requestAt(this.parts.ran, id),
      body: writeBody('ran-location-request', {
        request: id,
        target,
        ...(qos === undefined ? {} : { qos }),
        ...(age === undefined ? {} : { age }),
      }),
      answer: 'ran-location-report',
      patience: (qos?.responseTime ?? usualResponseTime) * 1000,
    })
    if (value?.place === undefined) return value?.cause ?? (status === 408 ? 'position-timeout' : 'position-failed')
    this.places.delete(target)
    this.places.set(target, value.place)
    if (this.places.size > inAll) this.places.delete(this.places.keys().next().value!)
    return value.place
  }
  private async passOn({ id, target, wishes }: MoLrRequest, place: Place, client: string): Promise<MoLrResult> {
    const { deliver, service } = wishes
    const { conversations, gmlc } = this.parts
    const named = { ...(service === undefined ? {} : { service }), ...(deliver === undefined ? {} : { deliver }) }
    const answer =
      gmlc === undefined
        ? undefined
        : await askPersistently(conversations, this.parts.host.clock, {
            to: requestAt(gmlc, id),
            body: writeBody('subscriber-location-report', { request: id, target, place, client, ...named }),
            answer: 'subscriber-location-report-ack',
            patience: chainPatience,
          })
    if (answer?.value === undefined)
      return { request: id, place, client: { passed: false, handled: false, cause: 'gmlc-unreachable' } }
    const { cause, handled, passed = true, result } = answer.value
    const outcome = { passed, handled, ...(cause === undefined ? {} : { cause }) }
    return { request: id, place, client: outcome, ...(result === undefined ? {} : { result }) }
  }

  private async end(request: MoLrRequest, outcome: MoLrResult): Promise<void> {
    const ended: MoLrRequest = { ...request, outcome }
    await this.kept.put(request.id, ended)
    this.parts.host.count('mo_lr_ended')
    this.tell(ended, outcome)
  }
  /** Until the UE has it. */
  private tell(request: MoLrRequest, outcome: MoLrResult, pause = firstPause): void {
    const { clock, log } = this.parts.host
    const tellNow = async (): Promise<void> => {
      const isTaken = await this.toUe(request, writeBody('mo-lr-result', outcome))
      if (this.isStopped || this.kept.get(request.id) === undefined) return
      if (isTaken) await this.kept.put(request.id, { ...request, isTold: true, until: clock.date() + knownFor })
      else clock.after(pause, () => this.isStopped || this.tell(request, outcome, Math.min(longestPause, pause * 2)))
    }
    tellNow().catch((fault: unknown) =>
      log.error({ request: request.id, fault: String(fault) }, 'an outcome of MO-LR is told again'),
    )
  }
  private async toUe({ callId, target }: MoLrRequest, body: ReturnType<typeof writeBody>): Promise<boolean> {
    const { uri } = this.parts.host
    const response = await this.messages.send({ to: target, asserted: uri, body, headers: [['In-Reply-To', callId]] })
    return response !== undefined && response.status < 300
  }
}
