/**
 * Coarse places (SPEC §8.6): the circle around a landmark in place of where a target is. One that stays within reach of its
 * last landmark is told at that one for ever, to everybody alike; so nothing averages out.
 */
import { distance, type GeoPoint } from '../shared/location/sphere.ts'
import { candidatesOf, chosenOf, type Landmark } from './landmarks.ts'

/** Widths of the grids, in metres. */
export const coarseWidths = [100, 1000, 10_000, 100_000] as const

export type CoarseWidth = (typeof coarseWidths)[number]

/** Width -> the landmark at which a target is, or was last. */
export type LandmarkTrail = { readonly [width in CoarseWidth]?: Landmark }

/** A measured place: its point, and the metres by which that may be wrong. */
interface MeasuredPoint {
  readonly point: GeoPoint
  readonly uncertainty: number
}

/** A circle that covers the measured one: six decimals, and metres. */
interface CoarseCircle {
  readonly centre: GeoPoint
  readonly radius: number
}

/** A target's name and the operator's secret, by which landmarks are chosen. */
interface LandmarkChoice {
  /** Canonical identifier. */
  readonly target: string
  readonly secret: Uint8Array
}

/** The grid for a rule's precision in metres: the next wider one. Wider than all is the widest. */
export function widthFor(precision: number): CoarseWidth {
  return coarseWidths.find((width) => width >= precision) ?? 100_000
}

/** The landmarks of all widths for a new place, given those before it. Each width starts from the next finer one. */
export function stepAll(measured: MeasuredPoint, before: LandmarkTrail, choice: LandmarkChoice): Required<LandmarkTrail> {
  const trail: { [width in CoarseWidth]?: Landmark } = {}
  let { point, uncertainty } = measured
  for (const width of coarseWidths) {
    const landmark = step(point, uncertainty, width, before[width], choice)
    trail[width] = landmark
    point = landmark
    uncertainty = 0
  }
  return trail as Required<LandmarkTrail>
}

function step(
  point: GeoPoint,
  uncertainty: number,
  width: CoarseWidth,
  last: Landmark | undefined,
  { secret, target }: LandmarkChoice,
): Landmark {
  if (last !== undefined && distance(point, last) <= 0.9 * width + 2 * uncertainty) return last
  return chosenOf(candidatesOf(point, width), width, target, secret)
}

/** The circle for an asker of that width. @param uncertainty of the measured place, in metres */
export function circleOf(trail: Required<LandmarkTrail>, width: CoarseWidth, uncertainty: number): CoarseCircle {
  const { latitude, longitude } = trail[width]
  const tenth = width / 10
  // a hair less, so that what is whole already stays
  const radius = Math.ceil((width + 3 * uncertainty) / tenth - 1e-9) * tenth
  return { centre: { latitude: rounded(latitude), longitude: rounded(longitude) }, radius }
}

function rounded(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6
}
