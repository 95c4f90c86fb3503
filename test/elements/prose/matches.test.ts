/** Registering what was heard (SPEC §3.2). */
import test from 'ava'
import type { ProximityList } from '../../../elements/schemas/index.ts'
import { json } from '../../support/requests.ts'
import { codeOf, names, scene, service, sip, stateOf } from './scene.ts'

test('a match: 200, the relation is directional and keeps first and last time', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.join('bob')
  t.is((await net.report('bob', [codeOf(alice)], [], { rssi: -70 })).status, 200)
  await net.network.clock.advance(10_000)
  await net.report('bob', [codeOf(alice)], [], { rssi: -60 })
  const list = (await net.watch('bob')).last as ProximityList
  t.deepEqual(list.proximate, [
    { device: sip('alice'), since: '2026-01-01T00:00:00.000Z', lastHeard: '2026-01-01T00:00:10.000Z', rssi: -60 },
  ])
  t.deepEqual(names((await net.watch('alice')).last), [])
})

test('a match is refused: not subscribed, not a discoverer, unknown reporter, nobody vouches, malformed', async (t) => {
  const net = await scene()
  const code = codeOf(await net.join('alice'))
  t.is((await net.report('bob', [code])).status, 403)
  await net.join('carol')
  t.is((await net.report('carol', [code])).status, 403)
  t.is((await net.report('nobody', [code])).status, 403)
  const body = json('prose-match', { heard: [] })
  t.is((await net.ask('MESSAGE', service, { body })).status, 403)
  t.is((await net.ask('MESSAGE', service, { asserted: sip('bob'), body: json('prose-match', {}) })).status, 400)
})

test('a match by alias counts for the device', async (t) => {
  const net = await scene()
  await net.join('alice')
  const bob = await net.join('bob')
  const heard = [{ code: codeOf(bob), at: '2026-01-01T00:00:00Z' }]
  t.is((await net.ask('MESSAGE', service, { asserted: 'tel:+4930111', body: json('prose-match', { heard }) })).status, 200)
  t.deepEqual(names((await net.watch('alice')).last), [sip('bob')])
})

test('unknown codes: none known is 404, some unknown is 200 with a Warning, an empty report is 200', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.join('bob')
  const unknown = 'f'.repeat(46)
  t.is((await net.report('bob', [unknown])).status, 404)
  const some = await net.report('bob', [unknown, codeOf(alice)])
  t.is(some.status, 200)
  t.regex(some.warning!, /1 of 2/)
  t.is((await net.report('bob', [])).status, 200)
})

test('lost removes, but not a code under which the peer is heard no more', async (t) => {
  const net = await scene({ code: { lifetime: 600, grace: 300 }, lifetime: 1000 })
  const alice = await net.join('alice')
  await net.join('bob')
  const watcher = await net.watch('bob')
  const first = codeOf(alice)
  await net.report('bob', [first])
  await net.network.clock.advance(300_100)
  await net.report('bob', [codeOf(alice)])
  await net.report('bob', [], [first])
  t.is(watcher.bodies.length, 2)
  await net.report('bob', [], [codeOf(alice)])
  t.deepEqual(names(watcher.last), [])
  t.is((await net.report('bob', [], [codeOf(alice)])).status, 200)
  t.is((await net.report('bob', [], ['0'.repeat(46)])).status, 404)
})

test('entries live until their lifetime after the last report', async (t) => {
  const net = await scene({ report: { refresh: 20 } })
  const alice = await net.join('alice')
  await net.join('bob')
  const watcher = await net.watch('bob')
  await net.report('bob', [codeOf(alice)])
  await net.network.clock.advance(40_000)
  await net.report('bob', [codeOf(alice)])
  t.is(watcher.bodies.length, 2, 'a refresh alone tells nobody')
  await net.network.clock.advance(59_000)
  t.deepEqual(names(watcher.last), [sip('alice')])
  await net.network.clock.advance(1100)
  t.deepEqual(names(watcher.last), [])
  t.is(net.metric('relations'), 0)
})

test('times: the future is now, what is too old does not count, an overtaken report changes nothing', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.join('bob')
  await net.network.clock.advance(100_000)
  const code = codeOf(alice)
  const at = async (time: string) =>
    (await net.ask('MESSAGE', service, { asserted: sip('bob'), body: json('prose-match', { heard: [{ code, at: time }] }) }))
      .status
  t.is(await at('2026-01-01T00:00:10Z'), 200)
  t.is(net.metric('relations'), 0)
  t.is(await at('2030-01-01T00:00:00Z'), 200)
  t.is(await at('2026-01-01T00:01:35Z'), 200)
  const list = (await net.watch('bob')).last as ProximityList
  t.is(list.proximate[0]!.lastHeard, '2026-01-01T00:01:40.000Z')
})

test('times: a report of long ago makes no relation, and neither ends nor refreshes one', async (t) => {
  const net = await scene({ lifetime: 60 })
  const code = codeOf(await net.join('alice'))
  await net.join('bob')
  const watcher = await net.watch('bob')
  const near = async () => ((await net.watch('bob')).last as ProximityList).proximate
  const start = net.network.clock.date()
  const at = async (ms: number) => (await net.report('bob', [code], [], { at: new Date(ms).toISOString() })).status
  for (const before of [Date.UTC(2020, 0), start - 60_000]) {
    t.is(await at(before), 200)
    t.deepEqual(await near(), [])
  }
  t.is(await at(start - 59_000), 200)
  const heard = { since: new Date(start - 59_000).toISOString(), lastHeard: new Date(start - 59_000).toISOString() }
  t.like((await near())[0], heard, 'as heard, not as reported')
  t.is(await at(Date.UTC(2020, 0)), 200)
  t.like((await near())[0], heard)
  await net.network.clock.advance(1100)
  t.deepEqual(names(watcher.last), [], 'it lives from when it was heard')
  t.is(await at(start + 86_400_000), 200)
  const now = new Date(net.network.clock.date()).toISOString()
  t.like((await near())[0], { since: now, lastHeard: now })
})

test('hearing oneself is no proximity', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  t.is((await net.report('alice', [codeOf(alice)])).status, 200)
  t.is(net.metric('relations'), 0)
})

test('mode listed: only codes on the list count; the list follows rotation and departure', async (t) => {
  const net = await scene({ mode: 'listed', monitors: { bob: ['alice'] }, code: { lifetime: 600, grace: 60 } })
  const bob = await net.join('bob')
  t.deepEqual(stateOf(bob).monitor, { mode: 'listed', codes: [] })
  const alice = await net.join('alice')
  const carol = await net.join('carol')
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(alice)])
  t.is((await net.report('bob', [codeOf(carol)])).status, 404)
  t.is((await net.report('bob', [codeOf(alice)])).status, 200)
  const first = codeOf(alice)
  await net.network.clock.advance(540_100)
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(alice), first])
  await net.network.clock.advance(60_000)
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(alice)])
  await alice.end()
  t.deepEqual(stateOf(bob).monitor!.codes, [])
})
