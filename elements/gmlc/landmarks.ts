/** Landmarks (SPEC §8.6): a grid over the whole globe, at which coarse places are told. */
import { sealHex } from '../../signalling/index.ts'
import { distance, earthRadius, type GeoPoint, radians } from '../shared/location/sphere.ts'

/** A grid point, or a pole. */
export interface Landmark extends GeoPoint {
  /** Rows from the equator, north positive; `N` and `S` are the poles. */
  readonly row: number | 'N' | 'S'
  readonly column: number
}

const within = 0.75 // of the grid's width: a candidate is so near; every point has one within 0.71

/** Landmarks of a grid that are near enough to stand for a point. @param width metres between rows, and at most between columns */
export function candidatesOf(point: GeoPoint, width: number): readonly Landmark[] {
  const near: Landmark[] = []
  const step = (width / earthRadius) * (180 / Math.PI) // degrees between rows
  const middle = Math.round(point.latitude / step)
  for (let row = middle - 1; row <= middle + 1; row++) {
    const latitude = row * step
    if (Math.abs(latitude) < 90) addNear(near, point, row, latitude, width)
  }
  for (const pole of poles) if (distance(point, pole) <= within * width) near.push(pole)
  return near
}

const poles: readonly Landmark[] = [
  { row: 'N', column: 0, latitude: 90, longitude: 0 },
  { row: 'S', column: 0, latitude: -90, longitude: 0 },
]

const fewColumns = 32 // of rows so near a pole that distant columns are near

/** Adds the candidates of one row. */
function addNear(near: Landmark[], point: GeoPoint, row: number, latitude: number, width: number): void {
  const columns = Math.ceil((2 * Math.PI * earthRadius * Math.cos(radians(latitude))) / width)
  const middle = Math.round((point.longitude / 360) * columns)
  const [west, east] = columns <= fewColumns ? [0, columns - 1] : [middle - 1, middle + 1]
  for (let index = west; index <= east; index++) {
    const column = ((index % columns) + columns) % columns
    const degrees = (360 * column) / columns
    const landmark = { row, column, latitude, longitude: degrees > 180 ? degrees - 360 : degrees }
    if (distance(point, landmark) <= within * width) near.push(landmark)
  }
}

/** The choice among candidates that a secret makes for a target: the same at each time, and none that others foresee. */
export function chosenOf(candidates: readonly Landmark[], width: number, target: string, secret: Uint8Array): Landmark {
  let chosen: Landmark | undefined
  let least: string | undefined
  for (const candidate of candidates) {
    const seal = sealHex(secret, `${target}\n${width}\n${candidate.row}\n${candidate.column}`)
    if (least === undefined || seal < least) [chosen, least] = [candidate, seal]
  }
  if (chosen === undefined) throw new RangeError('no landmark is near')
  return chosen
}
