/** The notifier's side of subscriptions on the wire (RFC 6665 §4.2): beginnings, refreshes, endings. */
import test from 'ava'
import { H } from '../../../signalling/messages/names.ts'
import { requestText } from '../../support/wire.ts'
import { Scene } from './subscriptions-scene.ts'

test('the 200 is followed by a NOTIFY at once, with the state', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  const answer = await watcher.subscribe('tick;id=7', 600)
  t.is(answer.status, 200)
  t.is(answer.text('Expires'), '600')
  t.truthy(answer.text('Contact'))
  t.is(watcher.wire.arrivals[0]?.message, answer, 'the 200 first')
  const [notify] = watcher.notifies
  t.is(notify!.text('Event'), 'tick;id=7')
  t.is(notify!.text('Subscription-State'), 'active;expires=600')
  t.is(notify!.uriText, `sip:watcher@${watcher.wire.here.host}`)
  t.is(notify!.fromTag, answer.toTag)
  t.is(notify!.toTag, 'from-1')
  t.is(notify!.contentType, 'application/tick+json')
  t.deepEqual(watcher.values, [1])
})

test('a NOTIFY comes also when there is no state, and when nobody has allowed it yet', async (t) => {
  const scene = await Scene.open()
  scene.ticker.value = undefined
  const watcher = await scene.watcher()
  await watcher.subscribe()
  t.deepEqual(watcher.values, [undefined])
  scene.ticker.value = 5
  scene.ticker.options = { pending: true }
  const other = await scene.watcher()
  await other.subscribe()
  t.deepEqual([other.states, other.values], [['pending'], [undefined]])
})

test('a fetch is exactly one NOTIFY, terminated by time-out, and leaves nothing', async (t) => {
  const scene = await Scene.open()
  scene.ticker.handle = (exchange) => {
    scene.ticker.accept(exchange)
    scene.ticker.last.notify({ value: 2 })
    scene.ticker.last.notify({ value: 3 })
  }
  const watcher = await scene.watcher()
  const answer = await watcher.subscribe('tick', 0)
  t.is(answer.text('Expires'), '0')
  scene.ticker.last.notify({ value: 4 })
  await scene.pass(60_000)
  t.is(watcher.notifies.length, 1)
  t.deepEqual(watcher.states, ['terminated;reason=timeout'])
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
  t.false(scene.ticker.last.live)
})

test('a fetch whose NOTIFY is lost is sent again, and forgotten if nobody answers', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  watcher.reply = () => undefined
  await watcher.subscribe('tick', 0)
  await scene.pass(40_000)
  t.is(watcher.notifies.length, 1)
  t.is(watcher.wire.requests.length, 11)
  t.is(scene.held, 0)
})

test('Expires is what was asked for, what the package likes, or at most what it or the element allows', async (t) => {
  const scene = await Scene.open()
  for (const [asked, granted] of [
    [60, '60'],
    [undefined, '600'],
    [100_000, '3600'],
  ] as const) {
    const answer = await (await scene.watcher()).subscribe('tick', asked)
    t.is(answer.text('Expires'), granted)
  }
})

test('a refresh brings full state and a longer life', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 100)
  await scene.pass(90_000)
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
  const again = await watcher.subscribe('tick', 100)
  t.is(again.status, 200)
  await scene.pass(90_000)
  t.true(scene.ticker.last.live)
  t.deepEqual(
    watcher.notifies.map(({ body }) => JSON.parse(body.toString())),
    [
      { value: 1, version: 1 },
      { value: 2, version: 2, since: 1 },
      { value: 2, version: 3 },
    ],
  )
  t.deepEqual(
    watcher.notifies.map(({ cseq }) => cseq.number),
    [1, 2, 3],
  )
  t.is(scene.ticker.notifiers.length, 1)
})

test('without a refresh it ends in time: one last NOTIFY, the element is told once', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 100)
  await scene.pass(99_900)
  t.is(scene.held, 1)
  await scene.pass(200)
  t.deepEqual(watcher.states, ['active', 'terminated;reason=timeout'])
  t.deepEqual(scene.ticker.endings, [[scene.ticker.last.id, 'timeout']])
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
  t.is((await watcher.subscribe('tick', 100)).status, 481, 'the dialog is gone')
})

test('Expires: 0 in the dialog ends it with a last NOTIFY', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe()
  const answer = await watcher.subscribe('tick', 0)
  t.is(answer.status, 200)
  await scene.pass(100)
  t.deepEqual(watcher.states, ['active', 'terminated;reason=timeout'])
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
  t.is(scene.ticker.endings.length, 1)
})

test('481 to a NOTIFY ends it, other failures do not', async (t) => {
  for (const status of [481, 404, 489]) {
    const scene = await Scene.open()
    const watcher = await scene.watcher()
    watcher.reply = () => status
    await watcher.subscribe()
    await scene.pass(100)
    t.deepEqual([scene.held, await scene.stored()], [0, 0], String(status))
    t.deepEqual(
      scene.ticker.endings.map(([, reason]) => reason),
      ['giveup'],
    )
  }
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  watcher.reply = () => 500
  await watcher.subscribe()
  await scene.pass(100)
  t.is(scene.held, 1)
  watcher.reply = () => 200
  await scene.pass(3000)
  t.deepEqual(watcher.values, [1, 1], 'it is told again')
  t.deepEqual(
    watcher.notifies.map(({ cseq }) => cseq.number),
    [1, 2],
  )
})

test('a subscriber that says nothing for 64*T1 is gone', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  watcher.reply = () => undefined
  await watcher.subscribe()
  await scene.pass(31_000)
  t.is(scene.held, 1)
  await scene.pass(2000)
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
  t.is(watcher.notifies.length, 1)
})

test('one NOTIFY at a time, and the newest state wins', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe()
  watcher.reply = () => undefined
  for (let value = 2; value < 100; value++) scene.ticker.last.notify({ value })
  await scene.pass(1000)
  t.is(watcher.notifies.length, 2, 'the second is under way')
  watcher.reply = () => 200
  await scene.pass(3000)
  t.deepEqual(watcher.values, [1, 2, 99])
  t.is(JSON.parse(watcher.notifies[2]!.body.toString()).since, 2, 'relative to what was acknowledged')
})

test('termination says why, once the NOTIFY under way is through', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe()
  watcher.reply = () => undefined
  scene.ticker.last.notify({ value: 2 })
  scene.ticker.last.terminate('probation', 30)
  scene.ticker.last.terminate('rejected')
  scene.ticker.last.notify({ value: 3 })
  await scene.pass(100)
  watcher.reply = () => 200
  await scene.pass(3000)
  t.deepEqual(watcher.states, ['active', 'active', 'terminated;reason=probation;retry-after=30'])
  t.is(scene.held, 0)
  t.deepEqual(
    scene.ticker.endings.map(([, reason]) => reason),
    ['probation'],
  )
})

test('an element may end it while it accepts: 200, then the last NOTIFY', async (t) => {
  const scene = await Scene.open()
  scene.ticker.handle = (exchange) => {
    scene.ticker.accept(exchange)
    scene.ticker.last.terminate('rejected')
  }
  const watcher = await scene.watcher()
  t.is((await watcher.subscribe()).status, 200)
  await scene.pass(100)
  t.deepEqual(watcher.states, ['terminated;reason=rejected'])
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
})

test('what cannot be served: 489 with Allow-Events, 406 with Accept, 400 without Contact', async (t) => {
  const scene = await Scene.open()
  const contact = 'Contact: <sip:watcher@10.0.6.1>'
  for (const [event, lines, status, header, value] of [
    ['mystery', [contact], 489, 'Allow-Events', 'tick, tagged'],
    ['', [contact], 489, 'Allow-Events', 'tick, tagged'],
    ['tick', [contact, 'Accept: image/png'], 406, 'Accept', 'application/tick+json, text/plain'],
    ['tick', [], 400, 'Via', undefined],
  ] as const) {
    const answer = await (await scene.watcher()).subscribe(event, 600, { lines })
    t.is(answer.status, status)
    if (value !== undefined) t.is(answer.text(header), value)
  }
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
})

test('Accept chooses the type of the bodies', async (t) => {
  const scene = await Scene.open()
  for (const [accept, type] of [
    ['text/plain', 'text/plain'],
    ['image/png, text/*', 'text/plain'],
    ['*/*', 'application/tick+json'],
    ['TEXT/PLAIN;q=0.5', 'text/plain'],
  ] as const) {
    const watcher = await scene.watcher()
    await watcher.subscribe('tick', 600, { lines: [`Contact: <sip:w@${watcher.wire.here.host}>`, `Accept: ${accept}`] })
    t.is(watcher.notifies[0]!.contentType, type, accept)
  }
})

test('in the dialog: an old CSeq is 500, a forged tag or another package 481, and the subscription lives on', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe()
  await watcher.subscribe()
  const late = await watcher.subscribe('tick', 0, { cseq: 1, branch: 'z9hG4bK-late' })
  t.is(late.status, 500)
  t.is(late.text('Retry-After'), '1')
  t.is((await watcher.subscribe('tick', 0, { fromTag: 'forged' })).status, 481)
  t.is((await watcher.subscribe('tagged', 0)).status, 481)
  t.is((await watcher.subscribe('tick', 0, { toTag: 'made-up' })).status, 481, 'nor does a made-up tag make a subscription')
  t.is(scene.held, 1)
  t.is(scene.ticker.notifiers.filter(({ live }) => live).length, 1)
})

test('a repeated SUBSCRIBE makes one subscription', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  const text = requestText('SUBSCRIBE', 'sip:ticker@localhost', {
    via: watcher.wire.here.host,
    lines: ['Event: tick', `Contact: <sip:watcher@${watcher.wire.here.host}>`],
  })
  for (let i = 0; i < 4; i++) {
    watcher.wire.send(text)
    await scene.pass(300)
  }
  t.deepEqual(watcher.wire.statuses, [200, 200, 200, 200])
  t.is(scene.held, 1)
  t.is(watcher.notifies.length, 1)
})

test('the dialog’s route set and target are those of the SUBSCRIBE, and of its refresh', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  const edge = (await scene.watcher()).wire
  await watcher.subscribe('tick', 600, {
    lines: ['Contact: <sip:first@192.0.2.1>', `Record-Route: <sip:${edge.here.host};lr>, <sip:192.0.2.9;lr>`],
  })
  const [notify] = edge.requests
  t.is(notify!.uriText, 'sip:first@192.0.2.1')
  t.deepEqual(notify!.list(H.Route), [`<sip:${edge.here.host};lr>`, '<sip:192.0.2.9;lr>'])
  edge.answer(notify!, 200)
  await watcher.subscribe('tick', 600, { lines: ['Contact: <sip:second@192.0.2.1>'] })
  t.is(edge.requests.at(-1)!.uriText, 'sip:second@192.0.2.1')
  t.deepEqual(edge.requests.at(-1)!.list(H.Route).length, 2)
})

test('an element may refuse a refresh: its status goes back, the subscription stays', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe()
  scene.ticker.refreshed = () => 403
  t.is((await watcher.subscribe()).status, 403)
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
  t.deepEqual(watcher.values, [1, 2])
})

test('a refresh that requires what nobody knows is 420, and the subscription stays as it was', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 100)
  const answer = await watcher.subscribe('tick', 600, { lines: ['Require: eventlist', 'Contact: <sip:elsewhere@192.0.2.1>'] })
  t.is(answer.status, 420)
  t.is(answer.text('Unsupported'), 'eventlist')
  await scene.pass(101_000)
  t.deepEqual(watcher.states, ['active', 'terminated;reason=timeout'])
})

test('whoever is rejected is told so, and nothing else any more', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe()
  scene.ticker.last.notify({ value: 2 })
  scene.ticker.last.terminate('rejected')
  await scene.pass(100)
  t.deepEqual(watcher.states.at(-1), 'terminated;reason=rejected')
  t.is(watcher.values.at(-1), undefined)
})

test('who ends its subscription while it refuses a NOTIFY gets the last one at once: it is about to leave', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe()
  const { reply } = watcher
  watcher.reply = () => undefined // not yet
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
  t.is((await watcher.subscribe('tick', 0)).status, 200)
  watcher.reply = reply
  watcher.wire.answer(watcher.notifies[1]!, 488)
  await scene.pass(100)
  t.deepEqual(watcher.states.slice(1), ['active', 'terminated;reason=timeout'])
  t.is(scene.held, 0)
})
