/** Waking by the Push server (SPEC §5.8), each rule by its number. */
import test from 'ava'
import { ProviderPause } from '../../../../elements/push/waking/provider-pause.ts'
import { ManualClock } from '../../../../signalling/testing.ts'
import { type Phone, PushScene } from '../scene.ts'

const day = 86_400 // seconds

const hook = { name: 'hook', url: 'https://push.example/w/bob', secret: 'a-secret-of-a-webhook' }
const providers = ['webpush', 'hook'] as const
const byEach = <T>(values: readonly T[]) => providers.flatMap((provider) => values.map((value) => [provider, value] as const))

/** A phone of bob that has registered to be woken, and sleeps. */
async function asleep(
  settings: Parameters<typeof PushScene.open>[0] = {},
  provider: (typeof providers)[number] = 'webpush',
): Promise<{ scene: PushScene; phone: Phone }> {
  const scene = await PushScene.open(provider === 'hook' ? { wake: { webhooks: [hook] }, ...settings } : settings)
  scene.provider = provider
  const phone = await scene.phone()
  await scene.registerAsleep(phone)
  phone.answer = undefined
  return { scene, phone }
}

/** A further phone of bob that sleeps, woken by that PRID. */
async function another(scene: PushScene, index: number, prid: string): Promise<void> {
  const phone = await scene.phone()
  const waking = `;pn-provider=webpush;pn-prid=${encodeURIComponent(prid)}`
  await scene.register(phone, { expires: day, waking, instance: `00000000-0000-1000-8000-00000000000${index}` })
  phone.answer = undefined
}

const wakes = (scene: PushScene): readonly string[] => scene.pushService.received.map(({ subscription }) => subscription)

test('rule 1: Feature-Caps only for who asks, of the provider asked about, or one for each', async (t) => {
  const scene = await PushScene.open({ wake: { webhooks: [hook] } })
  const phone = await scene.phone()
  t.deepEqual((await scene.register(phone)).texts('Feature-Caps'), [])
  const [webpush = ''] = (await scene.register(phone, { waking: ';pn-provider=webpush' })).texts('Feature-Caps')
  t.regex(webpush, /^\*;\+sip\.pns="webpush";\+sip\.vapid="B[\w-]{86}";\+sip\.pnsreg="121"$/)
  const all = (await scene.register(phone, { waking: ';pn-provider' })).texts('Feature-Caps')
  t.deepEqual(all, [webpush, '*;+sip.pns="hook";+sip.pnsreg="121"'])
  await scene.restart()
  t.deepEqual((await scene.register(phone, { waking: ';pn-provider=webpush' })).texts('Feature-Caps'), [webpush], 'the key stays')
})

test('P74, rules 3, 4, 10: a device that does not answer is woken once the message is written; it registers, and gets it once', async (t) => {
  const { phone, scene } = await asleep()
  t.is(await scene.push('hello'), 202)
  t.deepEqual(wakes(scene), ['bob'])
  const { body, headers } = scene.pushService.received[0]!
  t.like(headers, { urgency: 'normal', 'content-length': '0' })
  t.true(Number(headers['ttl']) > day - 10 && Number(headers['ttl']) <= day)
  t.regex(headers['authorization']!, /^vapid t=[\w-]+\.[\w-]+\.[\w-]+, k=B[\w-]{86}$/)
  t.is(body, '')
  phone.answer = 200
  phone.got.length = 0
  await scene.registerAsleep(phone)
  t.deepEqual(phone.got, ['hello'], 'at once, though the first try is under way')
  await scene.registerAsleep(phone)
  await scene.pass(600)
  t.deepEqual(phone.got, ['hello'])
  t.is(wakes(scene).length, 1)
  t.is(scene.metric('copies_waiting'), 0)
  t.is(scene.unaccounted, 0)
})

test('rule 4: to a device that is known to sleep a message is stored at once, and min-delay too', async (t) => {
  const { scene } = await asleep({ applications: [{ id: 'org.example.alarm', sending: 'min-delay', default: ['text/plain'] }] })
  t.is(await scene.push('first'), 202)
  t.is(await scene.push('second', {}, 0.1), 202)
  t.is(scene.metric('devices_asleep'), 1)
  t.is(scene.metric('copies_waiting'), 2)
})

test('a late 200 of a device ends its sleep: what waited behind goes', async (t) => {
  const { phone, scene } = await asleep()
  t.is(await scene.push('1'), 202)
  t.is(await scene.push('2', {}, 0.1), 202)
  phone.answer = 200
  phone.wire.answer(phone.requests.at(-1)!, 200)
  await scene.pass(1)
  t.deepEqual(phone.got, ['1', '2'])
  t.is(scene.metric('copies_waiting'), 0)
  t.is(scene.metric('copies_delivered_total'), 2)
  t.is(scene.unaccounted, 0)
})

test('waiting for a device that sleeps counts as no try, however long it takes', async (t) => {
  const { phone, scene } = await asleep({ store: { tries: 2 } })
  phone.answer = 480
  t.is(await scene.push('hello'), 202)
  for (let time = 0; time < 5; time++) {
    await scene.registerAsleep(phone)
    await scene.pass(3600)
  }
  t.is(scene.metric('copies_set_aside_total'), 0)
  phone.answer = 200
  await scene.registerAsleep(phone)
  await scene.pass(2)
  t.is(scene.metric('copies_waiting'), 0)
  t.is(scene.unaccounted, 0)
})

test('rule 6: one wake in 10 s, the next for what came meanwhile; urgent is urgency high; non-urgent wakes nobody', async (t) => {
  const { phone, scene } = await asleep()
  t.is(await scene.push('calm', { lines: ['Priority: non-urgent'] }), 202)
  t.deepEqual(wakes(scene), [])
  t.is(scene.metric('wakes_non_urgent_total'), 1)
  t.is(await scene.push('1', {}, 0.1), 202)
  for (const text of ['2', '3', '4']) t.is(await scene.push(text, { lines: ['Priority: urgent'] }, 0.1), 202)
  t.is(wakes(scene).length, 1)
  t.is(scene.metric('wakes_interval_total'), 3)
  await scene.pass(11)
  t.deepEqual(
    scene.pushService.received.map(({ headers }) => headers['urgency']),
    ['normal', 'high'],
  )
  await scene.pass(3600)
  t.is(wakes(scene).length, 2)
  phone.answer = 200
  const before = phone.got.length
  await scene.registerAsleep(phone)
  await scene.pass(2)
  t.deepEqual(phone.got.slice(before), ['calm', '1', '2', '3', '4'], 'what is not urgent goes with the next')
})

for (const provider of providers)
  test(`A13: ${provider}: a device that registers and falls asleep again and again is woken once in 10 s`, async (t) => {
    const { phone, scene } = await asleep({}, provider)
    for (let time = 0; time < 10; time++) {
      await scene.push(String(time), {}, 3)
      phone.answer = 200
      await scene.registerAsleep(phone)
      phone.answer = undefined
    }
    const { length } = wakes(scene)
    t.true(length >= 3 && length <= 5, `${length} in 40 s`)
  })

test('rule 7: a refresh wake at nine tenths, then after 1, 5, 30 minutes and each two hours, until the binding ends', async (t) => {
  const { scene } = await asleep()
  const at: number[] = []
  const start = scene.lab.clock.date()
  scene.pushService.onWake(() => at.push(Math.round((scene.lab.clock.date() - start) / 60_000)))
  await scene.pass(day * 2)
  t.deepEqual(at, [1296, 1297, 1302, 1332], 'minutes')
  t.is(scene.metric('wakes_sent_total'), 4)
})

test('rule 7: who registers anew is refreshed anew, and by a restart none is lost', async (t) => {
  const { phone, scene } = await asleep()
  await scene.pass(day / 2)
  await scene.registerAsleep(phone)
  await scene.restart()
  await scene.pass(day * 0.85)
  t.is(wakes(scene).length, 0)
  await scene.pass(day * 0.1)
  t.true(wakes(scene).length > 0)
})

test('rule 7: who registers for less is refreshed for that, and who has left and come again once at a time', async (t) => {
  const { phone, scene } = await asleep()
  const at: number[] = []
  await scene.registerAsleep(phone, { expires: day * 30 })
  await scene.pass(day)
  for (let time = 0; time < 3; time++) {
    await scene.registerAsleep(phone, { expires: 0 })
    await scene.registerAsleep(phone)
  }
  const start = scene.lab.clock.date()
  scene.pushService.onWake(() => at.push(Math.round((scene.lab.clock.date() - start) / 60_000)))
  await scene.pass(day * 2)
  t.deepEqual(at, [1296, 1297, 1302, 1332], 'minutes')
})

test('rules 2, 8: an expired or removed binding is not woken; with wakeExpired an expired one is, and that is said', async (t) => {
  const { scene } = await asleep()
  await scene.pass(day + 1)
  const before = wakes(scene).length
  t.is(await scene.push('late'), 202)
  t.is(wakes(scene).length, before)
  t.is(scene.metric('wakes_expired_total'), 1)
  const removed = await asleep()
  await removed.scene.registerAsleep(removed.phone, { expires: 0 })
  t.is(await removed.scene.push('gone'), 202)
  t.deepEqual(wakes(removed.scene), [])
  const deviating = await asleep({ wake: { wakeExpired: true } })
  await deviating.scene.pass(day + 1)
  const planned = wakes(deviating.scene).length
  t.is(await deviating.scene.push('late'), 202)
  t.is(wakes(deviating.scene).length, planned + 1)
})

test('rule 9: a new REGISTER replaces what wakes the device', async (t) => {
  const { phone, scene } = await asleep()
  await scene.registerAsleep(phone, { subscription: 'another' })
  t.is(await scene.push('hello'), 202)
  t.deepEqual(wakes(scene), ['another'])
  await scene.register(phone, { instance: '00000000-0000-1000-8000-000a95a0e128' })
  await scene.pass(60)
  t.is(await scene.push('again'), 202)
  t.is(wakes(scene).length, 1, 'a REGISTER without PRID takes it away')
})

for (const [provider, status] of byEach([404, 410]))
  test(`PF21, rule 11: ${provider}: ${status} deletes the PRID; the message stays, and is tried as for any other device`, async (t) => {
    const { phone, scene } = await asleep({}, provider)
    scene.pushService.answerWith({ status })
    t.is(await scene.push('hello'), 202)
    t.is(scene.metric('wakes_gone_total'), 1)
    scene.pushService.answerWith({ status: 201 })
    await scene.restart()
    t.is(await scene.push('again', {}, 60), 202)
    t.is(wakes(scene).length, 1)
    phone.answer = 200
    const before = phone.got.length
    await scene.pass(600)
    t.is(phone.got.slice(before).at(-1), 'again')
    t.is(scene.metric('copies_waiting'), 0)
  })

for (const [provider, status] of byEach([400, 401, 403, 413]))
  test(`A14, rule 11: ${provider}: ${status} stops it for the device, over a restart too, until it registers anew`, async (t) => {
    const { phone, scene } = await asleep({}, provider)
    scene.pushService.answerWith({ status })
    t.is(await scene.push('hello'), 202)
    t.is(scene.metric('wakes_refused_total'), 1)
    scene.pushService.answerWith({ status: 201 })
    await scene.restart()
    t.is(await scene.push('again', {}, 60), 202)
    t.is(wakes(scene).length, 1)
    await scene.registerAsleep(phone)
    t.is(await scene.push('once more', {}, 60), 202)
    t.is(wakes(scene).length, 2)
  })

for (const [provider, status] of byEach([429, 503]))
  test(`PF21, rule 11: ${provider}: ${status} and Retry-After postpone; then it is woken, once`, async (t) => {
    const { scene } = await asleep({}, provider)
    scene.pushService.answerWith({ status, retryAfter: 300 })
    t.is(await scene.push('hello'), 202)
    scene.pushService.answerWith({ status: 201 })
    t.is(await scene.push('again', {}, 200), 202)
    t.is(wakes(scene).length, 1)
    t.is(scene.metric('wakes_throttled_total'), 2, 'the second is not sent for that rule')
    await scene.pass(101)
    t.is(wakes(scene).length, 2)
    await scene.pass(600)
    t.is(wakes(scene).length, 2)
  })

for (const [provider, answer] of byEach([{ status: 500 }, { status: 302 }, { status: 418 }, 'none'] as const))
  test(`A14, rule 11: ${provider}: ${JSON.stringify(answer)} is tried again with back-off, and no more once the device is there`, async (t) => {
    const { phone, scene } = await asleep({}, provider)
    scene.pushService.answerWith(answer)
    t.is(await scene.push('hello', {}, 120), 202)
    t.is(wakes(scene).length, 4, 'after 0, 10, 30 and 70 s')
    phone.answer = 200
    await scene.registerAsleep(phone)
    await scene.pass(3600)
    t.is(wakes(scene).length, 4)
  })

test('rule 12: after five failures in a row a provider is left alone for 30 s, then tried with one', async (t) => {
  const { phone, scene } = await asleep()
  scene.pushService.answerWith({ status: 500 })
  for (let index = 0; index < 5; index++) await another(scene, index, scene.pushService.endpoint(`device-${index}`))
  t.is(await scene.push('hello'), 202)
  t.is(wakes(scene).length, 5, 'the sixth device waits')
  t.is(scene.metric('wakes_provider_pause_total'), 1)
  await scene.pass(29)
  t.is(wakes(scene).length, 5)
  await scene.pass(2)
  t.is(wakes(scene).length, 6, 'one tries')
  scene.pushService.answerWith({ status: 201 })
  await scene.pass(120)
  t.is(new Set(wakes(scene)).size, 6, 'all are woken')
  t.is(scene.metric('wakes_sent_total'), 6)
  phone.answer = 200
})

test('A14, rule 12: a PRID of which no request can be made does not keep the others from trying the provider', async (t) => {
  const { phone, scene } = await asleep()
  const devices = [0, 1, 2, 3]
  const register = (index: number): Promise<void> => another(scene, index, scene.pushService.endpoint(`device-${index}`))
  for (const index of devices) await register(index)
  scene.pushService.answerWith({ status: 500 })
  t.is(await scene.push('hello'), 202)
  await another(scene, 4, 'HTTPS://push.example:x/')
  await another(scene, 5, scene.pushService.endpoint('upper').replace('https', 'HTTPS'))
  for (const index of devices) await register(index) // what was to wake them is over
  await scene.registerAsleep(phone)
  await scene.pass(31)
  scene.pushService.answerWith({ status: 201 })
  t.is(await scene.push('again', {}, 120), 202)
  const woken = [...new Set(wakes(scene).slice(5))].sort()
  t.deepEqual(woken, ['bob', ...devices.map((index) => `device-${index}`), 'upper'])
})

test('rule 12: one request tries whether the provider is back, and however it ends, another may try', async (t) => {
  const clock = new ManualClock()
  const pause = new ProviderPause(clock)
  for (let time = 0; time < 5; time++) pause.ended('service', 'failed')
  t.is(pause.waitFor('service'), 30_000)
  await clock.advance(30_000)
  t.deepEqual([pause.waitFor('service'), pause.waitFor('service')], [0, 30_000])
  pause.ended('service', 'unknown')
  t.deepEqual([pause.waitFor('service'), pause.waitFor('service')], [0, 30_000])
  pause.ended('service', 'well')
  t.deepEqual([pause.waitFor('service'), pause.waitFor('service')], [0, 0])
})

for (const status of [302, 405])
  test(`A14, rule 12: ${status} is about one PRID: the provider is not left alone for it`, async (t) => {
    const { scene } = await asleep()
    for (let index = 0; index < 5; index++) await another(scene, index, scene.pushService.endpoint(`device-${index}`))
    scene.pushService.answerWith({ status })
    t.is(await scene.push('hello'), 202)
    t.is(wakes(scene).length, 6)
    t.is(scene.metric('wakes_provider_pause_total'), 0)
  })

test('rule 13: each wake and each that did not happen is a decision with its rule, and no log line has the PRID', async (t) => {
  const { scene } = await asleep()
  await scene.push('calm', { lines: ['Priority: non-urgent'] })
  await scene.push('hello', {}, 0.1)
  await scene.push('again', {}, 0.1)
  const rules = scene.server.decisions.about(['sip:bob@localhost']).map(({ rule }) => rule)
  t.deepEqual(
    rules.filter((rule) => rule.startsWith('wake-')),
    ['wake-non-urgent', 'wake-sent', 'wake-interval'],
  )
  t.false(JSON.stringify(scene.lab.lines).includes('push.example'))
  t.true(scene.lab.lines.filter(({ text }) => text.startsWith('wake: ')).length === 3)
})

test('after a crash while waking: the message waits, and the wake is repeated after 10 s, once', async (t) => {
  const { phone, scene } = await asleep()
  t.is(await scene.push('hello'), 202)
  t.is(wakes(scene).length, 1)
  await scene.restart()
  await scene.pass(9)
  t.is(wakes(scene).length, 1)
  await scene.pass(60)
  t.is(wakes(scene).length, 2)
  phone.answer = 200
  const before = phone.got.length
  await scene.registerAsleep(phone)
  await scene.pass(5)
  t.is(phone.got.length, before + 1)
  t.is(scene.metric('copies_waiting'), 0)
})

test('the store fails while a message for a sleeping device is written: nothing is accepted, and nobody woken', async (t) => {
  const { scene } = await asleep()
  scene.failing = true
  t.is(await scene.push('hello'), 500)
  t.deepEqual(wakes(scene), [])
})

test('A9: the device registers at a new address while a delivery is under way: it goes there at once, and is given once', async (t) => {
  const { phone, scene } = await asleep()
  const moved = await scene.phone()
  t.is(await scene.push('1', {}, 1).catch(() => 0), 0, 'no answer yet')
  await scene.registerAsleep(moved)
  t.deepEqual(moved.got, ['1'])
  await scene.pass(60)
  t.deepEqual([phone.got, moved.got], [['1'], ['1']])
  t.is(scene.metric('copies_waiting'), 0)
  t.is(scene.unaccounted, 0)
})
