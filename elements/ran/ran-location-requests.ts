/** Location requests of the core network (SPEC §8.1): answered by a place, or by why there is none. */
import type { Exchange, Host } from '../../signalling/index.ts'
import { mediaType, type Place, type RanLocationRequest, readBody, writeBody } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { ownUser } from '../shared/identifiers/element-names.ts'
import { requestAt } from '../shared/location/location-messages.ts'
import type { MeasuredPosition, Positioning } from './positioning/positioning.ts'
import { SimulatedPositioning } from './positioning/simulated-positioning.ts'
import type { RanSettings } from './settings-type.ts'

export const locationRequestType = mediaType('ran-location-request')
const usualWithin = 15 // seconds
const answeredAtMost = 10_000 // requests whose answer is known for a repeat

export class LocationRequests {
  private readonly host: Host
  private readonly positioning: Positioning
  private readonly conversations: Conversations
  /** Answers by request: one that comes again is measured once. */
  private readonly answers = new Map<string, Promise<MeasuredPosition | undefined>>()
  private askers: readonly string[] = []

  constructor(host: Host, settings: RanSettings) {
    this.host = host
    this.positioning = new SimulatedPositioning(host.clock, host.ids)
    this.conversations = new Conversations(host)
    this.reload(settings)
  }
  /** Places and askers change at once. */
  reload({ askers = [], places = [] }: RanSettings): void {
    this.askers = askers
    for (const { at, device } of places) {
      const [longitude, latitude] = at as readonly [number, number]
      this.positioning.place?.(subscriberKey(device, this.host.domains) ?? device, { latitude, longitude })
    }
  }
  stop(): void {
    this.positioning.stop()
  }

  async handle(exchange: Exchange): Promise<void> {
    const { domains } = this.host
    const asker = askerOf(exchange, domains)
    const name = asker === undefined ? undefined : ownUser(asker, domains)
    if (asker === undefined || name === undefined || !this.askers.includes(name)) {
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
  private measured({ qos, request, target }: RanLocationRequest): Promise<MeasuredPosition | undefined> {
    let measured = this.answers.get(request)
    if (measured === undefined) {
      const within = (qos?.responseTime ?? usualWithin) * 1000
      measured = this.positioning.measure(target, { accuracy: qos?.accuracy, within })
      this.answers.set(request, measured)
      if (this.answers.size > answeredAtMost) this.answers.delete(this.answers.keys().next().value!)
    }
    return measured
  }
}

/** An assured accuracy is met, or nothing is told (SPEC §8.1). */
function reportOf({ qos, request }: RanLocationRequest, found: MeasuredPosition | undefined) {
  if (found === undefined) return { request, cause: 'position-failed' } as const
  const isMet = qos?.class !== 'assured' || qos.accuracy === undefined || found.radius <= qos.accuracy
  return isMet ? { request, place: placeOf(found) } : ({ request, cause: 'qos-not-met' } as const)
}

function placeOf({ at, confidence, latitude, longitude, method, radius }: MeasuredPosition): Place {
  const point = { type: 'Point', coordinates: [longitude, latitude] } as const
  return { point: { ...point, coordinates: [longitude, latitude] }, radius, confidence, at: new Date(at).toISOString(), method }
}
