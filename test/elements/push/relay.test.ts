/** Relay of a Push (SPEC §5.2, `relay: store`): what waits for another server. */
import test from 'ava'
import type { Element, Exchange } from '../../../signalling/index.ts'
import { PushScene } from './scene.ts'

const id = '1b2c3d4e5f607182'

/** Another Push server, played by the test. */
class NextServer implements Element {
  readonly name = 'push2'
  readonly claims = [{ method: 'MESSAGE', user: 'push2' }]
  /** Bodies and Request-URIs of what it took. */
  readonly taken: string[] = []
  status = 503

  start(): void {}
  handle(exchange: Exchange): void {
    const { body, contentType, uriText } = exchange.request
    if (contentType === 'text/plain' && this.status === 200) this.taken.push(`${String(body)} ${uriText}`)
    exchange.reply(this.status)
  }
}

test('one destination has one queue, however its URI is written, and each message goes to the URI that it came with', async (t) => {
  const next = new NextServer()
  const scene = await PushScene.open({ relay: 'store', servers: [{ element: 'push2', flags: '0001' }] })
  scene.others.push(next)
  await scene.restart()
  await scene.hss.set({ id: 'dora', permissions: { discoverable: false, discoverer: false }, push: [{ id }] })
  t.is(await scene.push('one', { user: id, uriParameters: ';x=1' }), 202)
  t.is(await scene.push('two', { user: id.toUpperCase() }), 202)
  t.is(scene.metric('queues'), 1)
  next.status = 200
  await scene.pass(60)
  t.deepEqual(next.taken, [`one sip:${id}@push.localhost;user=push;x=1`, `two sip:${id.toUpperCase()}@push.localhost;user=push`])
  t.is(scene.metric('copies_waiting'), 0)
})

test('a queue is there only while something is in it', async (t) => {
  const next = new NextServer()
  const scene = await PushScene.open({ relay: 'store', servers: [{ element: 'push2', flags: '0001' }] })
  scene.others.push(next)
  await scene.restart()
  await scene.hss.set({ id: 'dora', permissions: { discoverable: false, discoverer: false }, push: [{ id }] })
  next.status = 200
  t.is(await scene.push('at once', { user: id }), 200)
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
