/** Location requests of the core network (SPEC §8.1): answered by a place, or by why there is none. */
import type { Exchange, Host } from '../../signalling/index.ts'
import { mediaType, type Place, type RanLocationRequest, readBody, writeBody } from '../schemas/index.ts'
import { elementAsking } from '../shared/clients/asker.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { requestAt } from '../shared/location/request-address.ts'
import type { MeasuredPosition, Positioning } from './positioning/positioning.ts'
import { SimulatedPositioning } from './positioning/simulated-positioning.ts'
import type { RanSettings } from './settings-type.ts'

export const locationRequestType = mediaType('ran-location-request')
const usualWithin = 15 // seconds
const answeredAtMost = 10_000 // requests whose answer is known for a repeat
const knownAtMost = 100_000 // targets

export class RanLocationRequests {
  private readonly host: Host
  private readonly positioning: Positioning
  private readonly simulated: SimulatedPositioning
  /** Positions as they were measured last, by target. */
  private readonly known = new Map<string, MeasuredPosition>()
  private readonly conversations: Conversations
  /** Answers by request: one that comes again is measured once. */
  private readonly answers = new Map<string, Promise<MeasuredPosition | undefined>>()
  private askers: readonly string[] = []

  constructor(host: Host, settings: RanSettings) {
    this.host = host
    this.simulated = new SimulatedPositioning(host.clock, host.ids)
    this.positioning = this.simulated
    this.conversations = new Conversations(host)
    this.reload(settings)
  }
  /** Places and askers change at once. */
  reload({ askers = [], places = [] }: RanSettings): void {
    this.askers = askers
    this.known.clear()
    this.simulated.placeAll(
      new Map(
        places.map(({ at: [longitude, latitude], device }) => [
          subscriberKey(device, this.host.domains) ?? device,
          { latitude, longitude },
        ]),
      ),
    )
  }
  stop(): void {
    this.positioning.stop()
  }

  async handle(exchange: Exchange): Promise<void> {
    const asker = elementAsking(exchange, this.host.domains, this.askers)
    if (asker === undefined) {
      const warning = 'only the core network may ask where a UE is; expected one of the askers of this base station'
      return exchange.reply(403, { warning })
    }
    const body = readBody(exchange.request, 'ran-location-request')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    exchange.reply(202)
    this.host.count('location_requests')
    const report = reportOf(body.value, await this.measured(body.value))
    this.conversations.answer(exchange, requestAt(asker, body.value.request), writeBody('ran-location-report', report))
  }
  private measured(asked: RanLocationRequest): Promise<MeasuredPosition | undefined> {
    const name = `${asked.request} ${asked.seq ?? 0}`
    let measured = this.answers.get(name)
    if (measured === undefined) {
      measured = this.measure(asked)
      this.answers.set(name, measured)
      if (this.answers.size > answeredAtMost) this.answers.delete(this.answers.keys().next().value!)
    }
    return measured
  }
  /** A position that is known, young and good enough is not measured anew. */
  private async measure({ age, qos, target }: RanLocationRequest): Promise<MeasuredPosition | undefined> {
    const known = this.known.get(target)
    const isYoung = known !== undefined && age !== undefined && this.host.clock.date() - known.at <= age * 1000
    if (isYoung && (qos?.accuracy === undefined || known.radius <= qos.accuracy)) return known
    const within = (qos?.responseTime ?? usualWithin) * 1000
    const found = await this.positioning.measure(target, { accuracy: qos?.accuracy, within })
    if (found === undefined) return undefined
    this.known.delete(target)
    this.known.set(target, found)
    if (this.known.size > knownAtMost) this.known.delete(this.known.keys().next().value!)
    return found
  }
}

/** An assured accuracy is met, or nothing is told (SPEC §8.1). */
function reportOf({ qos, request }: RanLocationRequest, found: MeasuredPosition | undefined) {
  if (found === undefined) return { request, cause: 'position-failed' } as const
  const isMet = qos?.class !== 'assured' || qos.accuracy === undefined || found.radius <= qos.accuracy
  return isMet ? { request, place: placeOf(found) } : ({ request, cause: 'qos-not-met' } as const)
}

function placeOf({ at, confidence, latitude, longitude, method, radius }: MeasuredPosition): Place {
  const point: Place['point'] = { type: 'Point', coordinates: [longitude, latitude] }
  return { point, radius, confidence, at: new Date(at).toISOString(), method }
}
