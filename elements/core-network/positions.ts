/** Places of targets, as the core network asks the radio network for them (SPEC §8.1). */
import type { Log } from '../../signalling/index.ts'
import { type LocationCause, type LocationQuality, type Place, writeBody } from '../schemas/index.ts'
import type { Conversations } from '../shared/clients/conversations.ts'
import { withCivic } from '../shared/location/civic.ts'
import { requestAt } from '../shared/location/request-address.ts'

interface PositionsParts {
  readonly log: Log
  readonly conversations: Conversations
  /** URI of the radio network; undefined: there is none. */
  readonly ran: string | undefined
}

interface PositionWish {
  readonly request: string
  /** Number of the report that it is for; left out: the request has one. */
  readonly seq?: number
  /** Canonical. */
  readonly target: string
  readonly qos?: LocationQuality | undefined
  /** Seconds. */
  readonly age?: number | undefined
}

const usualResponseTime = 15 // seconds

export class Positions {
  private readonly parts: PositionsParts
  constructor(parts: PositionsParts) {
    this.parts = parts
  }
  /** The place of a target, with its civic one, or why there is none. Never rejects. */
  async of({ age, qos, request, seq, target }: PositionWish): Promise<Place | LocationCause> {
    const { conversations, log, ran } = this.parts
    if (ran === undefined) return 'position-failed'
    const wishes = {
      ...(seq === undefined ? {} : { seq }),
      ...(qos === undefined ? {} : { qos }),
      ...(age === undefined ? {} : { age }),
    }
    const answer = await conversations.askPersistently({
      to: requestAt(ran, request),
      body: writeBody('ran-location-request', { request, target, ...wishes }),
      answer: 'ran-location-report',
      patience: (qos?.responseTime ?? usualResponseTime) * 1000,
    })
    if (answer.value === undefined) return answer.fault === 'silent' ? 'position-timeout' : 'position-failed'
    const { cause, place } = answer.value
    return place === undefined ? (cause ?? 'position-failed') : withCivic(place, log)
  }
}
