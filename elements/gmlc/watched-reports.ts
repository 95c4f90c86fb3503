/**
 * Reports about areas and moves, as each asker may know them (SPEC §8.6, §8.7): who may know exactly hears what the core network
 * has seen. Anybody else hears what the landmarks of the target say.
 */
import type { LcsReport, Place } from '../schemas/index.ts'
import { fixOf, isWatched, type WatchMemory, watchOf } from '../shared/location/target-watch.ts'
import { widthFor } from './coarse-place.ts'
import type { CoarsePlaces } from './coarse-places.ts'
import type { EventReport } from './location-document.ts'
import type { LocationPermissions } from './location-permissions.ts'
import type { CarriedPrecision, TargetRequest } from './target-request.ts'

interface WatchedReportParts {
  readonly permissions: LocationPermissions
  readonly places: CoarsePlaces
}

/** Metres of the landmarks of who is told events alone. */
const widthOfEvents = 1000
const sureAfter = 10_000 // milliseconds: landmarks have no noise, so that one that says the opposite is sure
const leastMove = 20 // metres, of a target whose landmarks are watched
const movesInWidth = 10

/** The precision for which the core network is to watch: a rule about a place is for each report to look at. */
export function precisionFor({ question, target }: TargetRequest, permissions: LocationPermissions): CarriedPrecision {
  const precision = permissions.everywhere(target, question)?.precision ?? 'events'
  return typeof precision === 'number' ? widthFor(precision) : precision
}

/** Terms for the core network: of the landmarks of a target it needs to hear of moves alone. */
export function carriedWishes({ wishes }: TargetRequest, precision: CarriedPrecision): TargetRequest['wishes'] {
  if (!isWatched(wishes) || precision === 'exact') return wishes
  const { age, qos, start, stop } = wishes
  return {
    ...{ type: 'moved', repeat: 'each' },
    distance: Math.max(leastMove, widthFor(precision === 'events' ? widthOfEvents : precision) / movesInWidth),
    ...(age === undefined ? {} : { age }),
    ...(qos === undefined ? {} : { qos }),
    ...(start === undefined ? {} : { start }),
    ...(stop === undefined ? {} : { stop }),
  } as TargetRequest['wishes']
}

/** Events of a report, made for one precision. */
interface WatchedEvents {
  readonly events: readonly EventReport[]
  readonly watch: WatchMemory | undefined
  /** Whether its asker may know just as exactly now. */
  readonly isCurrent: () => boolean
}

export class WatchedReports {
  private readonly parts: WatchedReportParts

  constructor(parts: WatchedReportParts) {
    this.parts = parts
  }
  /** Events that a report brings its asker, and the memory of the watch by then. */
  async of(
    { carried, question, target, watch: memory, wishes }: TargetRequest,
    { event, inside }: LcsReport,
    place: Place,
  ): Promise<WatchedEvents> {
    const { permissions, places } = this.parts
    const now = (): number | 'exact' | undefined => {
      const permission = permissions.of(target, question, place)
      return permission && (permission.precision ?? widthOfEvents)
    }
    const precision = now()
    const isCurrent = (): boolean => now() === precision
    if (precision === undefined) return { events: [], watch: memory, isCurrent }
    const at = Date.parse(place.at)
    const isSeen = carried === 'exact' && (wishes.type === 'moved' || inside !== undefined)
    if (precision === 'exact' && isSeen) return { events: [{ at, event, state: stateOf(inside) }], watch: undefined, isCurrent }
    // the same place again, each so often, would tell that a target has moved within its landmark
    const { maxInterval: _, ...terms } = wishes
    const watch = watchOf(precision === 'exact' ? wishes : terms, memory)
    const reports =
      precision === 'exact' ? watch.fix(fixOf(place)) : [...watch.fix(await landmark()), ...watch.pass(at + sureAfter)]
    return {
      events: reports.map(({ event: happened, state }) => ({ at, event: happened, state })),
      watch: watch.memory,
      isCurrent,
    }

    async function landmark() {
      const { shape } = await places.told(target, place, { precision: precision as number })
      const [longitude, latitude] = (shape as { readonly point: readonly [number, number] }).point
      return { point: { latitude, longitude }, uncertainty: 0, at }
    }
  }
}

function stateOf(inside: boolean | undefined): EventReport['state'] {
  return inside === undefined ? undefined : inside ? 'inside' : 'outside'
}
