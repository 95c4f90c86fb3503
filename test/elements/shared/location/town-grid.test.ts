/** Nearest points on the sphere: those that a search through all of them finds, at poles and ±180° too. */
import test from 'ava'
import fc from 'fast-check'
import { distance, type GeoPoint } from '../../../../elements/shared/location/sphere.ts'
import { TownGrid } from '../../../../elements/shared/location/town-grid.ts'

function gridOf(points: readonly GeoPoint[]): TownGrid {
  return new TownGrid(Float64Array.from(points.flatMap(({ latitude, longitude }) => [latitude, longitude])))
}

const somewhere = fc.record({
  latitude: fc.oneof(fc.double({ min: -90, max: 90, noNaN: true }), fc.constantFrom(-90, 90, 89.9, -89.9, 0)),
  longitude: fc.oneof(fc.double({ min: -180, max: 180, noNaN: true }), fc.constantFrom(-180, 180, 179.99, -179.99, 0)),
})
/** Degrees from a point to those around it. */
const aside = fc.double({ min: -1, max: 1, noNaN: true })

test('the nearest point is that of a search through all', (t) => {
  const around = fc.array(fc.tuple(aside, aside), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(somewhere, around, fc.integer({ min: 1000, max: 200_000 }), (point, asides, reach) => {
      const points = asides.map(([north, east]) => ({
        latitude: Math.max(-90, Math.min(90, point.latitude + north)),
        longitude: ((point.longitude + east + 540) % 360) - 180,
      }))
      const nearest = Math.min(...points.map((each) => distance(point, each)))
      const found = gridOf(points).nearest(point, reach)
      if (found === undefined) return nearest > reach - 0.01
      return Math.abs(found.metres - nearest) < 0.01 && Math.abs(distance(point, points[found.index]!) - nearest) < 0.01
    }),
    { numRuns: 150 },
  )
  t.pass()
})

test('poles and ±180° are in the middle of what is near them', (t) => {
  const points = [
    { latitude: 89.5, longitude: 100 },
    { latitude: -89.7, longitude: -20 },
    { latitude: 10, longitude: -179.9 },
    { latitude: -10, longitude: 179.9 },
  ]
  const grid = gridOf(points)
  const at = (latitude: number, longitude: number): number | undefined => grid.nearest({ latitude, longitude }, 100_000)?.index
  t.deepEqual([at(90, 0), at(89.7, -80), at(-90, 180), at(-89.9, 160)], [0, 0, 1, 1])
  t.deepEqual([at(10, 180), at(10, -180), at(10, 179.8), at(-10, -180), at(-10, -179.8)], [2, 2, 2, 3, 3])
  t.deepEqual([at(0, 180), at(88, 100), at(10, 0)], [undefined, undefined, undefined])
})
