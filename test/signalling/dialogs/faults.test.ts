/** Stores that fail, elements that misbehave, and restarts: no half state, and the process goes on. */
import test from 'ava'
import type { Exchange } from '../../../signalling/index.ts'
import { requestText } from '../../support/wire.ts'
import { Scene } from './subscriptions-scene.ts'

test('a store that fails: 500, no NOTIFY, nothing half made', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  scene.store.failing = true
  t.is((await watcher.subscribe()).status, 500)
  await scene.pass(1000)
  t.deepEqual(watcher.notifies, [])
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
  t.false(scene.ticker.last.live)
  scene.ticker.last.notify({ value: 9 })
  await scene.pass(1000)
  t.deepEqual(watcher.notifies, [])
  scene.store.failing = false
  watcher.toTag = undefined
  t.is((await watcher.subscribe()).status, 200)
})

test('a store that fails at a refresh: 500, and everything stays as it was', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 100)
  await scene.pass(50_000)
  scene.store.failing = true
  t.is((await watcher.subscribe('tick', 3000)).status, 500)
  scene.store.failing = false
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
  t.is(watcher.values.at(-1), 2)
  t.true(watcher.states.every((state) => state === 'active'))
  await scene.pass(50_000)
  t.is(watcher.states.at(-1), 'terminated;reason=timeout', 'at the time that was granted before')
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
})

test('a fetch needs no store', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  scene.store.failing = true
  t.is((await watcher.subscribe('tick', 0)).status, 200)
  await scene.pass(100)
  t.is(watcher.notifies.length, 1)
})

test('after a restart: the next NOTIFY comes without resubscribing, CSeq and version go on rising', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick;id=1', 600)
  scene.ticker.options = { record: { friend: 'bob' } }
  scene.ticker.last.keep({ friend: 'bob' })
  for (let value = 2; value < 5; value++) {
    scene.ticker.last.notify({ value })
    await scene.pass(100)
  }
  const { id } = scene.ticker.last
  scene.ticker.value = 10
  let ticker = await scene.restart()
  await scene.pass(100)
  t.is(scene.held, 1)
  t.deepEqual(ticker.last.record, { friend: 'bob' })
  t.is(ticker.last.id, id)
  t.is(watcher.values.at(-1), 10)
  ticker = await scene.restart()
  await scene.pass(100)
  const notifies = watcher.notifies
  const numbers = notifies.map(({ cseq }) => cseq.number)
  const versions = notifies.map(({ body }) => (JSON.parse(body.toString()) as { version: number }).version)
  t.is(notifies.length, 6)
  for (const row of [numbers, versions])
    t.deepEqual(
      row,
      [...row].sort((a, b) => a - b),
    )
  t.is(new Set(numbers).size, 6)
  t.false('since' in JSON.parse(notifies.at(-1)!.body.toString()), 'full state')
  t.is(notifies.at(-1)!.text('Event'), 'tick;id=1')
  t.is((await watcher.subscribe('tick;id=1', 600)).status, 200, 'the dialog goes on')
  await scene.pass(601_000)
  t.is(watcher.states.at(-1), 'terminated;reason=timeout')
  t.is(await scene.stored(), 0)
})

test('an element that waits for somebody who is away, or fails, holds up nobody at the start', async (t) => {
  const scene = await Scene.open()
  const [waits, fails, fine] = [await scene.watcher(), await scene.watcher(), await scene.watcher()]
  for (const watcher of [waits, fails, fine]) await watcher.subscribe('tick', 600)
  const ids = scene.ticker.notifiers.map(({ id }) => id)
  let answered = (): void => undefined
  scene.ticker.value = 7
  const restarting = scene.restart((ticker) => {
    const usual = ticker.restored
    ticker.restored = (notifier) => {
      if (notifier.id === ids[1]) throw new Error('a fault of the element')
      if (notifier.id === ids[2]) return usual(notifier)
      return new Promise((resolve) => {
        answered = () => resolve(usual(notifier))
      })
    }
  })
  await scene.pass(3000)
  await restarting
  await scene.pass(100)
  t.is(scene.held, 3)
  t.is(fine.values.at(-1), 7)
  t.is(waits.values.at(-1), 1)
  answered()
  await scene.pass(100)
  t.is(waits.values.at(-1), 7, 'and is told when it can be')
  t.is((await fails.subscribe('tick', 600)).status, 200, 'the dialog of the one that failed is there still')
})

test('numbers go on rising over a thousand NOTIFYs and a restart', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 3600)
  for (let value = 2; value < 1200; value++) {
    scene.ticker.last.notify({ value })
    await scene.pass(3)
  }
  const before = watcher.notifies.at(-1)!.cseq.number
  t.true(before > 1000)
  await scene.restart()
  await scene.pass(100)
  t.true(watcher.notifies.at(-1)!.cseq.number > before)
})

test('what expired while nobody was there says so after the restart', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 100)
  await scene.node.stop(0)
  await scene.pass(200_000)
  const ticker = await scene.restart()
  await scene.pass(1000)
  t.is(watcher.states.at(-1), 'terminated;reason=timeout')
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
  t.is(ticker.endings.length, 1)
})

const misbehaviours: readonly (readonly [name: string, handle: (exchange: Exchange) => void | Promise<void>, status: number])[] =
  [
    [
      'throws',
      () => {
        throw new Error('oops')
      },
      500,
    ],
    ['rejects', () => Promise.reject(new Error('oops')), 500],
    ['never settles', () => undefined, 500],
    ['never settles, in its own time', async () => undefined, 500],
    [
      'settles twice',
      (exchange) => {
        exchange.reply(202)
        exchange.reply(404)
      },
      202,
    ],
    [
      'settles, then throws',
      (exchange) => {
        exchange.reply(202)
        throw new Error('oops')
      },
      202,
    ],
    [
      'accepts what is no SUBSCRIBE',
      (exchange) => {
        exchange.accept({ package: 'tick', resource: 'x', state: { value: 1 } })
      },
      500,
    ],
  ]

for (const [name, handle, status] of misbehaviours)
  test(`an element that ${name}: ${status}, one fault, and it serves the next`, async (t) => {
    const scene = await Scene.open()
    const watcher = await scene.watcher()
    scene.ticker.handle = handle
    watcher.wire.send(requestText('MESSAGE', 'sip:ticker@localhost', { via: watcher.wire.here.host }))
    await scene.pass(100)
    t.deepEqual(watcher.wire.statuses, [status])
    t.is(scene.faults, 1)
    scene.ticker.handle = (exchange) => exchange.reply(200)
    watcher.wire.send(
      requestText('MESSAGE', 'sip:ticker@localhost', { via: watcher.wire.here.host, branch: 'z9hG4bK-next', cseq: 2 }),
    )
    await scene.pass(100)
    t.is(watcher.wire.statuses.at(-1), 200)
  })
