/**
 * MO-LR (SPEC §8.1): a target is positioned, its place goes to the client that it has named, and it hears the outcome. Each
 * step is durable before the next one, so that a request goes on after a crash and ends once.
 */
import { digest, type Exchange, type Host, type SipRequest } from '../../signalling/index.ts'
import { type MoLr, type MoLrResult, type Place, writeBody } from '../schemas/index.ts'
import type { Conversations } from '../shared/clients/conversations.ts'
import { newRequestId, requestAt } from '../shared/location/request-address.ts'
import { Kept } from '../shared/state/kept.ts'
import type { Positions } from './positions.ts'

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
  readonly positions: Positions
  /** URI; undefined: there is none. */
  readonly gmlc: string | undefined
  /** Milliseconds for which a result is kept. */
  readonly keep: number
}

const chainPatience = 30_000 // milliseconds: the client has 20 s, and each GMLC before it some more
const knownFor = 600_000 // milliseconds for which a request that has ended is known for its repeats
const ofTarget = 8 // requests under way
const heldOfTarget = 40 // those included that have ended, and are known or wait for their UE
const runningAtMost = 4000 // each is a question to others, of which an element may have 10,000
const inAll = 100_000
const firstPause = 5000 // milliseconds, doubled for each try to tell a UE that is gone
const longestPause = 600_000

export class MoLrRequests {
  private readonly parts: MoLrParts
  private readonly kept: Kept<MoLrRequest>
  private readonly byKey
  private readonly byTarget
  /** Requests without an outcome. */
  private running = 0
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
    this.byTarget = this.kept.setIndex(({ target }) => [target])
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

  /** Whether it is a repeat of one that was taken. */
  isKnown({ request }: Exchange, target: string): boolean {
    return this.byKey.get(keyOf(request, target)) !== undefined
  }
  /** A request that is durable gets its 202, and its outcome later. A repeat gets 202 alone. */
  take(exchange: Exchange, target: string, wishes: MoLr): Promise<void> {
    return this.kept.inTurn(target, () => this.takeInTurn(exchange, target, wishes))
  }
  private async takeInTurn(exchange: Exchange, target: string, wishes: MoLr): Promise<void> {
    const { callId } = exchange.request
    const key = keyOf(exchange.request, target)
    if (this.byKey.get(key) !== undefined) return exchange.reply(202)
    const full = this.fullBy(target)
    if (full !== undefined) return exchange.reply(503, { headers: [['Retry-After', '15']], warning: full })
    const { host, keep } = this.parts
    const request = { id: newRequestId(host), key, target, callId, wishes, until: host.clock.date() + keep }
    await this.kept.put(request.id, request)
    host.count('mo_lr_taken')
    exchange.reply(202)
    this.goOn(request)
  }

  /** The bound that is met; undefined: none. */
  private fullBy(target: string): string | undefined {
    const own = [...this.byTarget.of(target)]
    const underWay = own.filter(({ outcome }) => outcome === undefined).length
    if (underWay >= ofTarget) return `${underWay} of your requests are under way; expected to wait for their results`
    if (own.length >= heldOfTarget)
      return `${own.length} of your requests were of the last 10 minutes, or wait for you; expected a pause`
    return this.running >= runningAtMost || this.kept.size >= inAll
      ? 'too many requests are under way: come again later'
      : undefined
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
    this.running++
    try {
      await this.carryOut(request)
    } finally {
      this.running--
    }
  }
  private async carryOut(request: MoLrRequest): Promise<void> {
    const { id, target, wishes } = request
    const found = request.place ?? (await this.parts.positions.of({ request: id, target, qos: wishes.qos, age: wishes.age }))
    if (this.isStopped) return
    if (typeof found === 'string') return this.end(request, { request: request.id, cause: found })
    const { client } = wishes
    if (client === undefined) return this.end(request, { request: request.id, place: found })
    const located: MoLrRequest = { ...request, place: found }
    if (request.place === undefined) {
      await this.kept.put(request.id, located)
      if (wishes.position === 'first') this.tellPosition(request, found)
    }
    const outcome = await this.passOn(located, found, client)
    if (!this.isStopped) await this.end(located, outcome)
  }

  private async passOn({ id, target, wishes }: MoLrRequest, place: Place, client: string): Promise<MoLrResult> {
    const { deliver, service } = wishes
    const { conversations, gmlc } = this.parts
    const named = { ...(service === undefined ? {} : { service }), ...(deliver === undefined ? {} : { deliver }) }
    const answer =
      gmlc === undefined
        ? undefined
        : await conversations.askPersistently({
            to: requestAt(gmlc, id),
            body: writeBody('subscriber-location-report', { request: id, target, place, client, ...named }),
            answer: 'subscriber-location-report-ack',
            patience: chainPatience,
          })
    if (answer?.value === undefined) {
      const isPassed = answer?.fault === 'silent' // the GMLC has it, and maybe the client
      return { request: id, place, client: { passed: isPassed, handled: false, cause: 'gmlc-unreachable' } }
    }
    const { cause, handled, passed, result } = answer.value
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
    const later = (): void => {
      clock.after(pause, () => {
        if (!this.isStopped && this.kept.get(request.id) !== undefined)
          this.tell(request, outcome, Math.min(longestPause, pause * 2))
      })
    }
    const attempt = async (): Promise<void> => {
      const status = await this.toUe(request, writeBody('mo-lr-result', outcome))
      if (this.isStopped || this.kept.get(request.id) === undefined) return
      const { result, ...place } = outcome
      if (tooMuch.has(status) && result !== undefined) return this.tell(request, place) // the place at least
      if (isGone(status)) return later()
      if (status >= 300) log.info({ request: request.id, status }, 'a UE does not take its outcome')
      await this.kept.put(request.id, { ...request, isTold: true, until: clock.date() + knownFor })
    }
    attempt().catch((fault: unknown) => {
      log.error({ request: request.id, fault: String(fault) }, 'an outcome of MO-LR is told again')
      later()
    })
  }
  /** Once: the outcome has the place, too. */
  private tellPosition(request: MoLrRequest, place: Place): void {
    this.toUe(request, writeBody('mo-lr-position', { request: request.id, place })).catch((fault: unknown) => {
      this.parts.host.log.warn({ request: request.id, fault: String(fault) }, 'a place is told with its outcome alone')
    })
  }
  /** Its status; 503 where it could not be sent. */
  private async toUe({ callId, target }: MoLrRequest, body: ReturnType<typeof writeBody>): Promise<number> {
    const { conversations, host } = this.parts
    const { uri } = host
    const response = await conversations.messages.send({ to: target, asserted: uri, body, headers: [['In-Reply-To', callId]] })
    return response?.status ?? 503
  }
}

const tooMuch: ReadonlySet<number> = new Set([413, 415, 488, 513])
const goneFor: ReadonlySet<number> = new Set([404, 408, 410, 430, 480, 481, 482])

/** Nobody is there, or a server cannot now: later maybe. */
function isGone(status: number): boolean {
  return goneFor.has(status) || (status >= 500 && status < 600 && !tooMuch.has(status))
}

/** The same for each repeat of a request, whatever its branch. */
function keyOf({ callId, cseq, fromTag }: SipRequest, target: string): string {
  return digest(JSON.stringify([target, callId, cseq.number, fromTag]), 22)
}
