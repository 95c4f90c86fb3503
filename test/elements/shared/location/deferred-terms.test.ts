/** Terms of requests that wait (SPEC §8.2): their faults, and the times of their reports. */
import test from 'ava'
import { firstDue, nextDue, termsFault } from '../../../../elements/shared/location/deferred-terms.ts'

const [start, stop] = ['2026-11-22T10:00:00Z', '2026-11-22T10:01:00Z']
const began = Date.parse(start)

test('the first report: at its time, each period from the start or from now, at an attach', (t) => {
  t.is(firstDue({ type: 'at', time: start }, 0), began)
  t.is(firstDue({ type: 'periodic', period: 10 }, began + 5), began + 5)
  t.is(firstDue({ type: 'periodic', period: 10, start }, 0), began)
  t.is(firstDue({ type: 'periodic', period: 10, start }, began + 5), began + 5)
  t.is(firstDue({ type: 'available' }, 0), undefined)
})

test('the next report: a period later, never in the past, not beyond count and stop', (t) => {
  const terms = { type: 'periodic', period: 10, count: 3, stop } as const
  t.is(nextDue(terms, 1, began, began + 100), began + 10_000)
  t.is(nextDue(terms, 1, began, began + 10_000), began + 10_000)
  t.is(nextDue(terms, 1, began, began + 25_000), began + 30_000)
  t.is(nextDue(terms, 3, began, began + 100), undefined)
  t.is(nextDue(terms, 1, began + 55_000, began + 55_100), undefined)
  t.is(nextDue({ type: 'at' }, 1, began, began), undefined)
})

test('faults name the member', (t) => {
  t.is(termsFault({ type: 'at', time: start }, began), undefined)
  for (const [terms, member] of [
    [{ type: 'at' }, '/time'],
    [{ type: 'available' }, '/on'],
    [{ type: 'periodic' }, '/period'],
    [{ type: 'periodic', period: 10, stop: start }, '/stop'],
    [{ type: 'area' }, '/repeat'],
    [{ type: 'moved', repeat: 'once' }, '/distance'],
  ] as const)
    t.true(termsFault(terms, began)?.startsWith(`${member} is `))
})
