/** The sphere on which coarse places and areas are (SPEC §8.6): distances along great circles. */

/** Degrees; north and east are positive. */
export interface GeoPoint {
  readonly latitude: number
  readonly longitude: number
}

export const earthRadius = 6_371_008.8 // metres

export function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}

/** Metres. The half-angle form keeps its digits where points are near each other. */
export function distance(a: GeoPoint, b: GeoPoint): number {
  const [south, north] = [radians(a.latitude), radians(b.latitude)]
  const rise = Math.sin((north - south) / 2) ** 2
  const turn = Math.sin(radians(b.longitude - a.longitude) / 2) ** 2
  return 2 * earthRadius * Math.asin(Math.min(1, Math.sqrt(rise + Math.cos(south) * Math.cos(north) * turn)))
}

/** Degrees from north, eastward, in which `to` lies from `from`. */
export function bearing(from: GeoPoint, to: GeoPoint): number {
  const [south, north, turn] = [radians(from.latitude), radians(to.latitude), radians(to.longitude - from.longitude)]
  const east = Math.sin(turn) * Math.cos(north)
  // sin(north - south) and the rest apart: near a pole their difference would have no digits left
  const ahead = Math.sin(north - south) + 2 * Math.sin(south) * Math.cos(north) * Math.sin(turn / 2) ** 2
  return (degrees(Math.atan2(east, ahead)) + 360) % 360
}

/** The point so many metres away. @param direction degrees from north, eastward */
export function pointTo({ latitude, longitude }: GeoPoint, direction: number, metres: number): GeoPoint {
  const [angle, course, from] = [metres / earthRadius, radians(direction), radians(latitude)]
  const up = Math.sin(from) * Math.cos(angle) + Math.cos(from) * Math.sin(angle) * Math.cos(course)
  const ahead = Math.cos(from) * Math.cos(angle) - Math.sin(from) * Math.sin(angle) * Math.cos(course)
  const east = Math.sin(angle) * Math.sin(course)
  return {
    latitude: degrees(Math.atan2(up, Math.hypot(ahead, east))),
    longitude: wrapped(longitude + degrees(Math.atan2(east, ahead))),
  }
}

function degrees(angle: number): number {
  return (angle * 180) / Math.PI
}

/** Longitude from -180, exclusive, to 180. */
function wrapped(longitude: number): number {
  const turned = ((longitude % 360) + 360) % 360
  return turned > 180 ? turned - 360 : turned
}
