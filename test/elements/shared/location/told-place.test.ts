/** Places as people read them out of documents (SPEC §8.5). */
import test from 'ava'
import { toldPlaceIn } from '../../../../elements/shared/location/told-place.ts'
import { documents } from '../../gmlc/documents.ts'

const read = (name: string) => toldPlaceIn(Buffer.from(documents.find(([each]) => each === name)![1]))

test('place, event and state; latitude comes second', (t) => {
  const { event, place, state } = read('event')
  t.deepEqual([event, state], ['enter', 'inside'])
  t.like(place, { point: { type: 'Point', coordinates: [151.21, -33.86] }, radius: 35, at: '2026-11-22T10:00:00Z' })
  t.is(read('ellipse').place?.radius, 120)
  t.is(read('point').event, undefined)
})

test('no place: an event alone, a note, and what is no document', (t) => {
  t.deepEqual(read('event alone'), { event: 'leave', state: 'outside' })
  t.deepEqual(read('note'), { note: 'waiting for <the> target' })
  t.deepEqual(toldPlaceIn(Buffer.from('<!DOCTYPE x><x/>')), { note: 'its document cannot be read' })
})
