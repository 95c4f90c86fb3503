/** Requests about targets that come from the GMLC (SPEC §8.2): carried out now, and reported; or later. */
import type { Exchange, Host } from '../../signalling/index.ts'
import { type LcsReport, readBody, writeBody } from '../schemas/index.ts'
import { elementAsking } from '../shared/clients/asker.ts'
import type { PendingMessages } from '../shared/clients/pending-messages.ts'
import { termsFault } from '../shared/location/deferred-terms.ts'
import { requestAt } from '../shared/location/request-address.ts'
import type { DeferredRequests } from './deferred-requests.ts'
import type { Positions } from './positions.ts'

interface LcsRequestParts {
  readonly host: Host
  /** Carries out those that wait for something. */
  readonly deferred: DeferredRequests
  readonly messages: PendingMessages
  readonly positions: Positions
  /** Names of the GMLCs that may ask. */
  readonly gmlcs: readonly string[]
}

const firstPause = 1000 // milliseconds, doubled for each time that a report is not taken
const tries = 5
const underWayAtMost = 10_000

export class LcsRequests {
  private readonly parts: LcsRequestParts
  private readonly underWay = new Set<string>()
  private isStopped = false

  constructor(parts: LcsRequestParts) {
    this.parts = parts
    parts.host.gauge('lcs_requests', () => this.underWay.size)
  }
  stop(): void {
    this.isStopped = true
  }

  async handle(exchange: Exchange): Promise<void> {
    const { deferred, gmlcs, host, positions } = this.parts
    const asker = elementAsking(exchange, host.domains, gmlcs)
    if (asker === undefined)
      return exchange.reply(403, { warning: 'only a GMLC asks about a target here; expected one of the gmlcs of this element' })
    const body = readBody(exchange.request, 'lcs-request')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { age, qos, request, target, type } = body.value
    const fault = type === 'immediate' ? undefined : termsFault(body.value, Number.NEGATIVE_INFINITY)
    if (fault !== undefined) return exchange.reply(400, { warning: fault })
    if (type !== 'immediate') return deferred.take(exchange, asker, body.value)
    if (this.underWay.has(request)) return exchange.reply(202)
    if (this.underWay.size >= underWayAtMost) return exchange.reply(503, { headers: [['Retry-After', '5']] })
    this.underWay.add(request)
    exchange.reply(202)
    const found = await positions.of({ request, target, qos, age })
    const outcome =
      typeof found === 'string' ? ({ state: 'failed', cause: found } as const) : ({ state: 'done', place: found } as const)
    await this.report(asker, { request, seq: 0, ...outcome, at: new Date(host.clock.date()).toISOString() })
    this.underWay.delete(request)
  }
  /** Until it is taken. */
  private async report(gmlc: string, report: LcsReport): Promise<void> {
    const { host, messages } = this.parts
    const message = { to: requestAt(gmlc, report.request), asserted: host.uri, body: writeBody('lcs-report', report) }
    for (let time = 0; time < tries && !this.isStopped; time++) {
      const response = await messages.send(message)
      if (response !== undefined && (response.status < 300 || response.status === 481)) return // 481: nobody wants it any more
      await new Promise<void>((resolve) => {
        host.clock.after(firstPause * 2 ** time, resolve)
      })
    }
    host.log.info({ request: report.request }, 'a report was not taken')
  }
}
