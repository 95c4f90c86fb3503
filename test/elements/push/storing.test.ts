/** Store and forward of the Push server (SPEC §5.6). */
import test from 'ava'
import { PushScene } from './scene.ts'

test('P72: each device has its own queue; one that is away gets each message once when it is back', async (t) => {
  const scene = await PushScene.open()
  const [desk, mobile] = [await scene.phone(), await scene.phone()]
  const instance = '00000000-0000-1000-8000-000a95a0e128'
  await scene.register(desk)
  await scene.register(mobile, { instance })
  t.is(await scene.push('both'), 200)
  mobile.answer = undefined
  t.is(await scene.push('one is silent'), 200, 'the desk phone took it, and the other copy is written')
  await scene.register(mobile, { instance, expires: 0 })
  for (let day = 0; day < 6; day++) {
    t.is(await scene.push(`day ${day}`), 200)
    await scene.pass(86_400 - 4)
    await scene.register(desk)
  }
  t.is(desk.got.length, 8)
  const seen = mobile.got.length
  mobile.answer = 200
  await scene.register(mobile, { instance })
  await scene.pass(5)
  t.deepEqual(mobile.got.slice(seen), ['one is silent', 'day 0', 'day 1', 'day 2', 'day 3', 'day 4', 'day 5'])
  t.is(scene.unaccounted, 0)
  t.is(scene.metric('copies_waiting'), 0)
})

test('a message waits for the device’s 200 for `accept`, and is answered 202 then; a later 200 ends it', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  phone.answer = undefined
  t.is(await scene.push('slow'), 202)
  t.is(scene.metric('copies_waiting'), 1)
  phone.wire.answer(phone.requests.at(-1)!, 200)
  await scene.pass(1)
  t.is(scene.metric('copies_waiting'), 0)
  t.is(scene.metric('copies_delivered_total'), 1)
  t.is(scene.unaccounted, 0)
})

test('A4: a repeat by another branch gets the same answer, and no second copy; a new From tag is a new message', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  const repeat = { callId: 'once', cseq: 7 }
  t.is(await scene.push('kept', repeat), 202)
  t.is(await scene.push('kept', repeat), 202)
  t.is(scene.metric('copies_waiting'), 1)
  await scene.restart()
  t.is(await scene.push('kept', repeat), 202, 'over a restart too')
  await scene.register(phone)
  await scene.pass(2)
  t.deepEqual(phone.got, ['kept'])
  t.is(await scene.push('now', { callId: 'now', cseq: 8 }), 200)
  t.is(await scene.push('now', { callId: 'now', cseq: 8 }), 200)
  t.deepEqual(phone.got, ['kept', 'now'])
  t.is(await scene.push('now', { callId: 'now', cseq: 8, fromTag: 'another' }), 200)
  t.is(phone.got.length, 3)
})

test('PF18: Expires: 0 is now or never', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  const now = { lines: ['Expires: 0'] }
  t.is(await scene.push('nobody', now), 480)
  await scene.register(phone)
  t.is(await scene.push('here', now), 200)
  phone.answer = 480
  t.is(await scene.push('asleep', now), 480)
  t.is(scene.metric('copies_waiting'), 0)
  t.deepEqual(phone.got, ['here', 'asleep'])
})

test('A7, PF19: full for the user, 480; for the source’s share, 503; in all, 503; what was accepted is delivered', async (t) => {
  const perUser = await PushScene.open({ store: { forUser: 2 } })
  t.deepEqual([await perUser.push('1'), await perUser.push('2'), await perUser.push('3')], [202, 202, 480])
  const ofSource = await PushScene.open({ store: { ofSource: 1 } })
  t.deepEqual([await ofSource.push('1'), await ofSource.push('2')], [202, 503])
  const inAll = await PushScene.open({ store: { inAll: 1 } })
  t.deepEqual([await inAll.push('1'), await inAll.push('2')], [202, 503])
  const phone = await perUser.phone()
  await perUser.register(phone)
  await perUser.pass(2)
  t.deepEqual(phone.got, ['1', '2'])
  t.is(await perUser.push('4'), 200)
})

test('A7: Contacts that a phone has left take nothing from the share of a friend', async (t) => {
  const scene = await PushScene.open({ store: { ofSource: 2 } })
  for (let start = 0; start < 3; start++) {
    const phone = await scene.phone()
    await scene.register(phone)
    t.is(await scene.push(`start ${start}`), 200)
    await scene.register(phone, { expires: 0 })
  }
  t.is(scene.metric('copies_waiting'), 0)
  t.is(await scene.push('away'), 202)
})

test('A7: devices of one user are bounded: the one away for longest goes with its queue; where all are there, 403', async (t) => {
  const scene = await PushScene.open({ store: { devices: 3 } })
  const phones = await Promise.all([0, 1, 2, 3, 4].map(() => scene.phone()))
  const register = async (index: number, expires = 3600): Promise<number> =>
    (await scene.register(phones[index]!, { instance: `00000000-0000-1000-8000-00000000000${index}`, expires })).status
  for (const index of [0, 1, 2]) t.is(await register(index), 200)
  t.is(await register(3), 403)
  t.is(await register(2), 200)
  for (const index of [0, 1]) t.is(await register(index, 0), 200)
  t.is(await scene.push('waits for two'), 200)
  t.is(scene.metric('copies_waiting'), 2)
  t.is(await register(3), 200)
  t.is(await register(4, 0), 200)
  t.is(scene.metric('devices'), 3, 'a device that was never there is none')
  t.is(scene.metric('copies_waiting'), 1)
  t.is(await register(0), 200)
  t.is(await register(4), 403)
  await scene.pass(5)
  t.is(scene.metric('devices'), 3)
  t.is(scene.metric('copies_waiting'), 0)
  t.is(scene.unaccounted, 0)
})

test('A7: the key of a message that was replaced or has expired goes after `repeat`, over a restart too', async (t) => {
  const scene = await PushScene.open()
  for (const text of ['1', '2', '3', '4']) t.is(await scene.push(text, { lines: ['Push-Topic: one'] }), 202)
  t.is(await scene.push('short', { lines: ['Expires: 10'] }), 202)
  t.is(scene.metric('keys'), 5)
  await scene.restart()
  t.is(scene.metric('keys'), 5)
  await scene.pass(620)
  t.is(scene.metric('keys'), 1, 'of the one that waits')
  await scene.restart()
  t.is(scene.metric('keys'), 1)
})

test('PF20, A15: a message is over by its Expires from its Date; a Date in the future, or none, counts as arrival', async (t) => {
  const scene = await PushScene.open({ store: { keep: 3600 } })
  const at = (seconds: number): string => `Date: ${new Date(scene.lab.clock.date() + seconds * 1000).toUTCString()}`
  t.is(await scene.push('late', { lines: ['Expires: 60', at(-50)] }), 202)
  t.is(await scene.push('ahead', { lines: ['Expires: 60', at(1e6)] }), 202)
  t.is(await scene.push('none', { lines: ['Expires: 60'] }), 202)
  t.is(await scene.push('long', { lines: ['Expires: 100000'] }), 202)
  t.is(scene.metric('copies_waiting'), 3, 'the minute of the first began when it was sent')
  await scene.pass(60)
  t.is(scene.metric('copies_waiting'), 1)
  await scene.restart()
  await scene.pass(3600)
  t.is(scene.metric('copies_waiting'), 0, 'none is kept for longer than an hour here')
  const phone = await scene.phone()
  await scene.register(phone)
  await scene.pass(2)
  t.deepEqual(phone.got, [])
})

test('PF22: 415, 488 and 606 of the only device are final, and the sender hears of them', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  for (const status of [415, 488, 606]) {
    phone.answer = status
    t.is(await scene.push(String(status)), status)
  }
  t.is(scene.metric('copies_waiting'), 0)
  phone.answer = 482
  t.is(await scene.push('again'), 200, 'it has it already')
  t.is(scene.unaccounted, 0)
})

test('A11: what a device answers 500 for ever is tried `tries` times, then set aside; the rest flows', async (t) => {
  const scene = await PushScene.open({ store: { tries: 4 } })
  const phone = await scene.phone()
  await scene.register(phone)
  phone.wire.onRequest = (request) => {
    const text = String(request.body)
    phone.got.push(text)
    phone.wire.answer(request, text === 'poison' ? 500 : 200)
  }
  t.is(await scene.push('poison'), 202)
  t.is(await scene.push('behind it'), 202, 'order holds: it waits')
  await scene.pass(60)
  t.deepEqual(phone.got, ['poison', 'poison', 'poison', 'poison', 'behind it'])
  t.is(scene.metric('copies_set_aside_total'), 1)
  t.is(scene.metric('copies_waiting'), 1, 'it is told as waiting, and is not lost')
  await scene.restart()
  await scene.pass(600)
  t.is(phone.got.length, 5, 'nor tried again')
})

test('a message that waits holds up those of its source and application, and nobody else', async (t) => {
  const scene = await PushScene.open({
    applications: [{ id: 'org.example.bad' }, { id: 'org.example.good', default: ['text/plain'] }],
  })
  const phone = await scene.phone()
  await scene.register(phone)
  phone.wire.onRequest = (request) => {
    const isBad = request.text('Push-Application') === 'org.example.bad'
    if (!isBad) phone.got.push(String(request.body))
    phone.wire.answer(request, isBad ? 503 : 200)
  }
  t.is(await scene.push('bad', { lines: ['Push-Application: org.example.bad'] }), 202)
  t.is(await scene.push('good'), 200)
  t.deepEqual(phone.got, ['good'])
})

test('a device that is asleep is asked again with a growing pause, and at once when it registers', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  phone.answer = 480
  t.is(await scene.push('hello'), 202)
  await scene.pass(60)
  const tries = phone.got.length
  t.true(tries >= 4 && tries <= 8, String(tries))
  phone.answer = 200
  await scene.register(phone)
  t.is(phone.got.length, tries + 1)
  await scene.pass(600)
  t.is(phone.got.length, tries + 1)
  t.is(scene.unaccounted, 0)
})

test('404, 410 and 481 of a device wait for its next REGISTER', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  phone.answer = 410
  t.is(await scene.push('hello'), 202)
  await scene.pass(600)
  t.is(phone.got.length, 1)
  phone.answer = 200
  await scene.register(phone)
  t.is(phone.got.length, 2)
})

test('A16: many wait for a user who comes back; they come one at a time, in order, and the first at once', async (t) => {
  const count = 300
  const scene = await PushScene.open({ store: { ofSource: 1000 } })
  for (let i = 0; i < count; i++) t.is(await scene.push(String(i), {}, 0.1), 202)
  const phone = await scene.phone()
  phone.answer = undefined
  t.is((await scene.register(phone)).status, 200)
  t.is(phone.got.length, 1, 'one at a time')
  phone.answer = 200
  phone.wire.answer(phone.requests[0]!, 200)
  await scene.pass(60)
  t.deepEqual(
    phone.got,
    Array.from({ length: count }, (_, i) => String(i)),
  )
  t.is(scene.unaccounted, 0)
})

test('A16: many wait for a user whose softphone sees how many: one summary a second, the last as it is', async (t) => {
  const scene = await PushScene.open({ store: { ofSource: 1000 } })
  const summaries = await scene.watchSummary()
  const cpim = ['From: <sip:alice@localhost>', '', 'Content-Type: text/plain', '', 'hello'].join('\r\n')
  for (let text = 0; text < 100; text++) await scene.push(cpim, { type: 'message/cpim' }, 0.1)
  await scene.pass(2)
  t.true(summaries.length <= 14, `${summaries.length} in 12 s`)
  t.regex(summaries.at(-1)!, /^Messages-Waiting: yes\r\n.*\r\nText-Message: 100\/0 \(0\/0\)/)
  const before = summaries.length
  const phone = await scene.phone()
  await scene.register(phone)
  await scene.pass(3)
  t.is(phone.got.length, 100)
  t.true(summaries.length - before <= 4, `${summaries.length - before} in 4 s`)
  t.regex(summaries.at(-1)!, /^Messages-Waiting: no\r\n/)
})

test('a message that one device has is neither stored nor failed for its sender, whatever becomes of the other copies', async (t) => {
  const scene = await PushScene.open()
  const [desk, old] = [await scene.phone(), await scene.phone()]
  await scene.register(desk)
  await scene.register(old, { instance: '00000000-0000-1000-8000-000a95a0e128' })
  await scene.register(old, { instance: '00000000-0000-1000-8000-000a95a0e128', expires: 0 })
  const wishes = 'imdn.Disposition-Notification: processing, negative-delivery'
  const cpim = (id: string): string =>
    [
      'From: <sip:alice@localhost>',
      'NS: imdn <urn:ietf:params:imdn>',
      `imdn.Message-ID: ${id}`,
      wishes,
      '',
      'Content-Type: text/plain',
      '',
      id,
    ].join('\r\n')
  const asCpim = { type: 'message/cpim', lines: ['Expires: 60'] }
  t.is(await scene.push(cpim('one'), asCpim), 200)
  await scene.register(desk, { expires: 0 })
  t.is(await scene.push(cpim('none'), asCpim), 202)
  await scene.pass(5)
  t.is(scene.metric('receipts_sent_total'), 1, 'stored, of the second')
  await scene.pass(60)
  t.is(scene.metric('receipts_sent_total'), 2, 'failed, of the second')
  await scene.pass(60)
  t.is(scene.metric('receipts_kept'), 0, 'what was sent is not kept')
})

test('P76: a topic keeps the newest of its source and application; each replaced copy is counted', async (t) => {
  const scene = await PushScene.open({
    applications: [{ id: 'org.example.a', default: ['text/plain'] }, { id: 'org.example.b' }],
  })
  const topic = ['Push-Topic: progress']
  for (const text of ['10', '20', '30']) t.is(await scene.push(text, { lines: topic }), 202)
  t.is(await scene.push('other application', { lines: [...topic, 'Push-Application: org.example.b'] }), 202)
  t.is(await scene.push('other topic', { lines: ['Push-Topic: other'] }), 202)
  t.is(await scene.push('none'), 202)
  t.is(scene.metric('copies_replaced_total'), 2)
  t.is(scene.unaccounted, 0)
  await scene.restart()
  const phone = await scene.phone()
  await scene.register(phone)
  await scene.pass(5)
  t.deepEqual(phone.got, ['30', 'other application', 'other topic', 'none'])
})

test('P76: what waits for a device in a pause is replaced by a newer one, which goes at once', async (t) => {
  const scene = await PushScene.open()
  const [desk, mobile] = [await scene.phone(), await scene.phone()]
  await scene.register(desk)
  await scene.register(mobile)
  mobile.answer = 480
  const topic = { lines: ['Push-Topic: progress'] }
  t.is(await scene.push('old', topic), 200)
  await scene.pass(120)
  mobile.answer = 200
  const before = mobile.got.length
  t.is(await scene.push('new', topic), 200)
  await scene.pass(1)
  t.deepEqual(mobile.got.slice(before), ['new'])
  t.deepEqual(desk.got, ['old', 'new'])
  t.is(scene.metric('copies_replaced_total'), 1)
  t.is(scene.unaccounted, 0)
})

test('while nobody is there, a message waits for whichever device registers, and for each that an instance names', async (t) => {
  const scene = await PushScene.open()
  const [first, second, named] = [await scene.phone(), await scene.phone(), await scene.phone()]
  await scene.register(first)
  await scene.register(first, { expires: 0 })
  t.is(await scene.push('to whoever comes'), 202)
  await scene.register(second)
  await scene.pass(2)
  t.deepEqual([first.got, second.got], [[], ['to whoever comes']])
  await scene.register(second, { expires: 0 })
  await scene.register(named, { instance: '00000000-0000-1000-8000-000a95a0e128' })
  await scene.register(named, { instance: '00000000-0000-1000-8000-000a95a0e128', expires: 0 })
  t.is(await scene.push('to the named one'), 202)
  await scene.register(second)
  await scene.pass(2)
  await scene.register(named, { instance: '00000000-0000-1000-8000-000a95a0e128' })
  await scene.pass(2)
  t.deepEqual([second.got.length, named.got], [1, ['to the named one']])
  t.is(scene.unaccounted, 0)
})

test('PF22: 415 to CPIM: once more with the content alone, and the server says `delivered` for the device, once', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  const cpim = (id: string): string =>
    [
      ...['From: <sip:alice@localhost>', 'NS: imdn <urn:ietf:params:imdn>', `imdn.Message-ID: ${id}`],
      ...['imdn.Disposition-Notification: positive-delivery, processing', '', 'Content-Type: text/plain; charset=utf-8', '', id],
    ].join('\r\n')
  phone.wire.onRequest = (request) => {
    phone.requests.push(request)
    phone.wire.answer(request, request.contentType === 'message/cpim' ? 415 : 200)
  }
  t.is(await scene.push(cpim('now'), { type: 'message/cpim' }), 200)
  t.deepEqual(
    phone.requests.map((request) => [request.text('Content-Type'), request.callId]),
    [
      ['message/cpim', phone.requests[0]!.callId],
      ['text/plain; charset=utf-8', phone.requests[0]!.callId],
    ],
  )
  t.is(String(phone.requests[1]!.body), 'now')
  await scene.pass(5)
  t.is(scene.metric('receipts_kept'), 1)
  await scene.register(phone, { expires: 0 })
  t.is(await scene.push(cpim('later'), { type: 'message/cpim' }), 202)
  await scene.register(phone)
  await scene.pass(5)
  t.is(String(phone.requests.at(-1)!.body), 'later')
  t.is(scene.metric('receipts_kept'), 3, 'stored and delivered, of the second')
  const waiting = scene.server.waiting('sip:alice@localhost').map(({ body }) => Buffer.from(body, 'base64').toString())
  const kinds = waiting.flatMap((body) => /<(stored|delivered)\/>/.exec(body)?.[1] ?? [])
  t.deepEqual(kinds, ['delivered', 'stored', 'delivered'])
  phone.wire.onRequest = (request) => {
    phone.requests.push(request)
    phone.wire.answer(request, 415)
  }
  t.is(await scene.push(cpim('never'), { type: 'message/cpim' }), 415, 'final the second time')
  t.is(scene.unaccounted, 0)
})
