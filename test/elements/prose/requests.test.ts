/** Proximity service requests, codes, and who must broadcast (SPEC §3.1). */
import test from 'ava'
import { holdWrites } from '../../support/held-writes.ts'
import { json } from '../../support/requests.ts'
import { all, codeOf, names, scene, sip, stateOf } from './scene.ts'

// ---- §3.1

test('a device without a body asks for both roles and gets a code', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const state = stateOf(alice)
  t.deepEqual(state.roles, ['discoverable', 'discoverer'])
  t.is(state.device, sip('alice'))
  t.regex(state.announce!.code, /^[0-9a-f]{46}$/)
  t.is(state.announce!.validUntil, '2026-01-01T01:00:00.000Z')
  t.true(state.announce!.active)
  t.deepEqual(state.monitor, { mode: 'all', codes: [] })
})

test('only what is permitted is granted, and only the discoverable get a code', async (t) => {
  const net = await scene()
  t.deepEqual(stateOf(await net.join('carol')).roles, ['discoverable'])
  t.is(stateOf(await net.join('carol')).monitor, undefined)
  t.is(stateOf(await net.join('dave')).announce, undefined)
  t.is(stateOf(await net.join('alice', { roles: ['discoverer'] })).announce, undefined)
  t.is(net.metric('codes'), 1)
})

test('403: no permission, unknown, nobody vouches, not the own device; strangers learn nothing', async (t) => {
  const net = await scene()
  const eve = await net.request('eve')
  t.is(eve.status, 403)
  t.truthy(eve.warning)
  t.is((await net.request('carol', { roles: ['discoverer'] })).status, 403)
  const unknown = await net.request('nobody')
  const other = await net.request('bob', { device: sip('alice') })
  t.is(unknown.status, 403)
  t.is(other.status, 403)
  t.is(unknown.warning, other.warning)
  t.is((await net.request('alice', undefined, { asserted: undefined })).status, 403)
})

test('400 and 415 for bodies that are not as the schema says', async (t) => {
  const net = await scene()
  const bad = await net.request('alice', { roles: ['king'] })
  t.is(bad.status, 400)
  t.regex(bad.warning!, /^\/roles\/0/)
  t.is((await net.request('alice', undefined, { body: { type: 'text/plain', content: 'x' } })).status, 415)
})

test('an application server that the HSS lists acts for the device, for that application', async (t) => {
  const net = await scene()
  t.is((await net.request('as', { device: sip('alice'), application: 'chess' })).status, 200)
  t.is((await net.request('as', { device: sip('alice'), application: 'go' })).status, 403)
  t.is((await net.request('as', { device: sip('bob') })).status, 403)
})

test('all forms of a device are one: alias, other domain name', async (t) => {
  const net = await scene()
  const one = await net.join('alice')
  const two = (await net.request('', undefined, { asserted: 'tel:+49-30-111' })).subscription!
  const three = (await net.request('', undefined, { asserted: 'sip:alice@127.0.0.1' })).subscription!
  t.is(codeOf(two), codeOf(one))
  t.is(codeOf(three), codeOf(one))
})

test('a fetch shows what is, and allocates nothing', async (t) => {
  const net = await scene()
  const before = (await net.request('alice', undefined, { expires: 0 })).subscription!
  t.is(stateOf(before).announce, undefined)
  t.is(net.metric('codes'), 0)
  const standing = await net.join('alice')
  const after = (await net.request('alice', undefined, { expires: 0 })).subscription!
  t.is(codeOf(after), codeOf(standing))
  t.true(standing.live)
})

test('a refresh may change roles, within what is permitted', async (t) => {
  const net = await scene()
  const alice = await net.join('alice', { roles: ['discoverer'] })
  const refresh = (body: object) => alice.refresh(json('prose-request', body))
  t.is(await refresh({ roles: ['discoverable', 'discoverer'] }), 200)
  t.regex(codeOf(alice), /^[0-9a-f]{46}$/)
  await net.restart()
  t.deepEqual(stateOf(alice).roles, ['discoverable', 'discoverer'], 'durably')
  t.is(await refresh({ roles: ['discoverer'] }), 200)
  t.is(stateOf(alice).announce, undefined)
  t.is(net.metric('codes'), 0)
  t.is(await refresh({ roles: ['king'] }), 400)
  t.is(await refresh({ device: sip('bob'), roles: ['discoverer'] }), 403)
  t.is(await refresh({}), 200)
  const carol = await net.join('carol')
  const body = json('prose-request', { roles: ['discoverer'] })
  t.is(await carol.refresh(body), 403)
})

test('the last NOTIFY of a subscription grants nothing, and names no code', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const { version } = stateOf(alice)
  await alice.end()
  t.false(alice.live)
  t.deepEqual(stateOf(alice), { version: version + 1, device: sip('alice'), roles: [] })
})

// ---- codes

test('codes rotate with overlap: the new one is told, the old one counts for the grace period', async (t) => {
  const net = await scene({ code: { lifetime: 600, grace: 60 } })
  const alice = await net.join('alice')
  await net.join('bob')
  const first = codeOf(alice)
  await net.network.clock.advance(540_100)
  const second = codeOf(alice)
  t.not(second, first)
  t.is(alice.bodies.length, 2)
  t.is((await net.report('bob', [first])).status, 200)
  t.is((await net.report('bob', [second])).status, 200)
  await net.network.clock.advance(59_900)
  t.is((await net.report('bob', [first])).status, 404)
  t.is((await net.report('bob', [second])).status, 200)
  await net.network.clock.advance(60_000)
  t.is(net.metric('codes'), 2)
})

test('unsubscribing withdraws the code and every relation that rests on it; watchers are told', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const bob = await net.join('bob')
  const watcher = await net.watch('bob')
  const code = codeOf(alice)
  await net.report('bob', [code])
  t.deepEqual(names(watcher.last), [sip('alice')])
  await alice.end()
  t.deepEqual(names(watcher.last), [])
  t.is((await net.report('bob', [code])).status, 404)
  t.is(net.metric('relations'), 0)
  await net.join('alice')
  await net.report('alice', [codeOf(bob)])
  const near = await net.watch('alice')
  t.deepEqual(names(near.last), [sip('bob')])
})

test('a discoverer that leaves has no list any more', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const bob = await net.join('bob')
  const watcher = await net.watch('bob')
  await net.report('bob', [codeOf(alice)])
  await bob.end()
  t.deepEqual(names(watcher.last), [])
  t.is((await net.report('bob', [codeOf(alice)])).status, 403)
})

test('two subscriptions of one device: the code lives as long as one of them', async (t) => {
  const net = await scene()
  const first = await net.join('alice')
  const second = await net.join('alice')
  await net.join('bob')
  await first.end()
  t.is((await net.report('bob', [codeOf(second)])).status, 200)
})

// ---- announcing

test('when-monitored: a device broadcasts while somebody listens or has woken it', async (t) => {
  const net = await scene({ mode: 'listed', announce: 'when-monitored', monitors: { bob: ['alice'] } })
  const alice = await net.join('alice')
  t.false(stateOf(alice).announce!.active)
  const bob = await net.join('bob')
  t.true(stateOf(alice).announce!.active)
  await bob.end()
  t.false(stateOf(alice).announce!.active)
  const carol = await net.join('carol')
  const quiet = await net.watch('bob', { peers: [sip('carol')] })
  t.false(stateOf(carol).announce!.active)
  const waking = await net.watch('bob', { peers: [sip('carol')], wake: true })
  t.true(stateOf(carol).announce!.active)
  await quiet.end()
  t.true(stateOf(carol).announce!.active)
  await waking.end()
  t.false(stateOf(carol).announce!.active)
})

for (const what of ['request', 'query'] as const)
  test(`a permission that is withdrawn while a ${what} is written ends what it has begun`, async (t) => {
    const net = await scene()
    await net.hss.set({ id: 'alice', permissions: all, friends: ['bob'] })
    const { store, clock } = net.network
    const held = holdWrites(store, 'prose/')
    const asked = what === 'request' ? net.request('bob') : net.query('bob', { peers: [sip('alice')] })
    await clock.advance(100)
    t.is(held.waiting, 1)
    await net.hss.set({ id: 'bob', permissions: { discoverable: false, discoverer: false } })
    await clock.advance(100)
    held.release()
    const exchange = await asked
    await clock.advance(100)
    const { subscription } = exchange
    t.deepEqual([subscription!.live, subscription!.reason], [false, 'rejected'])
    t.deepEqual([net.metric('codes'), net.metric('watchers'), net.metric('monitor_lists')], [0, 0, 0])
  })
