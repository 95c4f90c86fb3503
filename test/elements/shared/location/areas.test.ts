/** Areas on the sphere: depth against simple oracles, poles, the date line, and shapes that are none (L17). */
import test from 'ava'
import fc from 'fast-check'
import { type Area, type AreaShape, areaOf, isAreaFault } from '../../../../elements/shared/location/areas.ts'
import { bearing, distance, type GeoPoint, pointTo } from '../../../../elements/shared/location/sphere.ts'

function area(shape: AreaShape): Area {
  const made = areaOf(shape)
  if (isAreaFault(made)) throw new Error(`${made.pointer} ${made.text}`)
  return made
}

type Position = readonly [longitude: number, latitude: number]

const at = ({ latitude, longitude }: GeoPoint): Position => [longitude, latitude]

/** A regular polygon around a centre, its corners so far away. */
function regular(centre: GeoPoint, corners: number, metres: number): Position[] {
  const ring = Array.from({ length: corners }, (_, i) => at(pointTo(centre, (360 * i) / corners, metres)))
  return [...ring, ring[0]!]
}

const points = fc.record({
  latitude: fc.oneof(fc.double({ min: -90, max: 90, noNaN: true }), fc.double({ min: 89.99, max: 90, noNaN: true })),
  longitude: fc.oneof(fc.double({ min: -180, max: 180, noNaN: true }), fc.double({ min: 179.99, max: 180, noNaN: true })),
})
const directions = fc.double({ min: 0, max: 359, noNaN: true })

test('the way back is as long as the way there, in the opposite direction', (t) => {
  const isBack = (from: GeoPoint, direction: number, metres: number): boolean => {
    const to = pointTo(from, direction, metres)
    const back = pointTo(to, bearing(to, from), metres)
    return Math.abs(distance(from, to) - metres) < 0.01 && distance(back, from) < 0.01
  }
  const metres = fc.double({ min: 1, max: 1_000_000, noNaN: true })
  t.notThrows(() => fc.assert(fc.property(points, directions, metres, isBack), { numRuns: 3000 }))
})

test('a circle: the radius less the distance, anywhere on the globe', (t) => {
  const isSo = (centre: GeoPoint, direction: number, metres: number): boolean => {
    const { depth } = area({ type: 'Point', coordinates: at(centre), radius: 500 })
    return (
      Math.abs(
        depth.call(area({ type: 'Point', coordinates: at(centre), radius: 500 }), pointTo(centre, direction, metres)) -
          (500 - metres),
      ) < 0.01
    )
  }
  t.notThrows(() => fc.assert(fc.property(points, directions, fc.double({ min: 0, max: 2000, noNaN: true }), isSo)))
})

test('a polygon of many corners is nearly its circle, wound either way, over poles and the date line', (t) => {
  const isSo = (centre: GeoPoint, direction: number, metres: number, isReversed: boolean): boolean => {
    const ring = regular(centre, 360, 1000)
    const made = area({ type: 'Polygon', coordinates: [isReversed ? ring.toReversed() : ring] })
    return (
      Math.abs(made.depth(pointTo(centre, direction, metres)) - (1000 - metres)) < 0.2 && Math.abs(made.innerRadius - 1000) < 10
    )
  }
  const metres = fc.double({ min: 0, max: 3000, noNaN: true })
  t.notThrows(() => fc.assert(fc.property(points, directions, metres, fc.boolean(), isSo), { numRuns: 60 }))
})

test('an ellipse: its edge by brute force, turned', (t) => {
  const centre = { latitude: 52.52, longitude: 13.405 }
  const isSo = (semiMajor: number, share: number, orientation: number, direction: number, metres: number): boolean => {
    const semiMinor = semiMajor * share
    const made = area({ type: 'Point', coordinates: at(centre), ellipse: { semiMajor, semiMinor, orientation } })
    const angle = ((direction - orientation) * Math.PI) / 180
    const [x, y] = [metres * Math.cos(angle), metres * Math.sin(angle)]
    let nearest = Number.POSITIVE_INFINITY
    for (let i = 0; i < 7200; i++) {
      const turn = (i / 7200) * 2 * Math.PI
      nearest = Math.min(nearest, Math.hypot(semiMajor * Math.cos(turn) - x, semiMinor * Math.sin(turn) - y))
    }
    const depth = (x / semiMajor) ** 2 + (y / semiMinor) ** 2 <= 1 ? nearest : -nearest
    return Math.abs(made.depth(pointTo(centre, direction, metres)) - depth) < 1
  }
  const sizes = [fc.double({ min: 50, max: 1000, noNaN: true }), fc.double({ min: 0.05, max: 1, noNaN: true })] as const
  const metres = fc.double({ min: 0, max: 2000, noNaN: true })
  t.notThrows(() => fc.assert(fc.property(...sizes, directions, directions, metres, isSo), { numRuns: 300 }))
})

test('holes, and a concave ring', (t) => {
  const centre = { latitude: -33.86, longitude: 151.21 }
  const made = area({ type: 'Polygon', coordinates: [regular(centre, 90, 1000), regular(centre, 90, 300)] })
  t.true(made.depth(centre) < -299)
  t.true(Math.abs(made.depth(pointTo(centre, 45, 500)) - 200) < 2)
  t.true(Math.abs(made.innerRadius - 350) < 6, `${made.innerRadius}`)
  const north = (metres: number, east: number): Position => at(pointTo(pointTo(centre, 0, metres), 90, east))
  const corner = area({
    type: 'Polygon',
    coordinates: [
      [north(0, 0), north(1000, 0), north(1000, 200), north(200, 200), north(200, 1000), north(0, 1000), north(0, 0)],
    ],
  })
  t.true(corner.depth(pointTo(pointTo(centre, 0, 600), 90, 600)) < -390, 'between its arms')
  t.true(corner.depth(pointTo(pointTo(centre, 0, 600), 90, 100)) > 98)
  t.true(Math.abs(corner.innerRadius - 117) < 3, `${corner.innerRadius}`)
})

const triangle: Position[] = [
  [13, 52],
  [14, 52],
  [14, 53],
  [13, 52],
]
const faults: readonly (readonly [what: string, shape: AreaShape, pointer: string])[] = [
  ['a latitude beyond the pole', { type: 'Point', coordinates: [13, 91], radius: 1 }, '/coordinates'],
  ['NaN', { type: 'Point', coordinates: [Number.NaN, 1], radius: 1 }, '/coordinates'],
  ['1e308', { type: 'Point', coordinates: [1e308, 1], radius: 1 }, '/coordinates'],
  ['a radius of nothing', { type: 'Point', coordinates: [13, 52], radius: 0 }, '/radius'],
  ['a radius of 1e308', { type: 'Point', coordinates: [13, 52], radius: 1e308 }, '/radius'],
  [
    'a longer minor axis',
    { type: 'Point', coordinates: [13, 52], ellipse: { semiMajor: 1, semiMinor: 2, orientation: 0 } },
    '/ellipse/semiMinor',
  ],
  ['no ring', { type: 'Polygon', coordinates: [[]] }, '/coordinates/0'],
  [
    'a ring of two points',
    {
      type: 'Polygon',
      coordinates: [
        [
          [13, 52],
          [14, 52],
          [13, 52],
        ],
      ],
    },
    '/coordinates/0',
  ],
  [
    'a ring of one point',
    {
      type: 'Polygon',
      coordinates: [
        [
          [13, 52],
          [13, 52],
          [13, 52],
          [13, 52],
        ],
      ],
    },
    '/coordinates/0',
  ],
  ['a ring that is open', { type: 'Polygon', coordinates: [triangle.slice(0, 3)] }, '/coordinates/0'],
  [
    'a vertex that is no place',
    {
      type: 'Polygon',
      coordinates: [
        [
          [13, 52],
          [181, 52],
          [14, 53],
          [13, 52],
        ],
      ],
    },
    '/coordinates/0/1',
  ],
  [
    'an edge around the globe',
    {
      type: 'Polygon',
      coordinates: [
        [
          [0, 0],
          [170, 0],
          [0, 80],
          [0, 0],
        ],
      ],
    },
    '/coordinates/0/1',
  ],
  [
    'a ring that crosses itself',
    {
      type: 'Polygon',
      coordinates: [
        [
          [13, 52],
          [14, 53],
          [14, 52],
          [13, 53],
          [13, 52],
        ],
      ],
    },
    '/coordinates/0',
  ],
  [
    'a hole that crosses the edge',
    {
      type: 'Polygon',
      coordinates: [
        triangle,
        [
          [13.5, 51.5],
          [13.6, 52.3],
          [13.7, 51.5],
          [13.5, 51.5],
        ],
      ],
    },
    '/coordinates/1',
  ],
  ['10,000 vertices', { type: 'Polygon', coordinates: [regular({ latitude: 1, longitude: 1 }, 10_000, 1000)] }, '/coordinates'],
]
for (const [what, shape, pointer] of faults)
  test(`L17: ${what} is a fault with its place`, (t) => {
    const made = areaOf(shape)
    t.true(isAreaFault(made))
    t.is(isAreaFault(made) ? made.pointer : '', pointer)
  })

test('L17: a ring of the most vertices, and one over a pole, are areas', (t) => {
  const made = area({ type: 'Polygon', coordinates: [regular({ latitude: 90, longitude: 0 }, 999, 5000)] })
  t.true(made.depth({ latitude: 90, longitude: 77 }) > 4990)
  t.true(made.depth({ latitude: 89.9, longitude: 180 }) < 0)
})
