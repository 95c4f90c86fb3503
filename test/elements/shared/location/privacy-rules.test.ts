/** Rules of privacy: each condition, joining by the widest, times of a week over changes of clocks, and the next edge (L9). */
import test from 'ava'
import { areaOf, isAreaFault } from '../../../../elements/shared/location/areas.ts'
import {
  nextJudgement,
  type PrivacyMode,
  type PrivacyQuestion,
  type PrivacyRule,
  permissionOf,
} from '../../../../elements/shared/location/privacy-rules.ts'
import { isInWeek, nextEdge, type WeeklyTimes } from '../../../../elements/shared/location/weekly.ts'
import { readHours, Zone } from '../../../../elements/shared/values/hours.ts'

const now = Date.parse('2026-11-23T10:00:00Z') // a Monday
const dispatcher: PrivacyQuestion = { requestor: 'sip:dispatcher@client.example', domain: 'client.example', client: 'fleet' }
const rule = (more: Partial<PrivacyRule> = {}): PrivacyRule => ({ id: 'r', mode: 'allow', precision: 'exact', ...more })

test('no rule, and none that matches: nothing', (t) => {
  t.is(permissionOf([], dispatcher, now), undefined)
  t.is(permissionOf([rule({ client: ['others'] })], dispatcher, now), undefined)
})

const conditions: readonly (readonly [what: string, granted: Partial<PrivacyRule>, refused: Partial<PrivacyRule>])[] = [
  ['one', { who: { one: ['sip:dispatcher@client.example'] } }, { who: { one: ['sip:other@client.example'] } }],
  ['domain', { who: { domain: ['client.example'] } }, { who: { domain: ['example'] } }],
  [
    'except',
    { who: { domain: ['client.example'], except: ['sip:eve@client.example'] } },
    { who: { domain: ['client.example'], except: ['sip:dispatcher@client.example'] } },
  ],
  ['all but one', { who: { except: ['sip:eve@client.example'] } }, { who: { except: ['sip:dispatcher@client.example'] } }],
  ['client', { client: ['maps', 'fleet'] }, { client: ['maps'] }],
  ['from', { from: now }, { from: now + 1 }],
  ['until', { until: now + 1 }, { until: now }],
]
for (const [what, granted, refused] of conditions)
  test(`condition: ${what}`, (t) => {
    t.truthy(permissionOf([rule(granted)], dispatcher, now))
    t.is(permissionOf([rule(refused)], dispatcher, now), undefined)
  })

test('condition: service; a rule that names one grants nothing to who names none', (t) => {
  const rules = [rule({ service: ['fleet'] })]
  t.truthy(permissionOf(rules, { ...dispatcher, service: 'fleet' }, now))
  t.is(permissionOf(rules, { ...dispatcher, service: 'map' }, now), undefined)
  t.is(permissionOf(rules, dispatcher, now), undefined)
})

test('condition: codeword, under any live key; a wrong one looks like none (V31)', (t) => {
  const rules = [rule({ codeword: { k1: 'a', k2: 'b' } })]
  t.truthy(permissionOf(rules, { ...dispatcher, codeword: { k2: 'b', k3: 'c' } }, now))
  t.is(permissionOf(rules, { ...dispatcher, codeword: { k1: 'b' } }, now), undefined)
  t.is(permissionOf(rules, dispatcher, now), undefined)
})

test('condition: place; before it is known a rule by place may still grant (V28)', (t) => {
  const fair = areaOf({ type: 'Point', coordinates: [13.278, 52.505], radius: 800 })
  if (isAreaFault(fair)) throw new Error(fair.text)
  const rules = [rule({ in: fair })]
  t.truthy(permissionOf(rules, dispatcher, now))
  t.truthy(permissionOf(rules, dispatcher, now, { latitude: 52.506, longitude: 13.279 }))
  t.is(permissionOf(rules, dispatcher, now, { latitude: 52.52, longitude: 13.405 }), undefined)
})

test('all that match are joined permission by permission, the widest of each', (t) => {
  const rules: readonly PrivacyRule[] = [
    { id: 'a', mode: 'ask-deny', precision: 'exact' },
    { id: 'b', mode: 'notify', precision: 1000, civic: 'city' },
    { id: 'c', mode: 'ask-allow', civic: 'country', events: true },
    { id: 'd', mode: 'allow', client: ['others'], civic: 'full' },
  ]
  t.deepEqual(permissionOf(rules, dispatcher, now), { mode: 'notify', precision: 'exact', civic: 'city', events: true })
  t.deepEqual(permissionOf(rules.slice(1), dispatcher, now), { mode: 'notify', precision: 1000, civic: 'city', events: true })
  t.deepEqual(permissionOf(rules.slice(2), dispatcher, now), { mode: 'ask-allow', civic: 'country', events: true })
  const of = (...given: readonly PrivacyMode[]): PrivacyMode =>
    permissionOf(
      given.map((mode) => rule({ mode })),
      dispatcher,
      now,
    )!.mode
  t.deepEqual([of('ask-deny', 'ask-allow'), of('ask-allow', 'notify'), of('notify', 'allow')], ['ask-allow', 'notify', 'allow'])
})

const weekly = (days: WeeklyTimes['days'], hours: string, zone = 'Europe/Berlin'): WeeklyTimes => {
  return { days, hours: readHours(hours), zone: new Zone(zone) }
}
const weekend = weekly(['sat', 'sun'], '08:00-22:00')
const night = weekly(['fri'], '22:00-06:00')
const early = weekly(['sat', 'sun'], '02:30-03:00')
const late = weekly(['sat', 'sun'], '08:00-24:00')
const times: readonly (readonly [times: WeeklyTimes, at: string, isIn: boolean])[] = [
  [weekend, '2026-11-28T06:59:59Z', false],
  [weekend, '2026-11-28T07:00:00Z', true],
  [weekend, '2026-11-28T20:59:59Z', true],
  [weekend, '2026-11-28T21:00:00Z', false],
  [weekend, '2026-11-30T10:00:00Z', false],
  [night, '2026-11-27T20:59:00Z', false],
  [night, '2026-11-27T21:00:00Z', true],
  [night, '2026-11-28T04:59:59Z', true],
  [night, '2026-11-28T05:00:00Z', false],
  [night, '2026-11-27T03:00:00Z', false],
  [late, '2026-11-29T22:59:59Z', true],
  [late, '2026-11-29T23:00:00Z', false],
  // clocks go back at 01:00 UTC on 25 October, and forward on 28 March
  [early, '2026-10-25T00:30:00Z', true],
  [early, '2026-10-25T01:10:00Z', false],
  [early, '2026-10-25T01:30:00Z', true],
  [weekend, '2027-03-28T06:00:00Z', true],
  [weekly(['mon'], '00:00-12:00', 'Pacific/Kiritimati'), '2026-11-22T10:00:00Z', true],
]
for (const [week, at, isIn] of times)
  test(`week: ${week.days.join(' ')} ${week.hours.from / 60} to ${week.hours.to / 60} at ${at}: ${isIn ? 'in' : 'out'}`, (t) => {
    t.is(isInWeek(week, Date.parse(at)), isIn)
  })

test('L9: at each edge it is another, and between edges the same, over changes of clocks', (t) => {
  for (const week of [weekend, night, early])
    for (const begin of ['2026-10-23T00:00:00Z', '2027-03-26T00:00:00Z', '2026-11-27T00:00:00Z']) {
      let at = Date.parse(begin)
      for (let edges = 0; edges < 14; edges++) {
        const next = nextEdge(week, at)
        t.true(next > at && next - at <= 26 * 3_600_000, `${next - at}`)
        const isChange = begin.startsWith('2026-11') // the hour that comes twice has an edge more
        for (let minute = at; isChange && minute < next; minute += 60_000)
          if (isInWeek(week, minute) !== isInWeek(week, at))
            t.fail(`${week.hours.from} changes at ${new Date(minute).toISOString()}`)
        at = next
      }
    }
})

test('the next judgement is at the first edge of a rule for the request', (t) => {
  t.is(nextJudgement([rule()], dispatcher, now), undefined)
  const rules = [
    rule({ until: now + 5000 }),
    rule({ from: now + 3000 }),
    rule({ client: ['others'], from: now + 1000 }),
    rule({ weekly: weekend }),
  ]
  t.is(nextJudgement(rules, dispatcher, now), now + 3000)
  t.is(nextJudgement(rules.slice(3), dispatcher, now), Date.parse('2026-11-23T21:00:00Z'))
})
