/** Triggers, questions and differences (SPEC §3.1, §3.3, §3.4; FIG 9, 10, 11, 13). */
import test from 'ava'
import type { ProximityDiff, ProximityPair } from '../../../elements/schemas/index.ts'
import { json } from '../../support/requests.ts'
import { all, codeOf, names, scene, sip, stateOf } from './scene.ts'

// ---- FIG 9

test('a trigger changes the monitor list of a device, durably; strangers are refused', async (t) => {
  const net = await scene({ mode: 'listed' })
  const alice = await net.join('alice')
  const bob = await net.join('bob')
  t.is((await net.trigger(sip('as'), { device: sip('alice'), application: 'chess', set: [sip('bob')] })).status, 200)
  t.deepEqual(stateOf(alice).monitor!.codes, [codeOf(bob)])
  t.is((await net.trigger(sip('eve'), { device: sip('alice'), set: [] })).status, 403)
  t.is((await net.trigger(sip('as'), { device: sip('bob'), set: [] })).status, 403)
  t.is((await net.trigger(sip('carol'), { device: sip('carol'), set: [] })).status, 403)
  t.is((await net.trigger(sip('as'), { set: [] })).status, 400)
  await net.restart()
  t.deepEqual(stateOf(alice).monitor!.codes, [codeOf(bob)])
  await net.trigger(sip('as'), { device: sip('alice'), add: [sip('carol')], remove: [sip('bob')] })
  t.deepEqual(stateOf(alice).monitor!.codes, [])
  const carol = await net.join('carol')
  t.deepEqual(stateOf(alice).monitor!.codes, [codeOf(carol)])
  await net.trigger(sip('as'), { device: sip('alice'), set: [] })
  t.deepEqual(stateOf(alice).monitor!.codes, [])
})

// ---- §3.3

test('the list may be asked at the device itself, and fetched', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.join('bob')
  await net.report('bob', [codeOf(alice)])
  const fetched = await net.query('bob', undefined, { to: sip('bob'), expires: 0 })
  t.deepEqual(names(fetched.subscription!.last), [sip('alice')])
  t.false(fetched.subscription!.live)
  t.is(net.metric('watchers'), 0)
})

test('a pair, by Event parameter and by body', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const carol = await net.join('carol')
  await net.join('bob')
  const pair = await net.watch('bob', undefined, { event: `proximity;peer="<${sip('alice')}>"` })
  t.deepEqual(pair.last as ProximityPair, { device: sip('bob'), peer: sip('alice'), proximate: false })
  await net.report('bob', [codeOf(carol)])
  t.is(pair.bodies.length, 1, 'other peers are not its business')
  await net.report('bob', [codeOf(alice)])
  t.true((pair.last as ProximityPair).proximate)
  const byBody = await net.watch('bob', { peer: 'tel:+4930111' })
  t.deepEqual(byBody.last as ProximityPair, { device: sip('bob'), peer: sip('alice'), proximate: true })
})

test('questions that contradict themselves', async (t) => {
  const net = await scene()
  t.is((await net.query('bob', { peer: sip('alice'), peers: [sip('carol')] })).status, 400)
  t.is((await net.query('bob', undefined, { event: 'proximity;peer="what ever"' })).status, 400)
  t.is((await net.query('bob', { device: sip('alice') }, { to: sip('bob') })).status, 400)
  t.is((await net.query('bob', { peers: [] })).status, 400)
})

test('who may ask: the device, its application server; others learn nothing', async (t) => {
  const net = await scene()
  t.is((await net.query('as', { device: sip('alice') })).status, 200)
  t.is((await net.query('as', { device: sip('bob') })).status, 403)
  t.is((await net.query('bob', undefined, { to: sip('alice') })).status, 403)
  t.is((await net.query('bob', undefined, { to: sip('nobody') })).status, 403)
  t.is((await net.query('eve')).status, 403)
  t.is((await net.query('bob', undefined, { asserted: undefined })).status, 403)
})

test('mutual relations only: told when either side changes', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const bob = await net.join('bob')
  const watcher = await net.watch('bob', { mutual: true })
  await net.report('bob', [codeOf(alice)])
  t.deepEqual(names(watcher.last), [])
  await net.report('alice', [codeOf(bob)])
  t.deepEqual(names(watcher.last), [sip('alice')])
  await net.report('alice', [], [codeOf(bob)])
  t.deepEqual(names(watcher.last), [])
})

test('a set puts its peers on the monitor list and tells which are near', async (t) => {
  const net = await scene({ mode: 'listed' })
  const alice = await net.join('alice')
  const carol = await net.join('carol')
  const bob = await net.join('bob')
  t.is((await net.report('bob', [codeOf(alice)])).status, 404)
  const set = await net.watch('bob', { peers: ['tel:+4930111', sip('nobody')] })
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(alice)])
  await net.report('bob', [codeOf(alice)])
  t.deepEqual(names(set.last), [sip('alice')])
  const body = json('proximity-query', { peers: [sip('carol')] })
  t.is(await set.refresh(body), 200)
  t.deepEqual(names(set.last), [])
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(carol)])
  await set.end()
  t.deepEqual(stateOf(bob).monitor!.codes, [])
})

test('only a set can be given other peers by a refresh', async (t) => {
  const net = await scene()
  const list = await net.watch('bob')
  const refresh = (body: object) => list.refresh(json('proximity-query', body))
  t.is(await refresh({ peers: [sip('alice')] }), 403)
  t.is(await refresh({ peers: [] }), 400)
  t.is(await refresh({}), 200)
})

// ---- §3.4

test('differences: full first, then consecutive changes, newest state wins', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const carol = await net.join('carol')
  await net.join('bob')
  const watcher = await net.watch('bob', undefined, { accept: 'application/vnd.proxima.proximity-diff+json' })
  const last = (): ProximityDiff => watcher.last as ProximityDiff
  t.true(last().full)
  await net.report('bob', [codeOf(alice)])
  t.false(last().full)
  t.is(last().added[0]!.device, sip('alice'))
  await net.network.clock.advance(5000)
  await net.report('bob', [codeOf(alice)])
  await net.report('bob', [codeOf(carol)])
  t.is(last().refreshed[0]!.lastHeard, '2026-01-01T00:00:05.000Z')
  t.is(last().added[0]!.device, sip('carol'))
  await net.hss.set({ id: 'zoe', permissions: all })
  const zoe = await net.join('zoe')
  watcher.slow = true
  await net.report('bob', [codeOf(zoe)]) // under way, and not answered
  await net.report('bob', [], [codeOf(carol)])
  await net.report('bob', [], [codeOf(alice)])
  await watcher.catchUp()
  t.deepEqual([...last().removed].sort(), [sip('alice'), sip('carol')])
  t.is(last().version, 5)
})
