/** Subscriptions that end: what rests on them is withdrawn, durably, before anybody is told that it is over. */
import test from 'ava'
import { holdWrites } from '../../support/held-writes.ts'
import { Scene, type Ticker, type Watcher } from './subscriptions-scene.ts'

/** A subscription whose NOTIFYs are answered no more. */
async function silent(): Promise<{ scene: Scene; watcher: Watcher }> {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 600)
  watcher.reply = () => undefined
  return { scene, watcher }
}
const restartNow = async (scene: Scene): Promise<Ticker> => {
  const taken: string[] = []
  const ticker = await scene.restart((next) => {
    const usual = next.restored
    next.restored = (notifier) => {
      taken.push(notifier.id)
      return usual(notifier)
    }
  })
  await scene.pass(100)
  return Object.assign(ticker, { taken })
}

test('unsubscribing: the element knows, and the store has forgotten it, before the 200', async (t) => {
  const { scene, watcher } = await silent()
  const held = holdWrites(scene.store)
  const leaving = watcher.subscribe('tick', 0).catch(() => undefined)
  await leaving
  t.deepEqual(watcher.wire.statuses, [200], 'no answer yet')
  t.deepEqual(scene.ticker.endings, [], 'nor is anything withdrawn that is in the store')
  held.release()
  await scene.pass(10)
  t.deepEqual(watcher.wire.statuses, [200, 200])
  t.deepEqual(
    scene.ticker.endings.map(([, reason]) => reason),
    ['timeout'],
  )
  t.is(await scene.stored(), 0)
  t.is(watcher.states.at(-1), 'terminated;reason=timeout')
})

test('unsubscribing, then a kill before the last NOTIFY is answered: it is not back', async (t) => {
  const { scene, watcher } = await silent()
  t.is((await watcher.subscribe('tick', 0)).status, 200)
  const notifiesBefore = watcher.notifies.length
  await restartNow(scene)
  t.deepEqual([scene.held, await scene.stored(), watcher.notifies.length], [0, 0, notifiesBefore])
})

test('the 200 waits for what the element withdraws', async (t) => {
  const { scene, watcher } = await silent()
  let withdrawn = (): void => undefined
  scene.ticker.ended = (): Promise<void> =>
    new Promise((resolve) => {
      withdrawn = resolve
    })
  await watcher.subscribe('tick', 0).catch(() => undefined)
  t.deepEqual(watcher.wire.statuses, [200])
  withdrawn()
  await scene.pass(10)
  t.deepEqual(watcher.wire.statuses, [200, 200])
})

test('an element that cannot end a subscription costs nobody the answer', async (t) => {
  const { scene, watcher } = await silent()
  scene.ticker.ended = () => {
    throw new Error('oops')
  }
  t.is((await watcher.subscribe('tick', 0)).status, 200)
  t.is(watcher.states.at(-1), 'terminated;reason=timeout')
})

test('a store that fails: unsubscribing gets 500, and the subscription goes on', async (t) => {
  const { scene, watcher } = await silent()
  watcher.reply = () => 200
  scene.store.failing = true
  t.is((await watcher.subscribe('tick', 0)).status, 500)
  t.deepEqual(scene.ticker.endings, [])
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
  t.deepEqual([watcher.values.at(-1), watcher.states.at(-1)], [2, 'active'])
  scene.store.failing = false
  t.is((await watcher.subscribe('tick', 600)).status, 200)
  t.is((await watcher.subscribe('tick', 0)).status, 200)
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
})

test('a refresh behind an unsubscription that is being written brings nothing back', async (t) => {
  const { scene, watcher } = await silent()
  const held = holdWrites(scene.store)
  await watcher.subscribe('tick', 0).catch(() => undefined)
  t.is((await watcher.subscribe('tick', 600)).status, 481)
  held.release()
  await scene.pass(100)
  t.deepEqual(watcher.wire.statuses, [200, 481, 200])
  t.is(await scene.stored(), 0)
})

test('what the element ends while a SUBSCRIBE is written does not begin for it afterwards', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  const begun: string[] = []
  scene.ticker.options = { begun: ({ id }) => begun.push(id) }
  const held = holdWrites(scene.store)
  await watcher.subscribe('tick', 600).catch(() => undefined)
  scene.ticker.last.terminate('rejected')
  held.release()
  await scene.pass(100)
  t.deepEqual([begun, scene.ticker.endings.length], [[], 1])
  t.is(watcher.states.at(-1), 'terminated;reason=rejected')
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
})

test('what the element ends while a refresh is written gets 481, and nothing of the refresh comes into force', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 600)
  let applied = 0
  scene.ticker.refreshed = () => ({ apply: () => applied++ })
  const held = holdWrites(scene.store)
  await watcher.subscribe('tick', 600).catch(() => undefined)
  scene.ticker.last.terminate('rejected')
  held.release()
  await scene.pass(100)
  t.deepEqual(watcher.wire.statuses, [200, 481])
  t.deepEqual([applied, scene.ticker.endings.length], [0, 1])
  t.is(watcher.states.at(-1), 'terminated;reason=rejected')
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
})

test('expiry: the element knows at once, not when a silent subscriber is given up', async (t) => {
  const { scene, watcher } = await silent()
  await scene.pass(600_001)
  t.deepEqual(
    scene.ticker.endings.map(([, reason]) => reason),
    ['timeout'],
  )
  t.is(watcher.states.at(-1), 'terminated;reason=timeout')
  const ticker = await restartNow(scene)
  t.deepEqual(Reflect.get(ticker, 'taken'), [], 'no process takes it up again')
  t.is(watcher.states.at(-1), 'terminated;reason=timeout', 'but its subscriber is told')
  await scene.pass(40_000)
  t.deepEqual([scene.held, await scene.stored(), scene.ticker.endings.length], [0, 0, 1])
})

test('what the element ends is over for it at once, and after a kill too; the reason is told all the same', async (t) => {
  const { scene, watcher } = await silent()
  scene.ticker.last.terminate('probation', 30)
  t.deepEqual(
    scene.ticker.endings.map(([, reason]) => reason),
    ['probation'],
  )
  await scene.pass(100)
  const ticker = await restartNow(scene)
  t.deepEqual(Reflect.get(ticker, 'taken'), [])
  t.is(watcher.states.at(-1), 'terminated;reason=probation;retry-after=30')
  watcher.reply = () => 200
  await scene.pass(40_000)
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
})
