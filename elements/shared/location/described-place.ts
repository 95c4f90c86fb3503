/** A place as people read it: coordinates by hemisphere, the metres by which they may be wrong, and a `geo:` URI (RFC 5870). */
import type { Place } from '../../schemas/index.ts'

export function describedPlace({ ellipse, point, radius = ellipse?.semiMajor }: Place): string {
  const [longitude, latitude] = point.coordinates as readonly [number, number]
  const north = `${Math.abs(latitude).toFixed(4)} ${latitude < 0 ? 'S' : 'N'}`
  const east = `${Math.abs(longitude).toFixed(4)} ${longitude < 0 ? 'W' : 'E'}`
  const metres = radius === undefined ? undefined : Math.ceil(radius)
  const uncertainty = metres === undefined ? '' : `, ±${metres < 1000 ? `${metres} m` : `${metres / 1000} km`}`
  const geo = `geo:${short(latitude)},${short(longitude)}${metres === undefined ? '' : `;u=${metres}`}`
  return `${north} ${east}${uncertainty}. ${geo}`
}

function short(degrees: number): string {
  return String(Number(degrees.toFixed(6)))
}
