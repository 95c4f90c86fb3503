/** Triggers of a UE for itself (SPEC §3.1, FIG 9): only about those whose friend it is. */
import test from 'ava'
import { all, codeOf, scene, sip, stateOf } from './prose-scene.ts'

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
  await net.prose.element.stop?.()
  await net.hss.set({ id: 'carol', permissions: all })
  await net.restart()
  await net.network.clock.advance(1000)
  const again = net.notifiers('prose').find(({ resource }) => resource === sip('bob'))!
  t.deepEqual(stateOf(again).monitor!.codes, [], 'asked again after a restart')
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
