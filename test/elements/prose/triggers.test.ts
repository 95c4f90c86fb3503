/** Triggers of a UE for itself (SPEC §3.1, FIG 9): only about those whose friend it is. */
import test from 'ava'
import { all, codeOf, scene, sip, stateOf } from './scene.ts'

test('a UE puts nobody on its list whose friend it is not, and wakes nobody so', async (t) => {
  const net = await scene({ mode: 'listed', announce: 'when-monitored' })
  const [alice, dave] = [await net.join('alice'), await net.join('dave')]
  const refused = await net.trigger(sip('dave'), { device: sip('dave'), add: [sip('alice')] })
  t.is(refused.status, 403)
  t.is(refused.warning, 'none of these peers has you as a friend; expected one who lists you')
  t.is((await net.trigger(sip('dave'), { device: sip('dave'), set: ['tel:+4930111'] })).status, 403)
  t.deepEqual(stateOf(dave).monitor!.codes, [])
  t.false(stateOf(alice).announce!.active)
})

test('of whom a UE names those are on its list whose friend it is, while it is', async (t) => {
  const net = await scene({ mode: 'listed', announce: 'when-monitored' })
  const [alice, bob, carol] = [await net.join('alice'), await net.join('bob'), await net.join('carol')]
  await net.join('dave')
  const named = [sip('alice'), sip('carol'), sip('dave')]
  t.is((await net.trigger(sip('bob'), { device: sip('bob'), add: named })).status, 200)
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(alice), codeOf(carol)])
  t.true(stateOf(alice).announce!.active)
  await net.hss.set({ id: 'alice', permissions: all, friends: [] })
  await net.network.clock.advance(100)
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(carol)])
  t.false(stateOf(alice).announce!.active)
  await net.network.stop('prose')
  await net.hss.set({ id: 'carol', permissions: all })
  await net.restart()
  await net.network.clock.advance(1000)
  t.deepEqual(stateOf(bob).monitor!.codes, [], 'asked again after a restart')
})

test('what an application server has put there is not judged by friends; a removed subscriber leaves no list', async (t) => {
  const net = await scene({ mode: 'listed' })
  const [alice, dave] = [await net.join('alice'), await net.join('dave')]
  await net.trigger(sip('as'), { device: sip('alice'), application: 'chess', add: [sip('carol')] })
  const carol = await net.join('carol')
  t.deepEqual(stateOf(alice).monitor!.codes, [codeOf(carol)])
  await net.hss.set({ id: 'carol', permissions: all })
  await net.network.clock.advance(100)
  t.deepEqual(stateOf(alice).monitor!.codes, [codeOf(carol)])
  t.deepEqual(stateOf(dave).monitor!.codes, [])
  await net.hss.remove(sip('alice'))
  await net.network.clock.advance(100)
  await net.hss.set({ id: 'alice', permissions: all })
  t.deepEqual(stateOf(await net.join('alice')).monitor!.codes, [], 'who is called so now is somebody else')
})

test('a permission lost while a trigger waits for the HSS is lost to it', async (t) => {
  const net = await scene({ mode: 'listed', sets: 'everybody' })
  await net.join('bob')
  const asked = net.trigger(sip('bob'), { device: sip('bob'), add: Array.from({ length: 200 }, (_, i) => sip(`x${i}`)) })
  await net.hss.set({ id: 'bob', permissions: { discoverable: true, discoverer: false } })
  await net.network.clock.advance(1000)
  t.is((await asked).status, 403)
})

const servers = [
  { uri: 'as', application: 'chess' },
  { uri: 'as', application: 'go' },
  { uri: 'as2', application: 'go' },
]
const listing = (given: typeof servers) => ({ id: 'alice', permissions: all, servers: given })

test('what an application server has put there is there as long as the subscriber lists it', async (t) => {
  const net = await scene({ mode: 'listed', announce: 'when-monitored' })
  await net.hss.set(listing(servers))
  const alice = await net.join('alice')
  const [bob, carol] = [await net.join('bob'), await net.join('carol')]
  const device = sip('alice')
  t.is((await net.trigger(sip('as'), { device, application: 'chess', add: [sip('bob'), sip('carol')] })).status, 200)
  t.is((await net.trigger(sip('as2'), { device, add: [sip('carol')] })).status, 200)
  const codes = () => [...stateOf(alice).monitor!.codes].sort()
  t.deepEqual(codes(), [codeOf(bob), codeOf(carol)].sort())

  await net.hss.set(listing(servers.slice(1)))
  await net.network.clock.advance(100)
  t.deepEqual(codes(), [codeOf(carol)], 'of the other server, and not of the same one for another application')
  t.false(stateOf(bob).announce!.active)
  await net.hss.set(listing(servers))
  await net.network.clock.advance(100)
  t.deepEqual(codes(), [codeOf(carol)], 'what is gone stays gone')
  await net.hss.set(listing([]))
  await net.network.clock.advance(100)
  t.deepEqual(codes(), [])
})

test('who has put a peer there is known after a restart, and who is not listed any more is noticed then', async (t) => {
  const net = await scene({ mode: 'listed' })
  await net.hss.set(listing(servers))
  const alice = await net.join('alice')
  const [bob, carol] = [await net.join('bob'), await net.join('carol')]
  const device = sip('alice')
  await net.trigger(sip('as'), { device, add: [sip('bob')] })
  await net.trigger(sip('as2'), { device, add: [sip('carol')] })
  const codes = () => [...stateOf(alice).monitor!.codes].sort()
  await net.restart()
  await net.network.clock.advance(1000)
  t.deepEqual(codes(), [codeOf(bob), codeOf(carol)].sort())
  await net.network.stop('prose')
  await net.hss.set(listing(servers.slice(2)))
  await net.restart()
  await net.network.clock.advance(1000)
  t.deepEqual(codes(), [codeOf(carol)])
  await net.restart()
  await net.network.clock.advance(1000)
  t.deepEqual(codes(), [codeOf(carol)], 'durably')
})

test('a list of application servers that all subscribers allow, read again without one, takes what that has put there', async (t) => {
  const net = await scene({ mode: 'listed' })
  const subscribers = ['alice', 'bob', 'carol', 'zoe'].map((id) => ({ id, permissions: all }))
  await net.hss.reload!({ subscribers, servers: servers.slice(1) })
  await net.network.clock.advance(1000)
  const alice = await net.join('alice')
  const [bob, carol] = [await net.join('bob'), await net.join('carol')]
  await net.trigger(sip('as'), { device: sip('alice'), add: [sip('bob')] })
  await net.trigger(sip('as2'), { device: sip('alice'), add: [sip('carol')] })
  await net.trigger(sip('as'), { device: sip('zoe'), add: [sip('bob')] }) // who is not there at all
  t.is(stateOf(alice).monitor!.codes.length, 2)
  await net.hss.reload!({ subscribers, servers: servers.slice(2) })
  await net.network.clock.advance(1000)
  t.deepEqual(stateOf(alice).monitor!.codes, [codeOf(carol)])
  t.deepEqual(stateOf(await net.join('zoe')).monitor!.codes, [])
  t.truthy(bob)
})

test('what was stored without who has put it there is there as long as any application server is listed', async (t) => {
  const net = await scene({ mode: 'listed' })
  await net.network.stop('prose')
  const value = { device: sip('alice'), peers: [sip('bob'), sip('carol')], own: [sip('carol')] }
  await net.network.store.write([{ key: `prose/prose/trigger/${sip('alice')}`, value }])
  await net.restart()
  await net.network.clock.advance(1000)
  const [alice, bob] = [await net.join('alice'), await net.join('bob')]
  await net.join('carol')
  t.deepEqual(stateOf(alice).monitor!.codes, [codeOf(bob)], 'carol has not alice as a friend')
  await net.hss.set(listing(servers.slice(2)))
  await net.network.clock.advance(100)
  t.deepEqual(stateOf(alice).monitor!.codes, [codeOf(bob)])
  await net.hss.set(listing([]))
  await net.network.clock.advance(100)
  t.deepEqual(stateOf(alice).monitor!.codes, [])
})
