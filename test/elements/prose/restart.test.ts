/** Permissions that change, a silent HSS, restarts, a failing store. */
import test from 'ava'
import type { ProximityList, ProximityPair } from '../../../elements/schemas/index.ts'
import { H } from '../../../signalling/index.ts'
import { countWrites } from '../../support/held-writes.ts'
import { json } from '../../support/requests.ts'
import { all, codeOf, names, scene, service, sip, stateOf } from './scene.ts'

// ---- permissions that change

test('a permission lost ends the subscription and everything that rests on it', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.join('bob')
  const watcher = await net.watch('bob')
  const server = await net.watch('as', { device: sip('alice') })
  await net.report('bob', [codeOf(alice)])
  await net.hss.set({ id: 'alice', permissions: { discoverable: false, discoverer: true } })
  await net.network.settle()
  t.is(alice.reason, 'rejected')
  t.deepEqual(names(watcher.last), [])
  t.is(server.reason, 'rejected', 'the record no longer lists the application server')
  await net.hss.remove('bob')
  await net.network.settle()
  t.is(watcher.reason, 'rejected')
  t.is(net.metric('devices'), 0)
})

test('a permission that stays keeps the subscription', async (t) => {
  const net = await scene()
  const bob = await net.join('bob')
  await net.hss.set({ id: 'bob', permissions: all, friends: ['alice'] })
  await net.network.settle()
  t.true(bob.live)
})

test('503 while the HSS does not answer, and no code is left over', async (t) => {
  const net = await scene()
  net.network.cut('hss')
  const refused = await net.request('alice')
  await net.network.clock.advance(5000)
  t.is(refused.status, 503)
  t.is(refused.response!.text(H['Retry-After']), '5')
  t.is(net.metric('codes'), 0)
  net.network.heal()
  t.is((await net.request('alice')).status, 200)
})

// ---- restart

test('a restart loses nothing that was acknowledged', async (t) => {
  const net = await scene({ mode: 'listed', announce: 'when-monitored', code: { lifetime: 600, grace: 60 }, lifetime: 300 })
  const [a, b] = [await net.join('alice'), await net.join('bob')]
  const alice = codeOf(a)
  const set = await net.watch('bob', { peers: [sip('alice')], wake: true })
  const pair = await net.watch('bob', undefined, { event: `proximity;peer="${sip('alice')}"` })
  t.is((await net.report('bob', [alice], [], { rssi: -50 })).status, 200)
  await net.network.clock.advance(1000)
  await net.restart()
  t.is(codeOf(a), alice)
  t.true(stateOf(a).announce!.active)
  t.deepEqual(stateOf(b).monitor!.codes, [alice])
  t.deepEqual((set.last as ProximityList).proximate, [
    { device: sip('alice'), since: '2026-01-01T00:00:00.000Z', lastHeard: '2026-01-01T00:00:00.000Z', rssi: -50 },
  ])
  t.true((pair.last as ProximityPair).proximate)
  await net.network.clock.advance(299_100)
  t.deepEqual(names(set.last), [])
  t.false((pair.last as ProximityPair).proximate)
  await net.network.clock.advance(240_000)
  t.not(codeOf(a), alice, 'rotation goes on')
  t.deepEqual(stateOf(b).monitor!.codes, [codeOf(a), alice])
})

test('a server that has stopped writes nothing more, and the next one has its codes, relations, lists, sets and identifiers', async (t) => {
  const net = await scene({ code: { lifetime: 600, grace: 60 }, lifetime: 300, mode: 'listed' })
  const alice = await net.join('alice')
  const bob = await net.join('bob')
  t.is((await net.trigger(sip('as'), { device: sip('alice'), application: 'chess', add: [sip('bob')] })).status, 200)
  const set = await net.watch('bob', { peers: [sip('alice')] })
  t.is((await net.report('bob', [codeOf(alice)])).status, 200)
  const registration = json('registration-code-request', { device: sip('alice'), capabilities: { prose: true } })
  t.is((await net.ask('MESSAGE', service, { asserted: sip('alice'), body: registration })).status, 202)
  const before = ['codes', 'relations', 'monitor_lists', 'epuids'].map((name) => net.metric(name))
  t.deepEqual(before, [2, 1, 2, 1])
  const codes = stateOf(alice).monitor!.codes
  const { clock, store } = net.network
  const written = countWrites(store, 'prose/')
  await net.network.stop('prose')
  const atStop = written.count
  await clock.advance(200_000) // no deadline of it passes unseen
  t.is(written.count, atStop)
  await net.restart()
  t.deepEqual(
    ['codes', 'relations', 'monitor_lists', 'epuids'].map((name) => net.metric(name)),
    before,
  )
  t.deepEqual(stateOf(alice).monitor!.codes, codes)
  t.deepEqual(names(set.last), [sip('alice')])
  await clock.advance(101_000)
  t.deepEqual(names(set.last), [], 'the relation ends when it would have')
  await clock.advance(300_000)
  t.not(stateOf(bob).announce!.code, codes[0], 'and so does the code')
  await net.network.stop('prose')
  const atEnd = written.count
  await clock.advance(86_400_000)
  t.is(written.count, atEnd)
})

test('a restart after the code has expired gives a new one', async (t) => {
  const net = await scene({ code: { lifetime: 600, grace: 60 } })
  const alice = await net.join('alice')
  const before = codeOf(alice)
  await net.network.stop('prose')
  await net.network.clock.advance(700_000)
  await net.restart()
  t.not(codeOf(alice), before)
})

test('a restart during the overlap keeps both codes', async (t) => {
  const net = await scene({ code: { lifetime: 600, grace: 60 } })
  const alice = await net.join('alice')
  await net.join('bob')
  const first = codeOf(alice)
  await net.network.clock.advance(540_100)
  const second = codeOf(alice)
  await net.restart()
  t.is(codeOf(alice), second)
  t.is((await net.report('bob', [first])).status, 200)
  await net.network.clock.advance(60_000)
  t.is((await net.report('bob', [first])).status, 404)
})

test('what nobody takes up after a restart goes: codes, relations, sets', async (t) => {
  const net = await scene({ lifetime: 1000 })
  const alice = await net.join('alice')
  await net.join('bob')
  await net.watch('bob', { peers: [sip('alice')] })
  await net.report('bob', [codeOf(alice)])
  await net.network.stop('prose')
  await net.network.forgetSubscriptions()
  await net.restart()
  t.is(net.metric('codes'), 2)
  await net.network.clock.advance(10_100)
  t.is(net.metric('codes'), 0)
  t.is(net.metric('relations'), 0)
  const left = []
  for await (const [key] of net.network.store.scan('prose/')) left.push(key)
  t.deepEqual(left, [])
})

test('a permission lost while the server was down is noticed after the restart', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.network.stop('prose')
  await net.hss.remove('alice')
  await net.restart()
  await net.network.settle()
  t.is(alice.reason, 'rejected')
  t.is(net.metric('codes'), 0)
})

test('the store failing refuses what would not be durable', async (t) => {
  const net = await scene()
  const { store } = net.network
  const write = store.write
  store.write = () => Promise.reject(new Error('disk full'))
  t.is((await net.request('alice')).status, 500)
  t.is(net.metric('codes'), 0)
  store.write = write
  t.is((await net.request('alice')).status, 200)
})

test('after a restart a silent HSS is asked again until it answers', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.network.stop('prose')
  await net.hss.remove('alice')
  net.network.cut('hss')
  await net.restart()
  await net.network.clock.advance(5000)
  t.true(alice.live)
  net.network.heal()
  await net.network.clock.advance(5000)
  t.is(alice.reason, 'rejected')
})
