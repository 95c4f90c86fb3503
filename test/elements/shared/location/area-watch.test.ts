/** Watching an area: each row of its table (SPEC §8.7), and what noise, order, loss and restarts do (L14). */
import test from 'ava'
import fc from 'fast-check'
import { type AreaReport, AreaWatch, type Fix, type WatchTerms } from '../../../../elements/shared/location/area-watch.ts'
import { type Area, areaOf, isAreaFault } from '../../../../elements/shared/location/areas.ts'
import { pointTo } from '../../../../elements/shared/location/sphere.ts'

const centre = { latitude: 52.52, longitude: 13.405 }
const radius = 500 // metres
const made = areaOf({ type: 'Point', coordinates: [centre.longitude, centre.latitude], radius })
if (isAreaFault(made)) throw new Error(made.text)
const area: Area = made
const all: WatchTerms = { area, on: ['enter', 'leave', 'inside'], repeat: 'each' }

/** A fix so far north of the centre. @param seconds since the beginning */
function at(seconds: number, metres: number, uncertainty = 5): Fix {
  return { point: pointTo(centre, metres < 0 ? 180 : 0, Math.abs(metres)), uncertainty, at: seconds * 1000 }
}

const shown = (reports: readonly AreaReport[]): readonly string[] =>
  reports.map(({ at: when, event, state }) => `${when / 1000} ${event ?? '-'} ${state}`)

function course(terms: WatchTerms, fixes: readonly Fix[]): readonly string[] {
  const watch = new AreaWatch(terms)
  return shown(fixes.flatMap((fix) => watch.fix(fix)))
}

test('the first fix sets the state, and is told: inside at first is that event, and not enter', (t) => {
  t.deepEqual(course(all, [at(0, 100)]), ['0 inside inside'])
  t.deepEqual(course({ ...all, on: ['enter'] }, [at(0, 100)]), ['0 - inside'])
  t.deepEqual(course(all, [at(0, 600)]), ['0 - outside'])
})

test('two fixes beyond the margin, or one and 10 s, change sides', (t) => {
  t.deepEqual(course(all, [at(0, 600), at(1, 475), at(2, 470), at(3, 530), at(4, 525)]), [
    '0 - outside',
    '2 enter inside',
    '4 leave outside',
  ])
  const watch = new AreaWatch(all)
  watch.fix(at(0, 600))
  t.deepEqual(watch.fix(at(1, 400)), [])
  t.is(watch.due, 11_000)
  t.deepEqual(watch.pass(10_999), [])
  t.deepEqual(shown(watch.pass(11_000)), ['1 enter inside'])
  t.is(watch.due, undefined)
})

test('within the margin of the edge nothing changes, and a first word to the contrary is taken back', (t) => {
  t.deepEqual(course(all, [at(0, 600), at(1, 490), at(2, 485), at(3, 481)]), ['0 - outside'])
  t.deepEqual(course(all, [at(0, 600), at(1, 470), at(2, 490), at(3, 470), at(4, 490)]), ['0 - outside'])
})

test('the margin is the uncertainty, from 20 m to half of the inner radius', (t) => {
  t.deepEqual(course(all, [at(0, 900, 100), at(1, 420, 100), at(2, 410, 100)]), ['0 - outside'])
  t.deepEqual(course(all, [at(0, 900, 100), at(1, 390, 100), at(2, 380, 100)]), ['0 - outside', '2 enter inside'])
  t.deepEqual(course(all, [at(0, 900, 400), at(1, 240, 400), at(2, 240, 400)]), ['0 - outside', '2 enter inside'])
})

test('older fixes, doubles, and those wider than the area and the accuracy change nothing', (t) => {
  t.deepEqual(course(all, [at(10, 600), at(9, 100), at(8, 100), at(10, 100), at(11, 100, 501), at(12, 100, 501)]), [
    '10 - outside',
  ])
  t.deepEqual(course({ ...all, accuracy: 600 }, [at(0, 600), at(1, 100, 501), at(2, 100, 501)]), [
    '0 - outside',
    '2 enter inside',
  ])
})

test('a line between two fixes outside that leads through gives both events, at their times', (t) => {
  t.deepEqual(course(all, [at(0, 1000), at(100, -1000)]), ['0 - outside', '26.025 enter inside', '73.975 leave outside'])
  t.deepEqual(course(all, [at(0, 1000), at(300, -1000)]), ['0 - outside'], 'not over 300 s')
  const beside = (east: number): readonly string[] => {
    const [from, to] = [-1000, 1000].map((north) => pointTo(pointTo(centre, 0, north), 90, east))
    return course(all, [
      { ...at(0, 0), point: from! },
      { ...at(100, 0), point: to! },
    ])
  }
  t.is(beside(470).length, 3)
  t.is(beside(490).length, 1, 'not by the margin')
  t.deepEqual(course({ ...all, repeat: 'once', on: ['leave'] }, [at(0, 1000), at(100, -1000)]), [
    '0 - outside',
    '73.975 leave outside',
  ])
})

test('once: it is over with its first event', (t) => {
  const watch = new AreaWatch({ ...all, on: ['leave'], repeat: 'once' })
  const reports = [at(0, 600), at(1, 100), at(2, 100), at(3, 600), at(4, 600), at(5, 100), at(6, 100)].flatMap((fix) =>
    watch.fix(fix),
  )
  t.deepEqual(shown(reports), ['0 - outside', '4 leave outside'])
  t.true(watch.memory.isOver)
  t.is(watch.due, undefined)
})

test('minInterval withholds; at its end the last state is told, if it is another', (t) => {
  const watch = new AreaWatch({ ...all, minInterval: 60 })
  const fixes = [at(0, 600), at(1, 100), at(2, 100)]
  t.deepEqual(shown(fixes.flatMap((fix) => watch.fix(fix))), ['0 - outside'])
  t.is(watch.due, 60_000)
  t.deepEqual(shown(watch.pass(60_000)), ['60 enter inside'])
  t.deepEqual(shown([at(61, 600), at(62, 600), at(63, 100), at(64, 100)].flatMap((fix) => watch.fix(fix))), [])
  t.deepEqual(shown(watch.pass(120_000)), [], 'where it is, was told last')
  t.deepEqual(shown([at(130, 600), at(131, 600)].flatMap((fix) => watch.fix(fix))), ['131 leave outside'])
})

test('maxInterval tells the place again, without an event', (t) => {
  const watch = new AreaWatch({ ...all, maxInterval: 60 })
  watch.fix(at(0, 600))
  t.is(watch.due, 60_000)
  t.deepEqual(shown(watch.pass(60_000)), ['60 - outside'])
  t.deepEqual(shown(watch.fix(at(130, 610))), ['130 - outside'])
})

test('who asks for inside alone hears it whenever the target comes in', (t) => {
  t.deepEqual(course({ ...all, on: ['inside'] }, [at(0, 600), at(1, 100), at(2, 100)]), ['0 - outside', '2 inside inside'])
})

/** A target that lies deep inside or far outside by turns, for some fixes each, and how it is measured. */
const stays = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 2, max: 6 })), { minLength: 1, maxLength: 20 })
const noise = fc.infiniteStream(fc.tuple(fc.integer({ min: 0, max: 359 }), fc.double({ min: 0, max: 60, noNaN: true })))

interface Course {
  readonly fixes: readonly Fix[]
  /** Sides, without repeats. */
  readonly sides: readonly boolean[]
}

function measured(visits: readonly (readonly [boolean, number])[], jitter: Iterable<readonly [number, number]>): Course {
  const errors = jitter[Symbol.iterator]()
  const fixes: Fix[] = []
  for (const [isInside, count] of visits)
    for (let i = 0; i < count; i++) {
      const [direction, metres] = errors.next().value as readonly [number, number]
      const truth = pointTo(centre, 90, isInside ? 200 : 800)
      fixes.push({ point: pointTo(truth, direction, metres), uncertainty: 60, at: (fixes.length + 1) * 7000 })
    }
  const sides = visits.map(([isInside]) => isInside).filter((side, i, others) => i === 0 || others[i - 1] !== side)
  return { fixes, sides }
}

test('L14: noise, doubles, late fixes and restarts: exactly the events of the truth, never two equal ones', (t) => {
  const isSo = (visits: [boolean, number][], jitter: Iterable<[number, number]>, seed: number): boolean => {
    const { fixes, sides } = measured(visits, jitter)
    const expected = sides.map((isInside, i) => (i === 0 ? (isInside ? 'inside' : undefined) : isInside ? 'enter' : 'leave'))
    let watch = new AreaWatch(all)
    const reports: AreaReport[] = []
    for (const [i, fix] of fixes.entries()) {
      reports.push(...watch.fix(fix))
      if ((i + seed) % 3 === 0) reports.push(...watch.fix(fix)) // a double
      if ((i + seed) % 4 === 0 && i > 0) reports.push(...watch.fix(fixes[i - 1]!)) // a late one
      if ((i + seed) % 5 === 0) watch = new AreaWatch(all, JSON.parse(JSON.stringify(watch.memory)))
    }
    reports.push(...watch.pass(fixes.at(-1)!.at + 20_000))
    return JSON.stringify(reports.map(({ event }) => event)) === JSON.stringify(expected)
  }
  t.notThrows(() => fc.assert(fc.property(stays, noise, fc.nat(60), isSo), { numRuns: 500 }))
})

test('L14: minInterval: events are so far apart at least, and the last state is known in the end', (t) => {
  const isSo = (visits: [boolean, number][], jitter: Iterable<[number, number]>, minInterval: number): boolean => {
    const { fixes, sides } = measured(visits, jitter)
    const watch = new AreaWatch({ ...all, minInterval })
    const reports = fixes.flatMap((fix) => watch.fix(fix))
    reports.push(...watch.pass(fixes.at(-1)!.at + minInterval * 1000 + 20_000))
    const times = reports.map((report) => report.at)
    const areApart = times.every((time, i) => i === 0 || time - times[i - 1]! >= minInterval * 1000)
    return areApart && reports.at(-1)!.state === (sides.at(-1) ? 'inside' : 'outside')
  }
  t.notThrows(() => fc.assert(fc.property(stays, noise, fc.integer({ min: 1, max: 300 }), isSo), { numRuns: 500 }))
})
