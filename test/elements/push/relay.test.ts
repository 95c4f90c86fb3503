/** Relay of a Push (SPEC §5.2, `relay: store`): what waits for another server. */
import test from 'ava'
import { dora, doraId, NextServer, servers } from './next-server.ts'
import { PushScene } from './scene.ts'

test('one destination has one queue, however its URI is written, and each message goes to the URI that it came with', async (t) => {
  const next = new NextServer()
  const scene = await PushScene.open({ relay: 'store', servers })
  scene.others.push(next)
  await scene.restart()
  await scene.hss.set(dora)
  t.is(await scene.push('one', { user: doraId, uriParameters: ';x=1' }), 202)
  t.is(await scene.push('two', { user: doraId.toUpperCase() }), 202)
  t.is(scene.metric('queues'), 1)
  next.status = 200
  await scene.pass(60)
  t.deepEqual(next.taken, [
    `one sip:${doraId}@push.localhost;user=push;x=1`,
    `two sip:${doraId.toUpperCase()}@push.localhost;user=push`,
  ])
  t.is(scene.metric('copies_waiting'), 0)
})

test('a queue is there only while something is in it', async (t) => {
  const next = new NextServer()
  const scene = await PushScene.open({ relay: 'store', servers })
  scene.others.push(next)
  await scene.restart()
  await scene.hss.set(dora)
  next.status = 200
  t.is(await scene.push('at once', { user: doraId }), 200)
  t.is(scene.metric('queues'), 0, 'it was taken')
  t.is(await scene.push('for a device'), 202)
  t.is(scene.metric('queues'), 1, 'one waits')
  const phone = await scene.phone()
  await scene.register(phone)
  await scene.pass(1)
  t.deepEqual(phone.got, ['for a device'])
  t.is(scene.metric('queues'), 0)
  t.is(await scene.push('again'), 200)
  t.is(scene.metric('queues'), 0)
  t.is(scene.unaccounted, 0)
})
