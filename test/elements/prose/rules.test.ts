/** The proximity server's pure rules, each alone. */
import test from 'ava'
import { difference } from '../../../elements/prose/bodies.ts'
import { rulesOf } from '../../../elements/prose/settings.ts'
import { WakeCounts } from '../../../elements/prose/state/announcing.ts'
import { BroadcastCodes } from '../../../elements/prose/state/broadcast-codes.ts'
import { MonitorLists } from '../../../elements/prose/state/monitor-lists.ts'
import { ProximateLists, type Relation } from '../../../elements/prose/state/proximate-list.ts'
import { deviceKey, subscriberKey } from '../../../elements/shared/identifiers/devices.ts'
import { keyPart } from '../../../elements/shared/identifiers/keys.ts'
import {
  actsFor,
  bothRoles,
  discoverable,
  discoverer,
  permittedRoles,
  roleNames,
  rolesFrom,
} from '../../../elements/shared/permissions/device-permissions.ts'
import { Deadlines } from '../../../elements/shared/state/deadlines.ts'
import type { Ids } from '../../../signalling/index.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'

const domains = ['localhost', '127.0.0.1']

test('codes: 46 hex digits, live until their end, found by index', (t) => {
  const codes = new BroadcastCodes(seededIds(1), 1000, 100)
  const code = codes.issue('sip:a@b', 5000)
  t.is(codes.find(code.text, 5000), undefined, 'not yet')
  codes.set(code.text, code)
  t.regex(code.text, /^[0-9a-f]{46}$/)
  t.is(codes.find(code.text, 5999), code)
  t.is(codes.find(code.text, 6000), undefined)
  t.is(codes.rotateAt(code), 5900)
  codes.delete(code.text)
  t.is(codes.find(code.text, 5000), undefined)
  t.is(codes.size, 0)
})

test('codes: no live code is given twice, restored ones included', (t) => {
  const texts = ['aa', 'aa', 'aa', 'bb', 'aa', 'bb', 'cc']
  const ids: Ids = { ...seededIds(1), hex: () => texts.shift()! }
  const codes = new BroadcastCodes(ids, 1000, 0)
  codes.set('aa', { text: 'aa', device: 'sip:a@b', issued: 0, validUntil: 1000 })
  const next = codes.issue('sip:c@d', 0)
  t.is(next.text, 'bb')
  codes.set(next.text, next)
  t.is(codes.issue('sip:e@f', 0).text, 'cc')
})

test('codes: a hundred thousand are all different', (t) => {
  const codes = new BroadcastCodes(seededIds(7), 1000, 0)
  for (let i = 0; i < 100_000; i++) {
    const code = codes.issue(`sip:${i}@b`, 0)
    codes.set(code.text, code)
  }
  t.is(codes.size, 100_000)
})

test('monitor lists: a peer stays while any reason does', (t) => {
  const lists = new MonitorLists()
  t.true(lists.add('a', 'x', 'standing'))
  t.false(lists.add('a', 'x', 'set'))
  t.false(lists.add('a', 'x', 'set'))
  t.true(lists.isStanding('a', 'x'))
  t.false(lists.remove('a', 'x', 'standing'))
  t.false(lists.isStanding('a', 'x'))
  t.false(lists.remove('a', 'x', 'set'))
  t.true(lists.has('a', 'x'))
  t.deepEqual([...lists.ownersOf('x')], ['a'])
  t.true(lists.remove('a', 'x', 'set'))
  t.false(lists.remove('a', 'x', 'set'))
  t.deepEqual([...lists.peersOf('a')], [])
  t.deepEqual([...lists.ownersOf('x')], [])
  t.is(lists.size, 0)
})

const relation = (reporter: string, peer: string, at: number): Relation => ({
  reporter,
  peer,
  since: at,
  lastHeard: at,
  rssi: undefined,
  code: 'c',
})

test('proximate lists: directional, with a lifetime, mutual on query', (t) => {
  const lists = new ProximateLists(60)
  const ab = relation('a', 'b', 100)
  lists.put(ab)
  t.is(lists.find('a', 'b', 159), ab)
  t.is(lists.find('a', 'b', 160), undefined)
  t.is(lists.find('b', 'a', 100), undefined)
  t.deepEqual(lists.near('a', 100, true), [])
  lists.put(relation('b', 'a', 120))
  t.deepEqual(lists.near('a', 130, true), [ab])
  ab.lastHeard = 150
  t.is(lists.due(ab), 210)
  t.is(lists.size, 2)
  t.deepEqual([...lists.hearersOf('b')], ['a'])
})

test('proximate lists: only the very entry is removed', (t) => {
  const lists = new ProximateLists(60)
  const old = relation('a', 'b', 0)
  const next = relation('a', 'b', 100)
  lists.put(old)
  lists.put(next)
  t.false(lists.remove(old))
  t.true(lists.holds(next))
  t.true(lists.remove(next))
  t.is(lists.size, 0)
  t.deepEqual([...lists.all()], [])
  t.deepEqual([...lists.hearersOf('b')], [])
})

test('announcing: awake until the last one lets go', (t) => {
  const wakes = new WakeCounts()
  wakes.wake('a')
  wakes.wake('a')
  wakes.sleep('a')
  t.true(wakes.awake('a'))
  wakes.sleep('a')
  t.false(wakes.awake('a'))
  wakes.sleep('a')
  t.false(wakes.awake('a'))
})

test('permissions: roles and who acts for whom', (t) => {
  t.is(rolesFrom(undefined), bothRoles)
  t.is(rolesFrom(['discoverer', 'discoverer']), discoverer)
  t.deepEqual(roleNames(bothRoles), ['discoverable', 'discoverer'])
  t.is(permittedRoles(undefined), 0)
  const record = {
    id: 'sip:a@b',
    aliases: ['tel:+49'],
    permissions: { discoverable: true, discoverer: false },
    servers: [{ uri: 'sip:as@b', application: 'chess' }],
  }
  t.is(permittedRoles(record), discoverable)
  t.true(actsFor('sip:a@b', record, undefined))
  t.true(actsFor('tel:+49', record, 'go'))
  t.true(actsFor('sip:as@b', record, undefined))
  t.true(actsFor('sip:as@b', record, 'chess'))
  t.false(actsFor('sip:as@b', record, 'go'))
  t.false(actsFor('sip:c@b', record, undefined))
  t.false(actsFor('sip:c@b', { id: 'sip:a@b', permissions: record.permissions }, undefined))
})

test('differences: full at first, then what came, went and was heard again', (t) => {
  const relationsOf = (...relations: Relation[]) => new Map(relations.map((one) => [one.peer, { ...one }]))
  const b = relation('a', 'b', 0)
  const first = difference(undefined, relationsOf(b))
  t.true(first.full)
  t.is(first.added.length, 1)
  const next = difference(relationsOf(b, relation('a', 'c', 0)), relationsOf({ ...b, lastHeard: 5 }, relation('a', 'd', 1)))
  t.false(next.full)
  t.deepEqual(
    next.added.map(({ device }) => device),
    ['d'],
  )
  t.deepEqual(next.removed, ['c'])
  t.deepEqual(
    next.refreshed.map(({ device }) => device),
    ['b'],
  )
  t.deepEqual(difference(relationsOf(b), relationsOf(b)), { full: false, added: [], removed: [], refreshed: [] })
})

test('deadlines: one timer, items that moved on are put back, gone ones forgotten', async (t) => {
  const clock = new ManualClock()
  const due = new Map<string, number>()
  const fired: string[] = []
  const deadlines = new Deadlines<string>(
    clock,
    (item) => due.get(item),
    (items) => fired.push(...items),
  )
  const start = clock.date()
  for (const [item, at] of [
    ['late', 90_000],
    ['early', 1000],
    ['moved', 1500],
    ['gone', 2000],
  ] as const) {
    due.set(item, start + at)
    deadlines.add(item)
  }
  due.set('moved', start + 40_000)
  due.delete('gone')
  await clock.advance(1000)
  t.deepEqual(fired, ['early'])
  await clock.advance(38_900)
  t.deepEqual(fired, ['early'])
  await clock.advance(200)
  t.deepEqual(fired, ['early', 'moved'])
  await clock.advance(50_000)
  t.deepEqual(fired, ['early', 'moved', 'late'])
  t.is(clock.nextDue, undefined)
})

test('deadlines: thousands come in order of their time and stop when told', async (t) => {
  const clock = new ManualClock()
  const ids = seededIds(3)
  const fired: number[] = []
  const deadlines = new Deadlines<number>(
    clock,
    (item) => item,
    (items) => fired.push(...items),
  )
  for (let i = 0; i < 5000; i++) deadlines.add(clock.date() + Math.floor(ids.fraction() * 100_000))
  await clock.advance(50_000)
  const half = fired.length
  t.true(half > 2000 && half < 3000)
  for (let i = 1; i < half; i++) t.true(Math.ceil(fired[i]! / 100) >= Math.ceil(fired[i - 1]! / 100))
  deadlines.stop()
  await clock.advance(100_000)
  t.is(fired.length, half)
})

test('settings: defaults, and numbers that contradict each other', (t) => {
  const rules = rulesOf({})
  t.is(rules.mode, 'all')
  t.is(rules.entryLifetime, 60_000)
  t.is(rulesOf({ report: { refresh: 5 } }).entryLifetime, 15_000)
  t.throws(() => rulesOf({ code: { lifetime: 60, grace: 31 } }), { message: /grace/ })
  t.throws(() => rulesOf({ code: { lifetime: 0 } }), { message: /grace|lifetime/ })
  t.throws(() => rulesOf({ lifetime: 0 }), { message: /lifetime/ })
  t.throws(() => rulesOf({ expires: { usual: 600, max: 60 } }), { message: /expires/ })
})

test('identifiers: every form of one device is one key', (t) => {
  t.is(deviceKey('sip:alice@127.0.0.1:5062;transport=tcp', domains), 'sip:alice@localhost')
  t.is(deviceKey('sips:alice@LOCALHOST', domains), 'sip:alice@localhost')
  t.is(deviceKey('tel:+49-30-123', domains), 'tel:+4930123')
  t.is(deviceKey('192.0.2.7', domains), 'sip:192.0.2.7')
  t.is(deviceKey('2001:db8::1', domains), 'sip:[2001:db8::1]')
  t.is(deviceKey('sip:bob@elsewhere.example', domains), 'sip:bob@elsewhere.example')
  t.is(deviceKey('nonsense', domains), undefined)
  t.is(subscriberKey('alice', domains), 'sip:alice@localhost')
})

test('identifiers: whatever they hold can be a store key', (t) => {
  t.is(keyPart('sip:alice@localhost'), 'sip:alice@localhost')
  t.is(keyPart('sip:a/b\n@x'), 'sip%3Aa%2Fb%0A%40x')
})
