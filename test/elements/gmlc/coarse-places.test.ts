/** Places for askers: of the address what a rule allows, and none that noise changes for a coarse asker (SPEC §8.6). */
import test from 'ava'
import { CoarsePlaces, type PlacePermission } from '../../../elements/gmlc/coarse-places.ts'
import type { Place } from '../../../elements/schemas/index.ts'
import { civicAt } from '../../../elements/shared/location/civic.ts'
import { type GeoPoint, pointTo } from '../../../elements/shared/location/sphere.ts'
import { type Host, memoryStore, silent } from '../../../signalling/index.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'

const target = 'sip:alice@home.example'
const berlin: GeoPoint = { latitude: 52.52, longitude: 13.405 }

async function openPlaces(): Promise<CoarsePlaces> {
  const clock = new ManualClock()
  const parts = { name: 'gmlc', clock, store: memoryStore(clock), ids: seededIds(1), log: silent }
  const places = new CoarsePlaces({ ...parts, gauge: () => undefined, count: () => undefined } as unknown as Host)
  await places.load()
  return places
}

function placeAt({ latitude, longitude }: GeoPoint, more: Partial<Place> = {}): Place {
  return { point: { type: 'Point', coordinates: [longitude, latitude] }, radius: 100, at: '2026-11-22T10:00:00Z', ...more }
}

for (const [permission, civic] of [
  [{ precision: 'exact' }, undefined],
  [{ precision: 'exact', civic: 'country' }, { country: 'DE' }],
  [
    { precision: 'exact', civic: 'region' },
    { country: 'DE', A1: 'State of Berlin' },
  ],
  [
    { precision: 'exact', civic: 'city' },
    { country: 'DE', A1: 'State of Berlin', A3: 'Berlin' },
  ],
  [{ precision: 1000 }, undefined],
  [{ precision: 1000, civic: 'country' }, { country: 'DE' }],
  [
    { precision: 100_000, civic: 'full' },
    { country: 'DE', A1: 'State of Berlin', A3: 'Berlin' },
  ],
] as readonly (readonly [PlacePermission, object | undefined])[])
  test(`an asker may know of the address: ${JSON.stringify(permission)}`, async (t) => {
    const places = await openPlaces()
    t.deepEqual((await places.told(target, placeAt(berlin), permission)).civic, civic)
  })

test('a full address is what the radio network tells, for an exact asker alone', async (t) => {
  const places = await openPlaces()
  const civic = { country: 'DE', A2: 'Mitte', A3: 'Berlin', A6: 'Unter den Linden' }
  const place = placeAt(berlin, { civic })
  t.deepEqual((await places.told(target, place, { precision: 'exact', civic: 'full' })).civic, civic)
  t.deepEqual((await places.told(target, place, { precision: 'exact', civic: 'city' })).civic, { country: 'DE', A3: 'Berlin' })
  const coarse = await places.told(target, place, { precision: 100, civic: 'full' })
  t.deepEqual(Object.keys(coarse.civic ?? {}), ['country', 'A1', 'A3'])
})

test('nothing is told of the address in the middle of an ocean', async (t) => {
  const places = await openPlaces()
  const ocean = placeAt({ latitude: 0, longitude: -140 })
  for (const precision of ['exact', 1000] as const)
    t.false('civic' in (await places.told(target, ocean, { precision, civic: 'full' })))
})

/** A point where the town is another a metre on. */
function borderPoint(): GeoPoint {
  const townAt = (metres: number): string | undefined => civicAt(pointTo(berlin, 220, metres), silent)?.A3
  let [near, far] = [0, 25_000]
  while (far - near > 1) {
    const middle = (near + far) / 2
    if (townAt(middle) === 'Berlin') near = middle
    else far = middle
  }
  return pointTo(berlin, 220, near)
}

test('L1: a coarse asker is told one town of a still target at a border of towns', async (t) => {
  const places = await openPlaces()
  const border = borderPoint()
  const towns = { exact: new Set<string | undefined>(), coarse: new Set<string | undefined>() }
  for (let time = 0; time < 60; time++) {
    const place = placeAt(pointTo(border, time * 67, 90))
    towns.exact.add((await places.told(target, place, { precision: 'exact', civic: 'city' })).civic?.A3)
    towns.coarse.add((await places.told(target, place, { precision: 1000, civic: 'city' })).civic?.A3)
  }
  t.true(towns.exact.size > 1)
  t.is(towns.coarse.size, 1)
})
