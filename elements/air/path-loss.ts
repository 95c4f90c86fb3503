/** Distance on the ground, and the strength of a signal after it. */
import type { Position } from './air.ts'

/** Log-distance path loss: received = power - loss - 10 · exponent · log10(metres). */
export interface PropagationModel {
  /** dBm sent. Default 23, as a telephone may. */
  readonly power: number
  /** dB lost over the first metre. Default 38.5: 2 GHz in free space. */
  readonly loss: number
  /** Default 3.5: a town. */
  readonly exponent: number
  /** dBm below which nothing is heard. Default -110: with the others some 500 m. */
  readonly threshold: number
}

export const town: PropagationModel = { power: 23, loss: 38.5, exponent: 3.5, threshold: -110 }

const metresPerDegree = 111_195 // of latitude, on a sphere of 6,371 km

/** Metres; right to a few parts in a thousand over the distances that radio covers. */
export function metresBetween(a: Position, b: Position): number {
  let degrees = Math.abs(a.longitude - b.longitude) % 360
  if (degrees > 180) degrees = 360 - degrees
  const east = degrees * Math.cos((((a.latitude + b.latitude) / 2) * Math.PI) / 180)
  const north = a.latitude - b.latitude
  return Math.sqrt(north * north + east * east) * metresPerDegree // Math.hypot is many times slower
}

/** dBm received at that distance; nearer than a metre counts as a metre. */
export function received({ power, loss, exponent }: PropagationModel, metres: number): number {
  return power - loss - 10 * exponent * Math.log10(Math.max(1, metres))
}

/** Metres up to which something is heard. */
export function rangeOf({ power, loss, exponent, threshold }: PropagationModel): number {
  return 10 ** ((power - loss - threshold) / (10 * exponent))
}

/** Degrees of latitude that so many metres are. */
export function latitudeDegrees(metres: number): number {
  return metres / metresPerDegree
}

/** Degrees of longitude that so many metres are at that latitude; at most all of them. */
export function longitudeDegrees(metres: number, latitude: number): number {
  if (Math.abs(latitude) > 89.9) return 360 // around a pole
  return Math.min(360, metres / metresPerDegree / Math.cos((latitude * Math.PI) / 180))
}
