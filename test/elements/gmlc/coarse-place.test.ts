/** Coarse places: the vectors that the method was given (SPEC §8.6), and what averaging, walking and asking with several radii give away. */
import test from 'ava'
import fc from 'fast-check'
import {
  type CoarseWidth,
  circleOf,
  coarseWidths,
  type LandmarkTrail,
  stepAll,
  widthFor,
} from '../../../elements/gmlc/coarse-place.ts'
import { candidatesOf } from '../../../elements/gmlc/landmarks.ts'
import { distance, type GeoPoint, pointTo } from '../../../elements/shared/location/sphere.ts'

const choice = { target: 'sip:ue1@home.example', secret: new Uint8Array(32) }

const vectors: readonly (readonly [latitude: number, longitude: number, uncertainty: number, circles: readonly string[]])[] = [
  [
    52.52,
    13.405,
    35,
    ['52.519410, 13.404986; 210', '52.520309, 13.405041; 1200', '52.520309, 13.448276; 11000', '52.160581, 13.170732; 110000'],
  ],
  [
    -33.86,
    151.2111,
    10,
    [
      '-33.860311, 151.211242; 130',
      '-33.859412, 151.203899; 1100',
      '-33.904378, 151.236834; 11000',
      '-33.274853, 151.522388; 110000',
    ],
  ],
  [
    0,
    180,
    50,
    ['0.000000, 179.999550; 250', '0.000000, -179.995503; 1200', '0.000000, 180.000000; 11000', '0.000000, 179.551122; 110000'],
  ],
  [
    89.9999,
    -75,
    20,
    ['90.000000, 0.000000; 160', '89.994989, 90.000000; 1100', '90.000000, 0.000000; 11000', '90.000000, 0.000000; 110000'],
  ],
]

for (const [latitude, longitude, uncertainty, circles] of vectors)
  test(`vectors: ${latitude}, ${longitude} ±${uncertainty} m`, (t) => {
    const trail = stepAll({ point: { latitude, longitude }, uncertainty }, {}, choice)
    const got = coarseWidths.map((width) => {
      const { centre, radius } = circleOf(trail, width, uncertainty)
      return `${centre.latitude.toFixed(6)}, ${centre.longitude.toFixed(6)}; ${radius}`
    })
    t.deepEqual(got, circles)
  })

const points = fc.record({
  // as many near the poles and the date line as elsewhere
  latitude: fc.oneof(
    fc.double({ min: -90, max: 90, noNaN: true }),
    fc.double({ min: 89.9, max: 90, noNaN: true }),
    fc.double({ min: -90, max: -89.9, noNaN: true }),
  ),
  longitude: fc.oneof(fc.double({ min: -180, max: 180, noNaN: true }), fc.double({ min: 179.9, max: 180, noNaN: true })),
})
const width = fc.constantFrom(...coarseWidths)

test('every point of the globe has a landmark within 0.71 of the width', (t) => {
  const isNear = (point: GeoPoint, metres: CoarseWidth): boolean =>
    Math.min(...candidatesOf(point, metres).map((one) => distance(point, one))) <= 0.71 * metres
  t.notThrows(() => fc.assert(fc.property(points, width, isNear), { numRuns: 3000 }))
})

test('the circle that is told covers the measured one, wherever the target goes', (t) => {
  const walks = fc.array(fc.tuple(fc.integer({ min: 0, max: 359 }), fc.double({ min: 0, max: 40_000, noNaN: true })), {
    maxLength: 12,
  })
  const uncertainties = fc.double({ min: 0, max: 3000, noNaN: true })
  const isCovered = (start: GeoPoint, walk: readonly (readonly [number, number])[], uncertainty: number): boolean => {
    let point = start
    let trail: LandmarkTrail = {}
    return [[0, 0] as const, ...walk].every(([bearing, metres]) => {
      point = pointTo(point, bearing, metres)
      const now = stepAll({ point, uncertainty }, trail, choice)
      trail = now
      return coarseWidths.every((metres) => {
        const { centre, radius } = circleOf(now, metres, uncertainty)
        return distance(point, centre) + uncertainty <= radius + 0.2 // metres, of six decimals
      })
    })
  }
  t.notThrows(() => fc.assert(fc.property(points, walks, uncertainties, isCovered), { numRuns: 1000 }))
})

test('L1: a target that lies still is told at one place, however often and inexactly it is measured', (t) => {
  const isOne = (home: GeoPoint, seed: number): boolean => {
    let trail: LandmarkTrail = {}
    const answers = coarseWidths.map(() => new Set<string>())
    for (let number = 0; number < 200; number++) {
      const noise = ((seed + number * 7919) % 35) + 0.5
      const point = pointTo(home, (number * 137) % 360, noise)
      const now = stepAll({ point, uncertainty: 35 }, trail, choice)
      trail = now
      for (const [i, metres] of coarseWidths.entries()) answers[i]!.add(JSON.stringify(circleOf(now, metres, 35)))
    }
    return answers.every(({ size }) => size === 1)
  }
  t.notThrows(() => fc.assert(fc.property(points, fc.nat(1000), isOne), { numRuns: 100 }))
})

test('a choice says nothing of the next: another target, and another secret, get others', (t) => {
  const at = (target: string, secret: Uint8Array): readonly string[] =>
    Array.from({ length: 50 }, (_, i) => {
      const trail = stepAll({ point: { latitude: 48 + i / 7, longitude: 11 }, uncertainty: 10 }, {}, { target, secret })
      return `${trail[100].row} ${trail[100].column}`
    })
  const [mine, again, others, elsewhere] = [
    at('sip:a@home.example', choice.secret),
    at('sip:a@home.example', choice.secret),
    at('sip:b@home.example', choice.secret),
    at('sip:a@home.example', new Uint8Array(32).fill(1)),
  ]
  t.deepEqual(mine, again)
  t.true(mine.filter((each, i) => each !== others[i]).length > 10)
  t.true(mine.filter((each, i) => each !== elsewhere[i]).length > 10)
})

test('a precision between two widths counts as the wider', (t) => {
  t.deepEqual([1, 100, 101, 1000, 5000, 10_001, 1_000_000].map(widthFor), [100, 100, 1000, 1000, 10_000, 100_000, 100_000])
})
