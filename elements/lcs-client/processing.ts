/**
 * Processing of places (SPEC §8.1): offered, subscribed to and paid for, in this order. The outcome of a request and its
 * charge are one write. A request that comes again gets the same outcome, and costs nothing.
 */
import type { Host, StoreWrite } from '../../signalling/index.ts'
import type { LocationCause, LocationInformation, LocationInformationAck, LocationResult, Place } from '../schemas/index.ts'
import { Charges } from '../shared/clients/charges.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { serverUri, subscriberKey } from '../shared/identifiers/devices.ts'
import { withCivic } from '../shared/location/civic.ts'
import { describedPlace } from '../shared/location/described-place.ts'
import { Kept } from '../shared/state/kept.ts'
import { putTogether } from '../shared/state/kept-change.ts'
import type { LcsClientSettings } from './settings-type.ts'

type OfferedService = LcsClientSettings['services'][number]
type ServiceSubscriber = NonNullable<LcsClientSettings['subscribers']>[number]

interface ProcessingParts {
  readonly host: Host
  readonly subscribers: Subscribers
  /** URI or name; undefined: nothing is charged there. */
  readonly pcrf: string | undefined
}

/** Units that a target has paid of its balance. */
interface Spending {
  readonly spent: number
}

interface KeptOutcome {
  readonly outcome: LocationInformationAck
  /** Milliseconds since the epoch. */
  readonly until: number
}

const knownFor = 86_400_000 // milliseconds for which an outcome is known
const outcomesAtMost = 500_000

export class Processing {
  private readonly parts: ProcessingParts
  private readonly outcomes: Kept<KeptOutcome>
  private readonly spending: Kept<Spending>
  private readonly charges: Charges | undefined
  private readonly underWay = new Map<string, Promise<LocationInformationAck>>()
  private services: readonly OfferedService[] = []
  private listed: ReadonlyMap<string, ServiceSubscriber> | undefined

  constructor(parts: ProcessingParts) {
    const { host, pcrf } = parts
    this.parts = parts
    this.outcomes = new Kept<KeptOutcome>(host, {
      prefix: `lcs-client/${host.name}/outcome/`,
      noun: 'the outcome of a request',
      expires: ({ until }) => until,
      ended: 'lapse',
    })
    this.spending = new Kept<Spending>(host, { prefix: `lcs-client/${host.name}/spent/`, noun: 'what a target has paid' })
    this.charges = pcrf === undefined ? undefined : new Charges(host, serverUri(pcrf, host.domains))
    host.gauge('outcomes', () => this.outcomes.size)
  }
  async load(): Promise<void> {
    await this.outcomes.load()
    await this.spending.load()
    await this.charges?.load()
  }
  reload({ services, subscribers }: LcsClientSettings): void {
    const { domains } = this.parts.host
    this.services = services
    this.listed = subscribers && new Map(subscribers.map((one) => [subscriberKey(one.target, domains) ?? one.target, one]))
  }
  async stop(): Promise<void> {
    this.charges?.stop()
    await Promise.all([this.outcomes.stop(), this.spending.stop()])
  }

  /** The same for each repeat of a request. */
  outcomeOf(information: LocationInformation): Promise<LocationInformationAck> {
    const { request } = information
    const known = this.outcomes.get(request)
    if (known !== undefined) return Promise.resolve(known.outcome)
    let outcome = this.underWay.get(request)
    if (outcome === undefined) {
      outcome = this.process(information)
        .catch((fault: unknown): LocationInformationAck => {
          this.parts.host.log.error({ request, fault: String(fault) }, 'a place is not processed')
          return { request, handled: false, cause: 'processing-failed' }
        })
        .finally(() => this.underWay.delete(request))
      this.underWay.set(request, outcome)
    }
    return outcome
  }
  private async process(information: LocationInformation): Promise<LocationInformationAck> {
    const { deliver, request, service: named, target, until } = information
    if (until !== undefined && this.parts.host.clock.date() > Date.parse(until)) return this.refused(request, 'processing-failed')
    if (this.outcomes.size >= outcomesAtMost) return this.refused(request, 'processing-failed')
    const service = named === undefined ? this.only : this.services.find(({ service }) => service === named)
    if (service === undefined) return this.refused(request, named === undefined ? 'service-missing' : 'service-not-offered')
    if (!(await this.isSubscribed(target, service.service))) return this.refused(request, 'service-not-subscribed')
    if (deliver !== undefined && deliver !== 'chain') return this.refused(request, 'delivery-failed') // by a message: to come
    // requests of one target are paid for one after the other
    return this.spending.inTurn(target, async () => {
      const { price = 0 } = service
      const spent = this.spending.get(target)?.spent ?? 0
      if (price > 0 && this.balanceOf(target) - spent < price) return this.refused(request, 'balance-too-low')
      const result = resultOf(service, withCivic(information.place, this.parts.host.log))
      if (result === undefined) return this.refused(request, 'processing-failed')
      const outcome: LocationInformationAck = { request, handled: true, result }
      const paid = price === 0 ? [] : [this.spending.putting(target, { spent: spent + price })]
      const kept = this.outcomes.putting(request, { outcome, until: this.parts.host.clock.date() + knownFor })
      await putTogether(this.parts.host.store, [kept, ...paid], this.chargeOf(target, service))
      this.parts.host.count('places_processed')
      return outcome
    })
  }
  private get only(): OfferedService | undefined {
    return this.services.length === 1 ? this.services[0] : undefined
  }
  private refused(request: string, cause: LocationCause): LocationInformationAck {
    this.parts.host.count(`refused_${cause.replaceAll('-', '_')}`)
    return { request, handled: false, cause }
  }
  /** By the settings, else by the record of a user of ours. */
  private async isSubscribed(target: string, service: string): Promise<boolean> {
    const listed = this.listed?.get(target)
    if (this.listed !== undefined) return listed !== undefined && (listed.services?.includes(service) ?? true)
    const { host, subscribers } = this.parts
    const record = await subscribers.of(target) // an HSS that does not answer: the processing has failed
    if (record?.moLr === undefined) return false
    return record.moLr.services?.some((one) => one.client === host.name && one.service === service) ?? true
  }
  private balanceOf(target: string): number {
    return this.listed?.get(target)?.balance ?? 0
  }
  private chargeOf(target: string, { service }: OfferedService): readonly StoreWrite[] {
    if (this.charges === undefined) return []
    return [this.charges.put({ event: 'location', service: 'location', device: target, application: service })]
  }
}

/** Undefined: the service cannot make anything of it. */
function resultOf({ does }: OfferedService, place: Place): LocationResult | undefined {
  if (does === 'text') return { type: 'text/plain', text: describedPlace(place) }
  return undefined
}
