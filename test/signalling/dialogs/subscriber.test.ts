/** The subscriber's side (RFC 6665 §4.1): what is sent, what is taken, and when it comes back. */
import test from 'ava'
import { H } from '../../../signalling/messages/names.ts'
import { SubscriberScene as Scene } from './subscriber-scene.ts'

test('SUBSCRIBE, NOTIFYs, and a refresh before the time is over', async (t) => {
  const scene = await Scene.open({ accept: ['text/plain'], body: { type: 'text/plain', content: 'please' } })
  const [first] = scene.subscribes
  t.is(first!.text('Event'), 'tick')
  t.is(first!.text('Accept'), 'text/plain')
  t.is(first!.body.toString(), 'please')
  t.is(await scene.notify('active;expires=600', 'one'), 200)
  await scene.pass(530_000)
  t.is(scene.subscribes.length, 1)
  await scene.pass(20_000)
  const refresh = scene.subscribes[1]!
  t.is(refresh.callId, first!.callId)
  t.is(refresh.toTag, 'notifier')
  t.is(refresh.cseq.number, first!.cseq.number + 1)
  t.is(refresh.uriText, 'sip:notifier@10.0.7.1')
  t.deepEqual(scene.notifications, [{ state: 'active', body: 'one' }])
})

test('a NOTIFY may come before the 200', async (t) => {
  const scene = await Scene.open({}, (made) => {
    made.reply = () => undefined
  })
  t.is(await scene.notify('active', 'early'), 200)
  scene.wire.answer(scene.subscribes[0]!, 200, { toTag: 'notifier', headers: [['Expires', '600']] })
  await scene.pass(20)
  t.is(await scene.notify('active', 'later'), 200)
  t.deepEqual(
    scene.notifications.map(({ body }) => body),
    ['early', 'later'],
  )
})

test('what is not its NOTIFY: another tag or dialog 481, old 500, another package 489, no state 400', async (t) => {
  const scene = await Scene.open()
  t.is(await scene.notify('active', 'x', { cseq: 10 }), 200)
  t.is(await scene.notify('active', 'x', { cseq: 11, tag: 'forged' }), 481)
  t.is(await scene.notify('active', 'x', { cseq: 10 }), 500)
  t.is(await scene.notify('active', 'x', { cseq: 9 }), 500)
  t.is(await scene.notify('active', 'x', { cseq: 12, event: 'other' }), 489)
  t.is(await scene.notify('mystery', 'x', { cseq: 13 }), 400)
  t.is(scene.notifications.length, 1)
  t.true(scene.subscription.live)
})

test('an id in the Event keeps NOTIFYs of other subscriptions away', async (t) => {
  const scene = await Scene.open({ event: 'tick;id=1' })
  t.is(await scene.notify('active', 'x', { event: 'tick;id=1' }), 200)
  t.is(scene.notifications.length, 1)
})

for (const reason of ['deactivated', 'timeout'])
  test(`terminated by ${reason}: it subscribes anew at once`, async (t) => {
    const scene = await Scene.open()
    await scene.notify(`terminated;reason=${reason}`)
    await scene.pass(100)
    t.is(scene.subscribes.length, 2)
    t.not(scene.subscribes[1]!.callId, scene.subscribes[0]!.callId)
    t.is(scene.subscribes[1]!.toTag, '')
    t.deepEqual(scene.endings, [])
    t.is(await scene.notify('active', 'again', { cseq: 1 }), 200)
    t.is(scene.notifications.at(-1)!.body, 'again')
  })

for (const reason of ['rejected', 'noresource', 'invariant'])
  test(`terminated by ${reason}: it stays away`, async (t) => {
    const scene = await Scene.open()
    await scene.notify(`terminated;reason=${reason};retry-after=5`)
    await scene.pass(1_000_000)
    t.is(scene.subscribes.length, 1)
    t.deepEqual(scene.endings, [[200, reason]])
    t.false(scene.subscription.live)
    t.is(scene.made, 0)
  })

test('probation: it comes back after the time that was named', async (t) => {
  const scene = await Scene.open()
  await scene.notify('terminated;reason=probation;retry-after=30')
  await scene.pass(29_000)
  t.is(scene.subscribes.length, 1)
  await scene.pass(1500)
  t.is(scene.subscribes.length, 2)
})

test('481 to a refresh: a new dialog at once', async (t) => {
  const scene = await Scene.open()
  await scene.notify('active')
  scene.reply = (request) => (request.toTag === '' ? 200 : 481)
  scene.subscription.refresh()
  await scene.pass(100)
  t.is(scene.subscribes.length, 3)
  t.is(scene.subscribes[2]!.toTag, '')
  t.true(scene.subscription.live)
})

test('482 to the first SUBSCRIBE: an earlier try went through, so it comes again in another dialog, with or without its NOTIFY', async (t) => {
  for (const notified of [false, true]) {
    const scene = await Scene.open({}, (made) => {
      made.reply = () => (notified ? undefined : 482)
    })
    if (notified) {
      t.is(await scene.notify('active', 'early'), 200)
      scene.wire.answer(scene.subscribes[0]!, 482, { toTag: 'other' })
    }
    scene.reply = () => 200
    await scene.pass(1500)
    t.deepEqual(scene.endings, [])
    t.is(scene.subscribes.length, 2)
    t.not(scene.subscribes[1]!.callId, scene.subscribes[0]!.callId)
    t.is(scene.subscribes[1]!.toTag, '')
    t.is(await scene.notify('active', 'again', { cseq: 1 }), 200)
    t.is(scene.notifications.at(-1)!.body, 'again')
  }
})

test('482 each time is a loop: it is tried seldom, and a fetch ends by it', async (t) => {
  const looping = await Scene.open({}, (made) => {
    made.reply = () => 482
  })
  await looping.pass(600_000)
  t.true(looping.subscription.live)
  t.true(looping.subscribes.length < 20, `${looping.subscribes.length} in 10 min`)
  const fetching = await Scene.open({ expires: 0 }, (made) => {
    made.reply = () => 482
  })
  t.is(fetching.endings.length, 1)
})

test('a refusal ends it, a fault or silence is tried again, later and later', async (t) => {
  const refused = await Scene.open({}, (made) => {
    made.reply = () => 403
  })
  await refused.pass(1_000_000)
  t.deepEqual(refused.endings, [[403, 'Forbidden']])
  t.is(refused.subscribes.length, 1)
  t.is(refused.made, 0)
  const failing = await Scene.open({}, (made) => {
    made.reply = () => 503
  })
  await failing.pass(8000)
  t.is(failing.subscribes.length, 4)
  await failing.pass(600_000)
  t.true(failing.subscribes.length < 20)
  failing.reply = () => 200
  await failing.pass(61_000)
  t.is(failing.made, 1)
  t.is(await failing.notify('active', 'back'), 200)
  const silent = await Scene.open({}, (made) => {
    made.reply = () => undefined
  })
  await silent.pass(34_000)
  t.is(silent.subscribes.length, 2)
})

for (const status of [501, 505, 513, 600, 603, 604, 606])
  test(`${status} ends it, at once and at a refresh: the same again is of no use`, async (t) => {
    const refused = await Scene.open({}, (made) => {
      made.reply = () => status
    })
    await refused.pass(1_000_000)
    t.deepEqual([refused.endings.map(([each]) => each), refused.subscribes.length], [[status], 1])
    const standing = await Scene.open({ expires: 100 })
    await standing.notify('active')
    standing.reply = () => status
    await standing.pass(1_000_000)
    t.deepEqual([standing.endings.map(([each]) => each), standing.subscribes.length], [[status], 2])
    t.false(standing.subscription.live)
  })

test('a fetch ends with its NOTIFY, or without one after 64*T1', async (t) => {
  const scene = await Scene.open({ expires: 0 })
  await scene.notify('terminated;reason=timeout', 'state')
  t.deepEqual(scene.endings, [[200, 'timeout']])
  t.is(scene.made, 0)
  const silent = await Scene.open({ expires: 0 })
  await silent.pass(33_000)
  t.deepEqual(silent.endings, [[408, 'no NOTIFY']])
  t.is(silent.made, 0)
})

test('unsubscribe: Expires 0, and the last NOTIFY ends it', async (t) => {
  const scene = await Scene.open()
  await scene.notify('active')
  scene.subscription.unsubscribe()
  scene.subscription.unsubscribe()
  await scene.pass(100)
  t.is(scene.subscribes.length, 2)
  t.is(scene.subscribes[1]!.expires, 0)
  await scene.notify('terminated;reason=timeout')
  t.is(scene.endings.length, 1)
  t.is(scene.made, 0)
})

test('unsubscribe without a last NOTIFY ends all the same', async (t) => {
  const scene = await Scene.open()
  await scene.notify('active')
  scene.subscription.unsubscribe()
  await scene.pass(40_000)
  t.is(scene.endings.length, 1)
  t.is(scene.made, 0)
  t.false(scene.subscription.live)
})

test('unsubscribe before the first answer waits for it', async (t) => {
  const scene = await Scene.open({}, (made) => {
    made.reply = () => undefined
  })
  scene.subscription.unsubscribe()
  t.is(scene.subscribes.length, 1)
  scene.reply = () => 200
  await scene.pass(1000)
  t.is(scene.subscribes.at(-1)!.expires, 0)
  await scene.notify('terminated;reason=timeout')
  t.is(scene.made, 0)
})

test('the answer to a dialog that is over does not touch the next one', async (t) => {
  const scene = await Scene.open({}, (made) => {
    made.reply = () => undefined
  })
  const [first] = scene.subscribes
  await scene.notify('terminated;reason=deactivated')
  await scene.pass(10)
  const second = scene.subscribes.at(-1)!
  t.not(second.callId, first!.callId)
  scene.wire.answer(first!, 200, { toTag: 'old', headers: [['Expires', '600']] })
  await scene.pass(20)
  t.is(await scene.notify('active', 'new', { tag: 'new', cseq: 1 }), 200, 'of the new dialog')
  scene.wire.answer(second, 200, { toTag: 'new', headers: [['Expires', '600']] })
  await scene.pass(20)
  t.is(scene.notifications.at(-1)!.body, 'new')
})

test('a challenge is answered once', async (t) => {
  let answers = 0
  const scene = await Scene.open({ credentials: { user: 'watcher', password: 'secret' } }, (made) => {
    made.reply = () => undefined
    made.wire.onRequest = (request) => {
      answers++
      made.wire.answer(request, 401, { headers: [['WWW-Authenticate', 'Digest realm="r", nonce="n", qop="auth"']] })
    }
  })
  await scene.pass(10_000)
  t.is(answers, 2)
  t.regex(scene.subscribes[1]!.text('Authorization')!, /username="watcher"/)
  t.is(scene.endings[0]?.[0], 401)
  t.is(scene.made, 0)
})

test('while it waits to come back nothing is sent into the old dialog', async (t) => {
  const scene = await Scene.open()
  await scene.notify('active')
  scene.reply = (request) => (request.toTag === '' ? 200 : 503)
  scene.subscription.refresh()
  await scene.pass(20)
  scene.reply = () => 200
  scene.subscription.refresh()
  await scene.pass(2000)
  t.deepEqual(
    scene.subscribes.map(({ toTag }) => toTag),
    ['', 'notifier', ''],
  )
  t.is(await scene.notify('active', 'anew', { cseq: 1 }), 200)
})

test('a NOTIFY that ends it before the 200 has come: unsubscribed meanwhile, it does not come back', async (t) => {
  const scene = await Scene.open({}, (made) => {
    made.reply = () => undefined
  })
  await scene.notify('terminated;reason=probation;retry-after=30')
  scene.wire.answer(scene.subscribes[0]!, 200, { toTag: 'notifier', headers: [['Expires', '600']] })
  await scene.pass(20)
  scene.subscription.unsubscribe()
  await scene.pass(100_000)
  t.is(scene.endings.length, 1)
  t.is(scene.subscribes.filter(({ toTag }) => toTag === '').length, 1)
  t.is(scene.made, 0)
})

test('a node that has stopped sends no SUBSCRIBE any more', async (t) => {
  const scene = await Scene.open({}, (made) => {
    made.reply = () => 503
  })
  await scene.node.stop(0)
  await scene.pass(100_000)
  t.is(scene.subscribes.length, 1)
})

test('a NOTIFY that comes first says where to go until the 200 does', async (t) => {
  const scene = await Scene.open({}, (made) => {
    made.reply = () => undefined
  })
  const [first, both] = [['<sip:10.0.7.1;lr>'], ['<sip:10.0.7.1;lr>', '<sip:10.0.7.2;lr>']]
  await scene.notify('active', '', { lines: first.map((route) => `Record-Route: ${route}`) })
  const recorded = [...both].reverse().map((route) => ['Record-Route', route] as const)
  scene.wire.answer(scene.subscribes[0]!, 200, { toTag: 'notifier', headers: [['Expires', '600'], ...recorded] })
  await scene.pass(20)
  scene.subscription.refresh()
  await scene.pass(20)
  t.deepEqual(scene.subscribes.at(-1)!.texts(H.Route), both)
})

test('each dialog has a route set of its own, however many there were before', async (t) => {
  const scene = await Scene.open()
  const route = '<sip:10.0.7.1;lr>'
  scene.more = [['Record-Route', route]]
  for (let i = 0; i < 3; i++) {
    await scene.notify('terminated;reason=deactivated')
    await scene.pass(2000)
  }
  scene.subscription.refresh()
  await scene.pass(20)
  t.is(scene.subscribes.at(-1)!.toTag, 'notifier')
  t.deepEqual(scene.subscribes.at(-1)!.texts(H.Route), [route])
})

test('a peer that ends each subscription as it begins, or knows of no dialog where there is none, is asked seldom', async (t) => {
  const ending = await Scene.open({}, (made) => {
    made.reply = () => undefined
  })
  for (let i = 0; i < 100; i++) await ending.notify('terminated;reason=deactivated', '', { cseq: 1 })
  t.true(ending.subscribes.length < 10, `${ending.subscribes.length} in 2 s`)
  const lost = await Scene.open({}, (made) => {
    made.reply = () => 481
  })
  await lost.pass(2000)
  t.true(lost.subscribes.length < 5, `${lost.subscribes.length} in 2 s`)
  const fetching = await Scene.open({ expires: 0 }, (made) => {
    made.reply = () => 481
  })
  await fetching.pass(100)
  t.is(fetching.endings.length, 1)
})

test('a subscription that is accepted and never told of anything counts as failed after 64*T1', async (t) => {
  const scene = await Scene.open()
  await scene.pass(32_500)
  t.is(scene.subscribes.length, 1)
  await scene.pass(1000)
  t.is(scene.subscribes.length, 2)
  t.is(scene.subscribes[1]!.toTag, '')
  await scene.notify('active', '', { cseq: 1 })
  await scene.pass(500_000)
  t.is(scene.subscribes.length, 2)
  await scene.pass(40_000)
  t.is(scene.subscribes.length, 3, 'refreshed in time')
  t.is(scene.subscribes[2]!.toTag, 'notifier')
})

test('Retry-After is heeded', async (t) => {
  const scene = await Scene.open({}, (made) => {
    made.more = [['Retry-After', '30 (too busy)']]
    made.reply = () => 503
  })
  await scene.pass(29_000)
  t.is(scene.subscribes.length, 1)
  await scene.pass(2000)
  t.is(scene.subscribes.length, 2)
})

test('a 6xx that says when to come again is heeded', async (t) => {
  const scene = await Scene.open({}, (made) => {
    made.more = [['Retry-After', '30']]
    made.reply = () => 600
  })
  await scene.pass(29_000)
  t.is(scene.subscribes.length, 1)
  await scene.pass(2000)
  t.is(scene.subscribes.length, 2)
})

test('an element that fails over its last NOTIFY is subscribed again all the same', async (t) => {
  const scene = await Scene.open()
  scene.notifications.push = () => {
    throw new Error('a fault of the element')
  }
  await scene.notify('terminated;reason=deactivated')
  await scene.pass(100)
  t.is(scene.subscribes.length, 2)
})
