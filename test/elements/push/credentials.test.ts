/** Devices at a Push server last no longer than the credentials by which they were registered (SPEC §2.5). */
import test from 'ava'
import { PushScene } from './scene.ts'

const old = ['P-Credentials-Id: of-another-time']

test('A2: what was registered by credentials that count no more is bound to nothing, and woken by nobody', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.registerAsleep(phone, { lines: old })
  await scene.pass(1)
  t.is(await scene.push('hello'), 202)
  await scene.pass(86_400)
  t.deepEqual(phone.got, [])
  t.deepEqual(scene.pushService.received, [])
  t.is(scene.metric('wakes_planned'), 0)
  await scene.registerAsleep(phone)
  await scene.pass(1)
  t.deepEqual(phone.got, ['hello'], 'it waited for that device')
})

test('A2: credentials that have changed while the server was away', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.registerAsleep(phone)
  for await (const [key, { value }] of scene.stored('push/push/device/'))
    await scene.store.write([{ key, value: { ...(value as object), credentials: 'of-another-time' } }])
  await scene.restart()
  await scene.pass(2)
  t.is(await scene.push('hello'), 202)
  await scene.pass(86_400)
  t.deepEqual(phone.got, [])
  t.deepEqual(scene.pushService.received, [])
  await scene.restart()
  await scene.pass(2)
  t.is(await scene.push('again'), 202, 'that is durable')
})
