/** The gate for requests that have no transaction yet: they pass here, and nothing else does. */

import type { Clock } from '../clock.ts'
import type { Ids } from '../ids.ts'
import type { SipRequest } from '../messages/message.ts'
import type { Stats } from '../stats.ts'
import { refusal } from '../transactions/stateless.ts'
import type { OverloadTurn } from '../transactions/table.ts'
import type { Flow } from '../transports/transport.ts'
import { Admission } from './admission.ts'
import { isStanding } from './new-requests.ts'
import { RateLimit, type RateSettings } from './rate-limit.ts'
import type { WaitingRequest } from './waiting-line.ts'

interface GateOptions {
  readonly clock: Clock
  readonly ids: Ids
  readonly stats: Stats
  /** Lag of arriving messages, in milliseconds. */
  readonly lag: () => number
  /** `Transport.ration` of all. */
  readonly ration: (newRequests: number) => number
  /** Serves the next in line: reads a datagram, begins with a request. */
  readonly serve: (waiting: WaitingRequest, flow: Flow) => void
  /** For each source address that is not trusted, and no peer's; none if left out. */
  readonly source: RateSettings | undefined
  /** Whether a flow leads to another operator, one address for all its users. */
  readonly isPeer?: (flow: Flow) => boolean
  /** Our name in a Warning. */
  readonly agent: () => string
  readonly transmit: (flow: Flow, bytes: Buffer) => boolean
  /** The flow on which a request is answered; left out: its own. */
  readonly answerFlow?: (request: SipRequest, flow: Flow) => Flow
}

const tooLong = 50 // milliseconds; a message usually takes a thousandth of it, but any may meet a pause that is none of its doing
const costly: RateSettings = { rate: 250, burst: 2000 }

export class Gate {
  private readonly options: GateOptions
  private readonly admission: Admission
  private sources: RateLimit | undefined
  /** Milliseconds of slow work, by source address. */
  private readonly costs: RateLimit

  constructor(options: GateOptions) {
    const { clock, ids, lag, ration, serve, stats } = options
    this.options = options
    this.admission = new Admission({
      clock,
      ids,
      lag,
      ration: (newRequests) => {
        const unread = ration(newRequests)
        if (unread > 0) stats.count('dropped_overload', unread)
        return unread
      },
      serve,
    })
    this.costs = new RateLimit(clock, costly)
    this.limit(options.source)
    stats.gauge('admitted_share', () => this.admission.share)
    stats.gauge('lag_milliseconds', () => this.admission.lag)
  }
  /** From now on; undefined: no limit. */
  limit(source: RateSettings | undefined): void {
    this.sources = source && new RateLimit(this.options.clock, source)
  }
  /** Whether a request begins now. False: it waits for its turn, it was refused, or it is part of a flood and was dropped. */
  readonly admits = (request: SipRequest, flow: Flow, turn: OverloadTurn = 'undecided'): boolean => {
    const counted = turn === 'waited'
    if (this.sources !== undefined && !counted && this.isCounted(flow) && !this.sources.take(flow.remote.host)) {
      if (this.sources.isFlood(flow.remote.host)) this.drop(flow)
      else this.refuse(request, flow, 'too many requests from this address: come again later', 'refused_rate')
      return false
    }
    if (!flow.trusted && this.costs.isSpent(flow.remote.host) && !isStanding(request)) {
      this.refuse(request, flow, 'your requests take too long', 'refused_cost')
      return false
    }
    if (turn !== 'undecided') return true
    const when = this.admission.admits(request, flow)
    if (when === 'no') this.refuse(request, flow, 'overloaded', 'refused_overload')
    return when === 'now'
  }
  private isCounted(flow: Flow): boolean {
    return !flow.trusted && this.options.isPeer?.(flow) !== true
  }
  /** Whether a datagram is to be read now. */
  passes(bytes: Buffer, flow: Flow): boolean {
    const when = this.admission.sifts(bytes, flow)
    if (when === 'never') this.options.stats.count('dropped_overload', 1)
    return when === 'now'
  }
  /** Counts the milliseconds of work at a stretch, for a message of that flow or for several. Small ones add up. */
  took(ms: number, flow?: Flow): void {
    this.admission.took(ms)
    if (ms >= tooLong && flow?.trusted === false) this.costs.spend(flow.remote.host, ms)
  }
  /** RFC 7339, for the Via of responses to peers that offer it. */
  readonly feedback = (): string => this.admission.feedback()

  private refuse(request: SipRequest, flow: Flow, text: string, counter: string): void {
    const { ids, agent, transmit, answerFlow, stats } = this.options
    stats.count(counter, 1)
    const more = [['Retry-After', String(this.admission.retryAfter())]] as const
    const bytes = refusal(request, flow, { status: 503, text }, agent(), ids.token(8), more, this.feedback)
    if (bytes !== undefined) transmit(answerFlow?.(request, flow) ?? flow, bytes)
  }
  private drop(flow: Flow): void {
    this.options.stats.count('dropped_flood', 1)
    flow.close()
  }
}
