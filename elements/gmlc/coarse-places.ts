/** Places for askers (SPEC §8.6): as exact as each may know, and the landmarks of each target, which are durable. */
import { type Host, keptSecret } from '../../signalling/index.ts'
import type { Place } from '../schemas/index.ts'
import { Kept } from '../shared/state/kept.ts'
import { circleOf, type LandmarkTrail, stepAll, widthFor } from './coarse-place.ts'
import type { LocatedShape } from './location-document.ts'

/** A place as an asker may know it. */
interface ToldPlace {
  readonly shape: LocatedShape
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

  /** @param precision metres, or exact */
  async told(target: string, place: Place, precision: number | 'exact'): Promise<ToldPlace> {
    const { confidence, ellipse, method, point, radius } = place
    const [longitude, latitude] = point.coordinates as readonly [number, number]
    if (precision === 'exact') {
      const shape = { point: [longitude, latitude] as const }
      const known = { ...(method === undefined ? {} : { method }), ...(confidence === undefined ? {} : { confidence }) }
      if (ellipse !== undefined) return { shape: { ...shape, ellipse }, ...known }
      return { shape: radius === undefined ? shape : { ...shape, radius }, ...known }
    }
    const uncertainty = radius ?? ellipse?.semiMajor ?? 0
    const before = this.trails.get(target) ?? {}
    const measured = { point: { latitude, longitude }, uncertainty }
    const trail = stepAll(measured, before, { target, secret: this.secret })
    if (JSON.stringify(trail) !== JSON.stringify(before)) await this.trails.put(target, trail)
    const { centre, radius: covering } = circleOf(trail, widthFor(precision), uncertainty)
    return { shape: { point: [centre.longitude, centre.latitude], radius: covering } }
  }
}
