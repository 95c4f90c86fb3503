/** Media types: as they are compared, and the ranges that they may be in. */

/** Value of Content-Type without parameters, in lower case; '' where there is none. */
export function mediaTypeOf(value = ''): string {
  return value.split(';', 1).join().trim().toLowerCase()
}

/** Whether a media type is in a range such as `image/*`. */
export function isInRange(type: string, range: string): boolean {
  return range === '*/*' || (range.endsWith('/*') ? type.startsWith(range.slice(0, -1)) : type === range)
}
