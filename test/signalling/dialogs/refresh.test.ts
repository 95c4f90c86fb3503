/** Refreshes that meet something else half way: a store that takes its time, a subscription that ends, an element that fails. */
import test from 'ava'
import type { WriteOutcome } from '../../../signalling/storage/store.ts'
import { metric } from '../../support/wire.ts'
import { Scene, type Watcher } from './subscriptions-scene.ts'

/** Writes wait until they are told to succeed or fail, the oldest first. */
function slowly(scene: Scene): (works: boolean) => Promise<void> {
  const waiting: ((works: boolean) => void)[] = []
  scene.store.write = () =>
    new Promise<WriteOutcome>((resolve, reject) => {
      waiting.push((works) => (works ? resolve({ ok: true }) : reject(new Error('no space'))))
    })
  return async (works) => {
    waiting.shift()?.(works)
    await scene.pass(20)
  }
}

/** A refresh whose answer nobody has awaited yet. */
async function refresh(watcher: Watcher, expires: number, parts: object = {}): Promise<void> {
  await watcher.subscribe('tick', expires, parts).catch(() => undefined)
}

test('a subscription that ends while its refresh is written: the refresh gets 481', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe()
  watcher.reply = () => undefined
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(10)
  const next = slowly(scene)
  await refresh(watcher, 600)
  watcher.wire.answer(watcher.notifies.at(-1)!, 481)
  await scene.pass(10)
  t.is(scene.held, 0)
  await next(true)
  t.is(watcher.wire.statuses.at(-1), 481)
})

test('a refresh that could not be kept takes nothing from a later one that was', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 100)
  const next = slowly(scene)
  await refresh(watcher, 200)
  await refresh(watcher, 3000)
  await next(false)
  await next(true)
  t.deepEqual(watcher.wire.statuses.slice(-2), [500, 200])
  await scene.pass(300_000)
  t.is(scene.held, 1)
  t.true(watcher.states.every((state) => state === 'active'))
})

test('a refresh that could not be kept takes nothing from what the element keeps', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 100)
  const next = slowly(scene)
  await refresh(watcher, 200)
  scene.ticker.last.keep({ friend: 'bob' })
  await next(false)
  t.is(watcher.wire.statuses.at(-1), 500)
  t.deepEqual(scene.ticker.last.record, { friend: 'bob' })
})

test('an element that fails over a refresh goes on telling', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe()
  scene.ticker.refreshed = () => {
    throw new Error('a fault of the element')
  }
  t.is((await watcher.subscribe()).status, 500)
  t.is(scene.faults, 1)
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
  t.is(watcher.values.at(-1), 2)
  t.is(metric(scene.node, 'server_transactions'), 2, 'answered ones, kept for repeats')
})

test('who refreshes what is over already is told so', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe()
  watcher.reply = () => undefined
  scene.ticker.last.terminate('noresource')
  await scene.pass(10)
  t.is((await watcher.subscribe('tick', 600)).status, 481)
  t.is((await watcher.subscribe('tick', 0)).status, 200)
})

test('what was asked for once cannot be kept up', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  watcher.reply = () => undefined
  t.is((await watcher.subscribe('tick', 0)).status, 200)
  t.is((await watcher.subscribe('tick', 600)).status, 481)
  await scene.pass(100_000)
  t.is(scene.held, 0)
})

test('a node that stops while a subscription is written leaves no timer behind', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  const next = slowly(scene)
  await refresh(watcher, 3600)
  await scene.node.stop(0)
  await next(true)
  await scene.pass(100_000)
  t.is(scene.lab.clock.nextDue, undefined)
})
