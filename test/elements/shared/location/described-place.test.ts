/** Places as people read them. */
import test from 'ava'
import type { Place } from '../../../../elements/schemas/index.ts'
import { describedPlace } from '../../../../elements/shared/location/described-place.ts'

const place: Place = { point: { type: 'Point', coordinates: [13.405, 52.52] }, at: '2026-11-22T10:00:00Z' }
const berlin = { country: 'DE', A1: 'State of Berlin', A3: 'Berlin' }

test('town, coordinates, how far they may be off, and a URI', (t) => {
  t.is(
    describedPlace({ ...place, radius: 34.2, civic: berlin }),
    'Berlin, Germany. 52.5200 N 13.4050 E, ±35 m. geo:52.52,13.405;u=35',
  )
  const south: Place = { ...place, point: { type: 'Point', coordinates: [-58.3816, -34.6037] } }
  t.is(describedPlace(south), '34.6037 S 58.3816 W. geo:-34.6037,-58.3816')
})

test('a place that is wider than 15 km is in no one town', (t) => {
  t.regex(describedPlace({ ...place, radius: 15_000, civic: berlin }), /^Berlin, Germany\. 52/)
  t.regex(describedPlace({ ...place, radius: 15_001, civic: berlin }), /^52\.5200 N 13\.4050 E, ±15\.001 km\. geo:/)
  const ellipse = { semiMajor: 16_000, semiMinor: 10, orientation: 0 }
  t.regex(describedPlace({ ...place, ellipse, civic: berlin }), /^52/)
})

test('a country without a town names nothing, and a code that is none stays as it is', (t) => {
  t.regex(describedPlace({ ...place, civic: { country: 'AU' } }), /^52/)
  t.regex(describedPlace({ ...place, civic: { A3: 'Berlin' } }), /^Berlin\. 52/)
  t.regex(describedPlace({ ...place, civic: { country: 'fr', A3: 'Lyon' } }), /^Lyon, France\. 52/)
  t.regex(describedPlace({ ...place, civic: { country: 'nowhere', A3: 'Lyon' } }), /^Lyon, nowhere\. 52/)
})
