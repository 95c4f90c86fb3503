/** The PCRF's rules: whom, which service, when, and how much (SPEC §6.2). */
import test from 'ava'
import { QuotaAccounts } from '../../../elements/pcrf/accounts.ts'
import type { RuleSettings } from '../../../elements/pcrf/index.ts'
import { Lease } from '../../../elements/pcrf/lease.ts'
import { PolicyRules, periodOf } from '../../../elements/pcrf/rules.ts'
import { isWithin, readHours, Zone } from '../../../elements/shared/values/hours.ts'
import { memoryStore } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'

const sunday = Date.UTC(2026, 10, 22) // a Sunday
const hour = 3_600_000
const rules = (settings: readonly RuleSettings[], otherwise: 'allow' | 'deny' = 'allow'): PolicyRules =>
  new PolicyRules(settings, otherwise, ['localhost', '127.0.0.1'])
const alice = 'sip:alice@localhost'
const decide = (of: PolicyRules, device = alice, at = sunday, service: 'proximity' | 'push' = 'proximity'): string => {
  const rule = of.find(device, service, at)
  return `${of.decide(rule)} ${rule?.name}`
}

test('the first rule that matches decides, and without one the default', (t) => {
  const some = rules([
    { name: 'bob', subscribers: ['bob', 'tel:+49-30-111'], decision: 'deny' },
    { name: 'push', services: ['push'], decision: 'deny' },
    { decision: 'deny' },
  ])
  t.is(decide(some, 'sip:bob@localhost'), 'deny bob')
  t.is(decide(some, 'tel:+4930111'), 'deny bob')
  t.is(decide(some, alice, sunday, 'push'), 'deny push')
  t.is(decide(some), 'deny rule 3')
  t.is(decide(rules([{ subscribers: ['bob'], decision: 'deny' }])), 'allow undefined')
  t.is(decide(rules([{ subscribers: ['sip:alice@127.0.0.1'] }], 'deny')), 'allow rule 1', 'our domains are one')
  t.is(decide(rules([], 'deny')), 'deny undefined')
})

test('days and hours hold in the zone of the rule, and night hours belong to the day on which they begin', (t) => {
  const berlin = new Zone('Europe/Berlin')
  t.deepEqual(berlin.at(sunday + 23 * hour), { date: '2026-11-23', day: 1, minutes: 0 })
  t.deepEqual(new Zone('America/New_York').at(sunday), { date: '2026-11-21', day: 6, minutes: 19 * 60 })
  t.is(new Zone('Asia/Kathmandu').at(sunday).minutes, 5 * 60 + 45)
  const night = readHours('22:00-06:00')
  const saturday = new Set([6])
  const at = (hours: number) => new Zone('UTC').at(sunday + hours * hour)
  t.deepEqual(
    [-3, -2, -0.1, 0, 5.9, 6, 22].map((hours) => isWithin(at(hours), saturday, night)),
    [false, true, true, true, true, false, false],
  )
  t.deepEqual(
    [7.9, 8, 17.4, 17.5].map((hours) => isWithin(at(hours), undefined, readHours('08:00-17:30'))),
    [false, true, true, false],
  )
  t.true(isWithin(at(23.99), undefined, readHours('00:00-24:00')))
  const working = rules([{ days: ['mon', 'tue'], hours: '08:00-18:00', zone: 'Europe/Berlin', decision: 'deny' }])
  t.is(decide(working, alice, sunday + 24 * hour + 7 * hour), 'deny rule 1', '08:00 in Berlin on Monday')
  t.is(decide(working, alice, sunday + 24 * hour + 6.9 * hour), 'allow undefined')
  t.is(decide(working, alice, sunday + 24 * hour + 17 * hour), 'allow undefined')
})

test('summer time: the same hours of the wall clock, whatever UTC says', (t) => {
  const zone = new Zone('Europe/Berlin')
  t.is(zone.at(Date.UTC(2026, 2, 29, 0, 59)).minutes, 119)
  t.is(zone.at(Date.UTC(2026, 2, 29, 1, 0)).minutes, 180, 'from 1:59 to 3:00')
  const office = rules([{ hours: '08:00-18:00', zone: 'Europe/Berlin', decision: 'deny' }])
  t.is(decide(office, alice, Date.UTC(2026, 6, 1, 6, 0)), 'deny rule 1')
  t.is(decide(office, alice, Date.UTC(2026, 11, 1, 6, 0)), 'allow undefined')
})

test('a service is open where no rule can ever refuse or limit it', (t) => {
  t.deepEqual(rules([]).open, ['proximity', 'push', 'location'])
  t.deepEqual(rules([], 'deny').open, [])
  t.deepEqual(rules([{ services: ['push'], decision: 'deny' }]).open, ['proximity', 'location'])
  t.deepEqual(rules([{ services: ['push'], quota: { count: 1 } }, { subscribers: ['bob'] }]).open, ['proximity', 'location'])
  t.deepEqual(rules([{ subscribers: ['bob'], decision: 'deny' }]).open, [])
  t.deepEqual(rules([{ services: ['proximity'] }, { subscribers: ['bob'], decision: 'deny' }]).open, ['proximity'])
  t.deepEqual(rules([{ services: ['proximity'], hours: '08:00-09:00' }, { decision: 'deny' }]).open, [], 'at other hours not')
})

test('the moment changes with hours and periods, and not otherwise', (t) => {
  const still = rules([{ subscribers: ['bob'], decision: 'deny' }, { quota: { count: 1 } }])
  t.is(still.moment(sunday), '')
  const timed = rules([{ hours: '08:00-09:00', decision: 'deny' }, { quota: { count: 1, per: 'day' } }])
  const at = (hours: number): string => timed.moment(sunday + hours * hour)
  t.is(at(0), at(7.9))
  t.not(at(7.9), at(8))
  t.is(at(9), at(23.9))
  t.not(at(23.9), at(24))
})

test('periods have the names of days and months of the zone', (t) => {
  const zone = new Zone('Pacific/Auckland')
  t.is(periodOf('day', zone, Date.UTC(2026, 10, 30, 12)), '2026-12-01')
  t.is(periodOf('month', zone, Date.UTC(2026, 10, 30, 12)), '2026-12')
  t.is(periodOf('ever', zone, 0), 'ever')
})

test('what makes no sense is refused with the name of the rule', (t) => {
  const faults: readonly [RuleSettings, RegExp][] = [
    [{ hours: '25:00-26:00' }, /^rule 1: hours: 25:00-26:00 is no part of a day; expected one such as 08:00-17:30/],
    [{ hours: '08:00-08:00' }, /no part of a day/],
    [{ hours: '08:60-09:00' }, /no part of a day/],
    [{ zone: 'Europe/Entenhausen' }, /no time zone.*; expected one such as Europe\/Berlin/],
    [{ subscribers: ['sip:'] }, /no identifier of a subscriber; expected a URI/],
    [
      { name: 'x', decision: 'deny', quota: { count: 1 } },
      /^x: a quota of what is denied; expected decision: allow, or no quota/,
    ],
    [{ quota: { per: 'day' } }, /neither count nor seconds; expected quota: \{ count/],
  ]
  for (const [rule, message] of faults) t.throws(() => rules([rule]), { message })
  t.throws(() => rules([{ name: 'a' }, { name: 'a' }]), {
    message: /two rules have the name a; expected a name of its own for each/,
  })
})

test('what a lease says while it decides is one answer or the other, never without the limit of its quota', async (t) => {
  const clock = new ManualClock()
  const store = memoryStore(clock)
  const some = rules([{ subscribers: ['alice'], quota: { count: 2 } }])
  some.identify((name) => name)
  const accounts = new QuotaAccounts(store, 'pcrf')
  const ground = { store, accounts, blocks: { count: 2, time: 1000 }, rules: () => some, now: () => clock.date() }
  const lease = new Lease(ground, alice, 'asker', { lease: 'a', service: 'proximity', used: 0 })
  const said = new Set<string>()
  for (const used of [0, 1, 2]) {
    lease.report(used)
    let deciding = true
    const decided = lease.decide().then(() => {
      deciding = false
    })
    while (deciding) {
      said.add(`${lease.decision} ${lease.limit.count}`)
      await null // looks at every turn of it
    }
    await decided
  }
  t.is(lease.decision, 'deny')
  t.deepEqual([...said], ['deny undefined', 'deny 2', 'allow 2'])
})
