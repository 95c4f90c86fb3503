/** Civic places: by the nearest town, unless the place has one. */
import test from 'ava'
import type { Place } from '../../../../elements/schemas/index.ts'
import { civicAt, withCivic } from '../../../../elements/shared/location/civic.ts'
import { silent } from '../../../../signalling/index.ts'

const at = '2026-11-22T10:00:00Z'

function placeAt(longitude: number, latitude: number): Place {
  return { point: { type: 'Point', coordinates: [longitude, latitude] }, at }
}

test('country, region and town, of a place in town', (t) => {
  t.deepEqual(withCivic(placeAt(151.2111, -33.86), silent).civic, { country: 'AU', A1: 'New South Wales', A3: 'Sydney' })
})

test('no town where the nearest is beyond 15 km; nothing in the middle of an ocean', (t) => {
  t.deepEqual(civicAt({ latitude: 66.3, longitude: 179.99 }, silent), { country: 'RU', A1: 'Chukotka' })
  const ocean = placeAt(-140, 0)
  t.is(withCivic(ocean, silent), ocean)
})

test('what a place says of itself stays', (t) => {
  const place = { ...placeAt(13.405, 52.52), civic: { country: 'FR', A3: 'Lyon' } }
  t.is(withCivic(place, silent), place)
})
