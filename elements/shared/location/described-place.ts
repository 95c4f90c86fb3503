/**
 * A place as people read it: its town, coordinates by hemisphere, the metres by which they may be wrong, and a `geo:` URI
 * (RFC 5870).
 */
import type { Place } from '../../schemas/index.ts'

const widestInTown = 15_000 // metres: a wider place is in no one town

export function describedPlace({ civic, ellipse, point, radius = ellipse?.semiMajor }: Place): string {
  const [longitude, latitude] = point.coordinates
  const north = `${Math.abs(latitude).toFixed(4)} ${latitude < 0 ? 'S' : 'N'}`
  const east = `${Math.abs(longitude).toFixed(4)} ${longitude < 0 ? 'W' : 'E'}`
  const metres = radius === undefined ? undefined : Math.ceil(radius)
  const uncertainty = metres === undefined ? '' : `, ±${metres < 1000 ? `${metres} m` : `${metres / 1000} km`}`
  const geo = `geo:${short(latitude)},${short(longitude)}${metres === undefined ? '' : `;u=${metres}`}`
  const town = civic?.A3 === undefined || (metres ?? 0) > widestInTown ? '' : `${townOf(civic.A3, civic.country)}. `
  return `${town}${north} ${east}${uncertainty}. ${geo}`
}

function townOf(town: string, country: string | undefined): string {
  return country === undefined ? town : `${town}, ${countryName(country)}`
}

const countries = new Intl.DisplayNames('en', { type: 'region' })

/** A code that is none stays as it is. */
function countryName(code: string): string {
  return /^[a-z]{2}$/i.test(code) ? (countries.of(code.toUpperCase()) ?? code) : code
}

function short(degrees: number): string {
  return String(Number(degrees.toFixed(6)))
}
