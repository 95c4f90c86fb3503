/** Failures on the way to a device, and in the store: nothing is lost, and nothing comes twice (SPEC §5.6). */
import test from 'ava'
import type { PushSettings } from '../../../elements/push/index.ts'
import { PushScene } from './scene.ts'

test('a try that a crash cut off is made again with its branch, so that a phone without a list of repeats shows it once', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  const branches = (text: string): Set<string | undefined> =>
    new Set(phone.requests.filter(({ body }) => String(body) === text).map(({ via }) => via?.branch))
  await scene.register(phone)
  phone.answer = undefined
  t.is(await scene.push('offered'), 202)
  await scene.restart()
  phone.answer = 200
  await scene.pass(5)
  t.is(branches('offered').size, 1, 'it was written while its first try was under way')
  await scene.register(phone, { expires: 0 })
  t.is(await scene.push('waited'), 202)
  phone.answer = undefined
  await scene.register(phone)
  await scene.pass(3)
  await scene.restart()
  phone.answer = 503
  await scene.pass(1)
  t.is(branches('waited').size, 1)
  phone.answer = 200
  await scene.pass(60)
  t.is(branches('waited').size, 2, 'after an answer it is another try')
  t.is(scene.metric('copies_waiting'), 0)
})

test('A7: where the store fails nobody gets 202, and what a device takes at once is served; then all is as before', async (t) => {
  const scene = await PushScene.open()
  const write = scene.store.write.bind(scene.store)
  scene.store.write = (writes) =>
    writes.some(({ key }) => key.startsWith('push/push/message/')) ? Promise.reject(new Error('no space left')) : write(writes)
  t.is(await scene.push('lost', { callId: 'again' }), 500)
  t.is(scene.metric('copies_waiting'), 0)
  const phone = await scene.phone()
  await scene.register(phone)
  t.is(await scene.push('at once'), 200)
  await scene.register(phone, { expires: 0 })
  scene.store.write = write
  t.is(await scene.push('kept', { callId: 'again' }), 202, 'the same key: nothing of it was kept')
  await scene.register(phone)
  await scene.pass(2)
  t.deepEqual(phone.got, ['at once', 'kept'])
  t.is(scene.unaccounted, 0)
})

for (const [write, isIt] of [
  ['W2', (key: string, isGoing: boolean): boolean => key.startsWith('push/push/copy/') && !isGoing],
  ['W3', (key: string, isGoing: boolean): boolean => key.startsWith('push/push/copy/') && isGoing],
] as const)
  test(`A7: where ${write} fails once the copy goes again after its pause, and ends once`, async (t) => {
    const scene = await PushScene.open()
    const phone = await scene.phone()
    t.is(await scene.push('hello'), 202)
    const really = scene.store.write.bind(scene.store)
    let failures = 0
    scene.store.write = (writes) => {
      if (failures > 0 || !writes.some((one) => isIt(one.key, 'delete' in one))) return really(writes)
      failures++
      return Promise.reject(new Error('no space left'))
    }
    await scene.register(phone)
    await scene.pass(30)
    t.is(failures, 1)
    t.is(phone.got.length, write === 'W3' ? 2 : 1, 'what it has it may get once more')
    t.is(scene.metric('copies_delivered_total'), 1)
    t.is(scene.metric('copies_waiting'), 0)
    t.is(scene.unaccounted, 0)
  })

test('A7: while the store is slow to write that a device has a message, the device does not get it again', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.registerAsleep(phone)
  phone.answer = undefined
  t.is(await scene.push('hello'), 202)
  await scene.registerAsleep(phone)
  t.is(phone.got.length, 2, 'it answers neither try')
  scene.store.holds = true
  phone.answer = 200
  for (const request of phone.requests.slice(-2)) phone.wire.answer(request, 200)
  await scene.pass(5)
  t.is(phone.got.length, 2)
  scene.store.release()
  await scene.pass(1)
  t.is(scene.metric('copies_delivered_total'), 1)
  t.is(scene.metric('copies_waiting'), 0)
})

const audited = async (scene: PushScene): Promise<readonly string[]> => {
  const audit = scene.server.audit()
  await scene.pass(2)
  return (await audit).differences
}

const blocking = {
  id: 'bob',
  permissions: { discoverable: false, discoverer: false },
  push: [{ id: '0a17c5d2e8b9f604' }],
  watchers: { block: ['sip:alice@localhost'] },
}

for (const [end, settings, before, over] of [
  ['expired', {}, { lines: ['Expires: 60'] }, (scene) => scene.pass(60)],
  ['expired', { store: { queue: 60 } }, {}, (scene) => scene.pass(70)], // its device is forgotten
  ['replaced', {}, { lines: ['Push-Topic: dG9waWM'] }, (scene) => scene.push('newer', { lines: ['Push-Topic: dG9waWM'] })],
  ['refused', {}, {}, (scene) => scene.lab.during(scene.hss.set(blocking), 2000)],
] satisfies [string, PushSettings, Parameters<PushScene['push']>[1], (scene: PushScene) => Promise<unknown>][])
  test(`A7: where W4 fails a message that is ${end} (${JSON.stringify({ ...settings, ...before })}) ends once the store writes`, async (t) => {
    const scene = await PushScene.open(settings)
    const phone = await scene.phone()
    const instance = '00000000-0000-1000-8000-000a95a0e128'
    await scene.register(phone, { instance, expires: 10 })
    await scene.pass(11)
    t.is(await scene.push('older', before), 202)
    const really = scene.store.write.bind(scene.store)
    scene.store.write = (writes) =>
      writes.some((write) => write.key.startsWith('push/push/copy/') && 'delete' in write)
        ? Promise.reject(new Error('no space left'))
        : really(writes)
    await over(scene)
    t.is(scene.metric(`copies_${end}_total`), 0)
    t.deepEqual(await audited(scene), [], 'it waits by all counts')
    await scene.register(phone, { instance })
    await scene.pass(2)
    t.false(phone.got.includes('older'), 'its device gets it no more')
    scene.store.write = really
    await scene.pass(70)
    t.is(scene.metric(`copies_${end}_total`), 1)
    t.deepEqual(await audited(scene), [])
    t.is(scene.unaccounted, 0)
  })

test('A7: what cannot be withdrawn waits on, and whoever withdraws it hears of that', async (t) => {
  const scene = await PushScene.open({
    applications: [{ id: 'org.example.app', push: '0a90c5d2e8b9f604', sending: 'authenticate' }],
  })
  const { applications, submissions } = scene.server
  const application = applications.get('org.example.app')!
  const parts = { application, to: 'bob', title: undefined, headers: [], type: 'text/plain', content: Buffer.from('hello') }
  const outcome = await scene.lab.during(submissions.send(parts), 3000)
  if ('refusal' in outcome) return t.fail(String(outcome.refusal.status))
  scene.failing = true
  await t.throwsAsync(submissions.withdraw(outcome.id, application.id), { message: 'no space' })
  scene.failing = false
  t.is(submissions.stateOf(outcome.id, application.id), 'stored')
  t.is(await submissions.withdraw(outcome.id, application.id), 'withdrawn')
  t.is(scene.metric('copies_withdrawn_total'), 1)
  t.is(scene.unaccounted, 0)
})

test('PF23: 408, 5xx and silence of a device wait, with a pause that doubles, until it takes the message', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  const at: number[] = []
  const answers = [408, 500, 503, 200]
  phone.wire.onRequest = (request) => {
    at.push(scene.lab.clock.date())
    phone.wire.answer(request, answers.shift() ?? 200)
  }
  t.is(await scene.push('hello'), 202)
  await scene.pass(30)
  t.deepEqual(
    at.slice(1).map((time, i) => Math.round((time - at[i]!) / 1000)),
    [1, 2, 4],
  )
  t.is(scene.metric('copies_delivered_total'), 1)
  t.is(scene.unaccounted, 0)
})

test('A9: a 200 that is lost, over UDP: the device has it once', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  const answer = phone.wire.onRequest
  phone.wire.onRequest = (request) => {
    phone.answer = phone.requests.length === 0 ? undefined : 200 // as if its first answer had been lost
    answer(request)
  }
  t.is(await scene.push('hello'), 200)
  await scene.pass(60)
  t.is(phone.requests.length, 2)
  t.deepEqual(phone.got, ['hello'])
})

test('A9: a connection that breaks behind the delivery: the device gets it again, by the same key, and drops it', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  const record = phone.wire.onRequest!
  phone.wire.onRequest = (request) => {
    phone.answer = phone.got.length === 0 ? 503 : 200 // first as the engine says of a flow that is gone
    record(request)
  }
  t.is(await scene.push('hello', { callId: 'one' }), 202)
  await scene.pass(60)
  const keys = phone.requests.map(({ callId, cseq, fromTag }) => `${callId} ${cseq.number} ${fromTag}`)
  t.is(phone.got.length, 2)
  t.is(new Set(keys).size, 1, 'by which it is known')
  t.is(scene.unaccounted, 0)
})

test('A9: a device that registers at another address while a delivery is pending gets it there, once', async (t) => {
  const scene = await PushScene.open()
  const instance = '00000000-0000-1000-8000-000a95a0e128'
  const [before, after] = [await scene.phone(), await scene.phone()]
  await scene.register(before, { instance })
  before.answer = undefined
  t.is(await scene.push('hello'), 202)
  await scene.register(after, { instance })
  await scene.pass(60)
  t.deepEqual(after.got, ['hello'])
  t.is(scene.metric('copies_waiting'), 0)
  t.is(scene.unaccounted, 0)
})

test('A9: of two devices, one away for a week less a minute: each gets it once', async (t) => {
  const scene = await PushScene.open()
  const instance = '00000000-0000-1000-8000-000a95a0e128'
  const [here, away] = [await scene.phone(), await scene.phone()]
  await scene.register(here)
  await scene.register(away, { instance })
  await scene.register(away, { instance, expires: 0 })
  t.is(await scene.push('hello'), 200)
  await scene.pass(7 * 86_400 - 60)
  await scene.register(away, { instance })
  await scene.pass(60)
  t.deepEqual([here.got, away.got], [['hello'], ['hello']])
  t.is(scene.unaccounted, 0)
})

test('A8, A9: two devices take one message while both removals are being written: nothing of it stays', async (t) => {
  const scene = await PushScene.open()
  const [desk, mobile] = [await scene.phone(), await scene.phone()]
  const instances = ['00000000-0000-1000-8000-000a95a0e128', '00000000-0000-1000-8000-000a95a0e129'] as const
  await scene.register(desk, { instance: instances[0] })
  await scene.register(mobile, { instance: instances[1] })
  desk.answer = undefined
  mobile.answer = undefined
  t.is(await scene.push('both'), 202)
  const write = scene.store.write.bind(scene.store)
  const held: (() => void)[] = []
  scene.store.write = async (writes) => {
    if (writes.some(({ key }) => key.startsWith('push/push/copy/'))) await new Promise<void>((resolve) => held.push(resolve))
    return write(writes)
  }
  for (const phone of [desk, mobile]) phone.wire.answer(phone.requests.at(-1)!, 200)
  await scene.pass(1)
  t.is(held.length, 2)
  for (const goOn of held) goOn()
  scene.store.write = write
  await scene.pass(1)
  t.is(scene.metric('copies_delivered_total'), 2)
  const auditing = scene.server.audit()
  await scene.pass(2)
  t.like(await auditing, { waiting: 0, inStore: 0, differences: [] })
})

test('a message without a copy that an earlier process has left goes at the start', async (t) => {
  const scene = await PushScene.open()
  t.is(await scene.push('left'), 202)
  const keys: string[] = []
  for await (const [key] of scene.stored('push/push/copy/')) keys.push(key)
  await scene.erase(keys)
  await scene.restart()
  const auditing = scene.server.audit()
  await scene.pass(2)
  t.deepEqual((await auditing).differences, [])
})
