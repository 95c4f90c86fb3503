/** Which SUBSCRIBE is of which subscription, and which answers to a NOTIFY end it (RFC 3261 §8.2.2.2, RFC 6665, RFC 5057). */
import test from 'ava'
import { requestText } from '../../support/wire.ts'
import { Scene } from './subscriptions-scene.ts'

test('one SUBSCRIBE by two ways makes one subscription: 482 to the second', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  const send = (branch: string, cseq: number, fromTag: string, user = 'ticker'): void =>
    watcher.wire.send(
      requestText('SUBSCRIBE', `sip:${user}@localhost`, {
        via: watcher.wire.here.host,
        branch,
        cseq,
        fromTag,
        lines: ['Event: tick', 'Expires: 600', `Contact: <sip:watcher@${watcher.wire.here.host}>`],
      }),
    )
  const statuses = async (): Promise<readonly number[]> => {
    await scene.pass(50)
    return watcher.wire.statuses
  }
  send('z9hG4bK-one', 1, 'a')
  send('z9hG4bK-two', 1, 'a')
  t.deepEqual(await statuses(), [200, 482])
  t.is(scene.held, 1)
  send('z9hG4bK-one', 1, 'a')
  t.deepEqual(await statuses(), [200, 482, 200], 'a retransmission is none')
  t.is(scene.held, 1)
  send('z9hG4bK-three', 2, 'a')
  send('z9hG4bK-four', 1, 'b')
  t.deepEqual((await statuses()).slice(3), [200, 200], 'another number, another tag: another request')
  await scene.pass(70_000)
  send('z9hG4bK-five', 1, 'a')
  t.is((await statuses()).at(-1), 200, 'not remembered for ever')
})

test('id tells subscriptions apart: what is about another one changes nothing of this one', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  t.is((await watcher.subscribe('tick;id=a', 600)).status, 200)
  for (const event of ['tick;id=b', 'tick']) {
    t.is((await watcher.subscribe(event, 0)).status, 481)
    t.is((await watcher.subscribe(event, 3000)).status, 481)
  }
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
  t.is(watcher.notifies.at(-1)!.text('Event'), 'tick;id=a')
  t.is((await watcher.subscribe('tick;id=a;max-rate=1', 600)).status, 200)
  t.is((await watcher.subscribe('tick;id=a', 0)).status, 200)
  t.is(scene.held, 0)
})

for (const status of [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])
  test(`a NOTIFY answered ${status} ends the subscription`, async (t) => {
    const scene = await Scene.open()
    const watcher = await scene.watcher()
    await watcher.subscribe('tick', 600)
    watcher.reply = () => status
    scene.ticker.last.notify({ value: 2 })
    await scene.pass(100)
    const notifiesBefore = watcher.notifies.length
    t.deepEqual([scene.held, await scene.stored()], [0, 0])
    await scene.pass(100_000)
    t.is(watcher.notifies.length, notifiesBefore)
    t.is((await watcher.subscribe('tick', 600)).status, 481)
  })

for (const status of [400, 403, 500, 503, 603])
  test(`a NOTIFY answered ${status} is tried again later`, async (t) => {
    const scene = await Scene.open()
    const watcher = await scene.watcher()
    await watcher.subscribe('tick', 600)
    watcher.reply = () => status
    scene.ticker.last.notify({ value: 2 })
    await scene.pass(100)
    t.is(scene.held, 1)
    watcher.reply = () => 200
    await scene.pass(5000)
    t.is(watcher.values.at(-1), 2)
  })
