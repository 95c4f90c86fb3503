/** Watches of requests of types area and moved (SPEC §8.7), from their terms as they came, and from fixes as places. */
import type { LocationRequest, Place } from '../../schemas/index.ts'
import { type AreaReport, AreaWatch, type Fix } from './area-watch.ts'
import { type Area, type AreaShape, areaOf, isAreaFault } from './areas.ts'
import { MovedWatch } from './moved-watch.ts'

/** Members of a request that say what is watched. */
export type WatchedTerms = Pick<
  LocationRequest,
  'type' | 'area' | 'on' | 'repeat' | 'minInterval' | 'maxInterval' | 'distance' | 'qos'
>

const verticesAtMost = 100 // of an area that is asked about
const leastMaxInterval = 60 // seconds: a place is measured so often

interface TargetWatch {
  /** It goes on from that after a restart. */
  readonly memory: WatchMemory
  /** Milliseconds since the epoch at which `pass` may bring something; undefined: nothing comes but by fixes. */
  readonly due: number | undefined
  fix(fix: Fix): readonly WatchReport[]
  pass(now: number): readonly WatchReport[]
}

type WatchReport = Pick<AreaReport, 'at' | 'place'> & Partial<Pick<AreaReport, 'event' | 'state'>>
export type WatchMemory = AreaWatch['memory'] & MovedWatch['memory']

export function isWatched({ type }: Pick<LocationRequest, 'type'>): boolean {
  return type === 'area' || type === 'moved'
}

/** The watch of a request whose terms are sound. */
export function watchOf(terms: WatchedTerms, memory?: WatchMemory): TargetWatch {
  const { area, distance = 1, maxInterval, minInterval, on, qos, repeat = 'once' } = terms
  const common = {
    repeat,
    ...(minInterval === undefined ? {} : { minInterval }),
    ...(maxInterval === undefined ? {} : { maxInterval }),
  }
  if (area === undefined) return new MovedWatch({ ...common, distance }, memory) as TargetWatch
  const made = areaMade(area)
  const accuracy = qos?.accuracy === undefined ? {} : { accuracy: qos.accuracy }
  return new AreaWatch({ ...common, ...accuracy, area: made, on: Array.isArray(on) ? on : [] }, memory) as TargetWatch
}

const areas = new WeakMap<object, Area>()

/** Made once: a large one costs much. */
function areaMade(area: NonNullable<WatchedTerms['area']>): Area {
  let made = areas.get(area)
  if (made !== undefined) return made
  const found = areaOf(area as AreaShape)
  if (isAreaFault(found)) throw new TypeError(`an area ${found.text}`)
  areas.set(area, (made = found))
  return made
}

/** A fault in what is to be watched, for its asker; undefined: none. */
export function watchFault({ area, distance, maxInterval, on, repeat, type }: WatchedTerms): string | undefined {
  if (maxInterval !== undefined && maxInterval < leastMaxInterval)
    return `/maxInterval is below ${leastMaxInterval}; expected seconds between two places, or more`
  if (repeat === undefined) return '/repeat is missing; expected once or each'
  if (type === 'moved') return distance === undefined ? '/distance is missing; expected metres from the last report' : undefined
  if (area === undefined) return '/area is missing; expected a polygon, or a point with a radius or an ellipse'
  if (!Array.isArray(on)) return '/on is missing; expected a list of enter, leave and inside'
  const vertices = area.type === 'Polygon' ? area.coordinates.flat().length : 0
  if (vertices > verticesAtMost) return `/area/coordinates has ${vertices} vertices; expected ${verticesAtMost} at most`
  const made = areaOf(area as AreaShape)
  return isAreaFault(made) ? `/area${made.pointer} ${made.text}` : undefined
}

export function fixOf({ at, ellipse, point, radius }: Place): Fix {
  const [longitude, latitude] = point.coordinates as readonly [number, number]
  return { point: { latitude, longitude }, uncertainty: radius ?? ellipse?.semiMajor ?? 0, at: Date.parse(at) }
}

export function placeOf({ at, point: { latitude, longitude }, uncertainty }: Fix): Place {
  return { point: { type: 'Point', coordinates: [longitude, latitude] }, radius: uncertainty, at: new Date(at).toISOString() }
}
