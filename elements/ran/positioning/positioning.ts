/** Positioning of UEs by the radio network (SPEC §8.1): one interface, behind which a simulation or a measuring system stands. */
import type { GeoPoint } from '../../shared/location/sphere.ts'

/** A measured position. */
export interface MeasuredPosition extends GeoPoint {
  /** Metres around the point, in which the target is with that confidence. */
  readonly radius: number
  /** Percent. */
  readonly confidence: number
  /** IANA method token, such as `Cell`. */
  readonly method: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

interface PositioningWish {
  /** Metres; undefined: any. */
  readonly accuracy: number | undefined
  /** Milliseconds that it may take. */
  readonly within: number
}

/** Every implementation passes `test/contracts/positioning.ts`. */
export interface Positioning {
  /** Measures where a target is now, as well as the time allows. Undefined: it cannot be found. Never rejects. */
  measure(target: string, wish: PositioningWish): Promise<MeasuredPosition | undefined>
  /** Ends its measurements. */
  stop(): void
}
