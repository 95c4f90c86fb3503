/** Places for askers (SPEC §8.6): as exact as each may know, and the landmarks of each target, which are durable. */
import { type Host, keptSecret } from '../../signalling/index.ts'
import type { CivicPlace, Place } from '../schemas/index.ts'
import { civicAt, withCivic } from '../shared/location/civic.ts'
import type { CivicDetail } from '../shared/location/privacy-rules.ts'
import { Kept } from '../shared/state/kept.ts'
import { circleOf, type LandmarkTrail, stepAll, widthFor } from './coarse-place.ts'
import type { CivicAddress, LocatedShape } from './location-document.ts'

/** As much of a place as an asker may know. */
export interface PlacePermission {
  /** Metres. */
  readonly precision: number | 'exact'
  /** Left out: no address. */
  readonly civic?: CivicDetail
}

/** A place as an asker may know it. */
interface ToldPlace {
  readonly shape: LocatedShape
  readonly civic?: CivicAddress
  /** Of an exact place alone. */
  readonly method?: string
  readonly confidence?: number
}

export class CoarsePlaces {
  private readonly host: Host
  private readonly trails: Kept<LandmarkTrail>
  private secret: Uint8Array = new Uint8Array()

  constructor(host: Host) {
    this.host = host
    this.trails = new Kept<LandmarkTrail>(host, { prefix: `gmlc/${host.name}/landmarks/`, noun: 'the landmarks of a target' })
    host.gauge('landmark_trails', () => this.trails.size)
  }
  async load(): Promise<void> {
    const { ids, name, store } = this.host
    this.secret = Buffer.from(await keptSecret(store, ids, `gmlc/${name}/landmark-secret`))
    await this.trails.load()
  }
  stop(): Promise<void> {
    return this.trails.stop()
  }

  async told(target: string, place: Place, { civic: detail, precision }: PlacePermission): Promise<ToldPlace> {
    const { log } = this.host
    const { confidence, ellipse, method, point, radius } = place
    const [longitude, latitude] = point.coordinates as readonly [number, number]
    if (precision === 'exact') {
      const shape = { point: [longitude, latitude] as const }
      const known = {
        ...(method === undefined ? {} : { method }),
        ...(confidence === undefined ? {} : { confidence }),
        ...(detail === undefined ? {} : civicPart(withCivic(place, log).civic, detail)),
      }
      if (ellipse !== undefined) return { shape: { ...shape, ellipse }, ...known }
      return { shape: radius === undefined ? shape : { ...shape, radius }, ...known }
    }
    const uncertainty = radius ?? ellipse?.semiMajor ?? 0
    const before = this.trails.get(target) ?? {}
    const measured = { point: { latitude, longitude }, uncertainty }
    const trail = stepAll(measured, before, { target, secret: this.secret })
    if (JSON.stringify(trail) !== JSON.stringify(before)) await this.trails.put(target, trail)
    const { centre, radius: covering } = circleOf(trail, widthFor(precision), uncertainty)
    const shape = { point: [centre.longitude, centre.latitude] as const, radius: covering }
    if (detail === undefined) return { shape }
    // at a border of towns the measured place would be now in one of them, now in the other
    return { shape, ...civicPart(civicAt(trail[100], log), detail === 'full' ? 'city' : detail) }
  }
}

const civicNames = {
  country: ['country'],
  region: ['country', 'A1'],
  city: ['country', 'A1', 'A3'],
  full: ['country', 'A1', 'A2', 'A3', 'A4', 'A5', 'A6'],
} as const satisfies { readonly [detail in CivicDetail]: readonly (keyof CivicPlace)[] }

/** Elements of an address that may be told; empty: none. */
function civicPart(civic: CivicPlace | undefined, detail: CivicDetail): Pick<ToldPlace, 'civic'> {
  const elements = civicNames[detail].flatMap((name) => (civic?.[name] === undefined ? [] : [[name, civic[name]] as const]))
  return elements.length === 0 ? {} : { civic: Object.fromEntries(elements) }
}
