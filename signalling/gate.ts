/** Who gets in: requests that have no transaction yet pass here, and nothing else does. */
import { Admission } from './admission.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import type { SipRequest } from './messages/message.ts'
import { type Rate, RateLimit } from './rate-limit.ts'
import type { Stats } from './stats.ts'
import { refusal } from './transactions/stateless.ts'
import type { Flow } from './transports/transport.ts'

export interface GateOptions {
  readonly clock: Clock
  readonly ids: Ids
  readonly stats: Stats
  /** Milliseconds that what arrives waits. */
  readonly lag: () => number
  /** How much of the time since it was last asked this process was busy, 0 to 1. */
  readonly busy: () => number
  /** For each source address that is not trusted; none if left out. */
  readonly source: Rate | undefined
  /** What a Warning calls us. */
  readonly agent: () => string
  readonly transmit: (flow: Flow, bytes: Buffer) => boolean
}

export class Gate {
  private readonly options: GateOptions
  private readonly admission: Admission
  private sources: RateLimit | undefined

  constructor(options: GateOptions) {
    const { clock, ids, lag, busy, stats } = options
    this.options = options
    this.admission = new Admission({ clock, ids, lag, busy })
    this.limit(options.source)
    stats.gauge('admitted_share', () => this.admission.share)
    stats.gauge('lag_milliseconds', () => this.admission.lag)
  }
  /** From now on; undefined: no limit. */
  limit(source: Rate | undefined): void {
    this.sources = source && new RateLimit(this.options.clock, source)
  }
  /** False: it was refused, or it is part of a flood and was dropped. */
  readonly admits = (request: SipRequest, flow: Flow): boolean => {
    if (this.sources !== undefined && !flow.trusted && !this.sources.take(flow.remote.host)) {
      if (this.sources.isFlood(flow.remote.host)) this.drop(flow)
      else this.refuse(request, flow, 'too many requests from this address', 'refused_rate')
      return false
    }
    if (this.admission.admits(request, !flow.reliable)) return true
    this.refuse(request, flow, 'overloaded', 'refused_overload')
    return false
  }
  /** True: a datagram that is not to be read (`Admission.drops`). */
  drops(bytes: Buffer): boolean {
    if (!this.admission.drops(bytes)) return false
    this.options.stats.count('dropped_overload', 1)
    return true
  }
  /** RFC 7339, for the Via of responses to peers that offer it. */
  readonly feedback = (): string => this.admission.feedback()

  private refuse(request: SipRequest, flow: Flow, text: string, counter: string): void {
    const { ids, agent, transmit, stats } = this.options
    stats.count(counter, 1)
    const more = [['Retry-After', String(this.admission.retryAfter())]] as const
    const bytes = refusal(request, flow, { status: 503, text }, agent(), ids.token(8), more)
    if (bytes !== undefined) transmit(flow, bytes)
  }
  private drop(flow: Flow): void {
    this.options.stats.count('dropped_flood', 1)
    flow.close()
  }
}
