/**
 * Requests where a target is, as their askers make them (SPEC §8.2). One that is to be answered now is carried out here: judged,
 * positioned, judged anew. One that waits for something is stored with its subscription.
 */
import type { Exchange, Host, Notifier } from '../../signalling/index.ts'
import { hasBody, type LcsReport, type LocationRequest, readBody, type SubscriberRecord } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { termsFault } from '../shared/location/deferred-terms.ts'
import type { PrivacyQuestion } from '../shared/location/privacy-rules.ts'
import { newRequestId } from '../shared/location/request-address.ts'
import type { CoreRequests } from './core-requests.ts'
import type { Disclosures } from './disclosures.ts'
import { noteDocument } from './location-document.ts'
import type { LocationPermissions } from './location-permissions.ts'
import { type LocationState, locationEvent, longestValidity, nothingYet, usualValidity } from './location-state.ts'
import type { Requestors } from './requestors.ts'
import type { TargetRequests } from './target-requests.ts'

interface LocationRequestParts {
  readonly host: Host
  readonly subscribers: Subscribers
  readonly requestors: Requestors
  readonly permissions: LocationPermissions
  readonly disclosures: Disclosures
  readonly cores: CoreRequests
  readonly deferred: TargetRequests
}

/** A request as it came, in terms of its judgement. */
interface AskedLocation {
  readonly request: string
  /** Undefined: nobody whom we know. */
  readonly target: SubscriberRecord | undefined
  readonly question: PrivacyQuestion
  readonly wishes: LocationRequest
}

const longestOfFetch = 25 // seconds for which the NOTIFY of a fetch waits
const underWayAtMost = 10_000

export class LocationRequests {
  private readonly parts: LocationRequestParts
  /** Milliseconds since the epoch at which subscriptions that wait end by themselves: else it is their asker who ends them. */
  private readonly expiry = new Map<string, number>()

  constructor(parts: LocationRequestParts) {
    this.parts = parts
  }

  /** SUBSCRIBE. Who may not know, and an unknown target, get the same. */
  async handle(exchange: Exchange): Promise<void> {
    const { cores, deferred, host, requestors, subscribers } = this.parts
    const { request } = exchange
    const asker = askerOf(exchange, host.domains)
    if (asker === undefined) return exchange.reply(403, { warning: 'nobody vouches for you; expected to come by your proxy' })
    const body = hasBody(request) ? readBody(request, 'location-request') : { value: { type: 'immediate' } as LocationRequest }
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const wishes = body.value
    const fault = this.faultOf(wishes, request.expires === 0)
    if (fault !== undefined) return exchange.reply(fault.status, { warning: fault.warning })
    const isFull = wishes.type === 'immediate' ? cores.size >= underWayAtMost : deferred.isFull
    if (isFull) return exchange.reply(503, { headers: [['Retry-After', '5']] })
    const question = requestors.questionOf(asker, wishes)
    if (question === undefined)
      return exchange.reply(403, {
        warning: '/requestor is not you; expected to be an LCS client of this network, or no requestor',
      })
    const target = await subscribers.lookup(request.uri)
    host.count('location_asked')
    const worded = requestors.worded(question, wishes, target?.id ?? request.uri.text)
    const asked: AskedLocation = { request: newRequestId(host), target, question: worded, wishes }
    if (wishes.type === 'immediate') await this.answerNow(exchange, asked)
    else this.answerLater(exchange, asked)
  }
  /** A subscription that was pending when an earlier process ended, and does not wait: its asker asks anew. */
  restored(notifier: Notifier<LocationState>): void {
    if (this.parts.deferred.restored(notifier)) this.expiry.set(notifier.id, notifier.expires)
    else notifier.terminate('deactivated')
  }
  /** It lives as long as its subscriber wants now. */
  refreshed({ id }: Notifier, seconds: number | undefined): void {
    const granted = Math.min(seconds ?? usualValidity, longestValidity)
    if (this.expiry.has(id)) this.expiry.set(id, this.parts.host.clock.date() + granted * 1000)
  }
  /** It is over, ended by either side. */
  ended(notifier: Notifier<LocationState>): Promise<void> | undefined {
    const expiry = this.expiry.get(notifier.id)
    this.expiry.delete(notifier.id)
    this.parts.disclosures.ended(notifier)
    return this.parts.deferred.ended(notifier, expiry !== undefined && expiry <= this.parts.host.clock.date())
  }

  private faultOf(wishes: LocationRequest, isFetch: boolean): { readonly status: number; readonly warning: string } | undefined {
    if (wishes.type === 'immediate') {
      if (!isFetch || (wishes.qos?.responseTime ?? 0) <= longestOfFetch) return undefined
      return { status: 403, warning: `/qos/responseTime is above ${longestOfFetch} s for a fetch; use Expires > 0` }
    }
    const warning = termsFault(wishes, this.parts.host.clock.date())
    if (warning !== undefined) return { status: 400, warning }
    return isFetch ? { status: 400, warning: `/type is ${wishes.type} for a fetch; use Expires > 0` } : undefined
  }

  /** A request that waits. Who may not know hears at once that he may not, and nothing of it is stored. */
  private answerLater(exchange: Exchange, { question, request, target, wishes }: AskedLocation): void {
    const { deferred, host, permissions } = this.parts
    if (target === undefined || !permissions.mayBeTold(target.id, question, wishes.type)) {
      const resource = exchange.request.uri.text
      const refused = exchange.accept<LocationState>({ package: locationEvent, resource, pending: true, state: nothingYet })
      if (refused.live) refused.terminate('rejected')
      return
    }
    const { codeword: _, ...terms } = wishes
    const change = deferred.beginning({ request, target: target.id, question, wishes: terms })!
    const left = wishes.stop === undefined ? longestValidity : Math.ceil((Date.parse(wishes.stop) - host.clock.date()) / 1000)
    exchange.accept<LocationState>({
      package: locationEvent,
      resource: target.id,
      pending: true,
      state: nothingYet,
      expires: Math.min(left, longestValidity),
      record: { request },
      writes: change.writes,
      begun: (notifier) => {
        change.apply()
        this.expiry.set(notifier.id, notifier.expires)
        deferred.begun(notifier, request)
      },
    })
  }

  private async answerNow(exchange: Exchange, asked: AskedLocation): Promise<void> {
    const { host } = this.parts
    const isFetch = exchange.request.expires === 0
    const resource = exchange.request.uri.text // the same for a target that is hidden and for none
    const notifier = exchange.accept<LocationState>({
      package: locationEvent,
      resource,
      ...(isFetch ? {} : { pending: true, state: nothingYet }),
    })
    if (!notifier.live) return
    try {
      await (isFetch ? this.inTime(notifier, asked) : this.carryOut(notifier, asked, () => notifier.live))
    } catch (fault) {
      host.log.error({ request: asked.request, fault: String(fault) }, 'a request where a target is has failed')
      if (notifier.live) notifier.terminate('probation', 5)
    }
  }
  /** As `carryOut`, within the time for which the NOTIFY of a fetch waits. */
  private async inTime(notifier: Notifier<LocationState>, asked: AskedLocation): Promise<void> {
    let isLate = false
    const timer = this.parts.host.clock.after(longestOfFetch * 1000, () => {
      isLate = true
      notifier.terminate('rejected') // nothing is said of a target that thinks about it
    })
    await this.carryOut(notifier, asked, () => notifier.live && !isLate).finally(() => timer.cancel())
  }
  private async carryOut(notifier: Notifier<LocationState>, asked: AskedLocation, isWanted: () => boolean): Promise<void> {
    const { disclosures } = this.parts
    const { question, request, target } = asked
    const since = this.parts.host.clock.date()
    const report = await this.reportOf(asked)
    if (!isWanted()) return
    if (report === undefined || target === undefined) return notifier.terminate('rejected')
    const isFetch = !notifier.pending
    const give = (document: string): void => {
      if (isFetch) return notifier.notify({ document })
      notifier.authorise(true, { document })
      notifier.terminate('noresource')
    }
    const { cause = 'position-timeout', place } = report
    if (place === undefined) return give(noteDocument({ request, target: target.id }, cause))
    const outcome = await disclosures.tell({
      ...{ notifier, request, target: target.id, type: 'immediate', since, question, place, give, isWanted },
      isLast: !isFetch,
    })
    if (outcome === 'withheld' && isWanted()) notifier.terminate('rejected')
  }
  /** The place of the target, or why there is none; undefined: nothing may be told. */
  private async reportOf(asked: AskedLocation): Promise<Pick<LcsReport, 'place' | 'cause'> | undefined> {
    const { cores, permissions } = this.parts
    const { question, request, target, wishes } = asked
    if (target === undefined || (await permissions.granted(target.id, question)) === undefined) return undefined
    const report = await cores.immediate({ request, target: target.id, question, wishes })
    const isLost = report?.place === undefined && (await permissions.granted(target.id, question)) === undefined
    return isLost ? undefined : (report ?? {})
  }
}
