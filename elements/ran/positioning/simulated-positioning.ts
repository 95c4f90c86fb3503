/** Simulated positioning: from places that are known to be true, with the errors and the time of three methods of measuring. */
import type { Clock, Ids } from '../../../signalling/index.ts'
import { type GeoPoint, pointTo } from '../../shared/location/sphere.ts'
import type { MeasuredPosition, Positioning } from './positioning.ts'

interface MeasuringMethod {
  readonly name: string
  /** Metres, in which 95 of 100 measurements are. */
  readonly radius: number
  /** Milliseconds. */
  readonly takes: number
}

/** The quickest first: cell with timing advance, differences of arrival, satellites. */
const methods: readonly MeasuringMethod[] = [
  { name: 'Cell', radius: 100, takes: 100 },
  { name: 'OTDOA', radius: 35, takes: 1500 },
  { name: 'A-GNSS', radius: 8, takes: 6000 },
]
const confidence = 95 // percent
const deviations = Math.sqrt(-2 * Math.log(1 - confidence / 100)) // of a normal error in the plane, within that radius
const farthest = 3 // radii

export class SimulatedPositioning implements Positioning {
  private readonly clock: Clock
  private readonly ids: Ids
  private truth: ReadonlyMap<string, GeoPoint> = new Map()
  private stopped = false

  constructor(clock: Clock, ids: Ids) {
    this.clock = clock
    this.ids = ids
  }

  async measure(
    target: string,
    { accuracy, within }: Parameters<Positioning['measure']>[1],
  ): Promise<MeasuredPosition | undefined> {
    const method = chosen(accuracy, within)
    if (method === undefined || !this.truth.has(target)) return undefined
    await new Promise<void>((resolve) => {
      this.clock.after(method.takes, resolve)
    })
    const point = this.truth.get(target)
    if (point === undefined || this.stopped) return undefined
    const error = Math.min(
      farthest * method.radius,
      (method.radius / deviations) * Math.sqrt(-2 * Math.log(1 - this.ids.fraction())),
    )
    const measured = pointTo(point, this.ids.fraction() * 360, error)
    return { ...measured, radius: method.radius, confidence, method: method.name, at: this.clock.date() }
  }

  /** Targets are there from now on, and all others nowhere. */
  placeAll(places: ReadonlyMap<string, GeoPoint>): void {
    this.truth = new Map(places)
  }

  stop(): void {
    this.stopped = true
  }
}

/** The quickest that is good enough, else the best that there is time for. */
function chosen(accuracy: number | undefined, within: number): MeasuringMethod | undefined {
  const inTime = methods.filter(({ takes }) => takes < within)
  return inTime.find(({ radius }) => accuracy === undefined || radius <= accuracy) ?? inTime.at(-1)
}
