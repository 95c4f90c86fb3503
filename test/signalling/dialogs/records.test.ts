/** Stores that fail while subscriptions end: what has ended is not back after a restart, and one line tells of it. */
import test from 'ava'
import type { Exchange } from '../../../signalling/index.ts'
import { holdWrites } from '../../support/held-writes.ts'
import { Scene, type Watcher } from './subscriptions-scene.ts'

async function standing(): Promise<{ scene: Scene; watcher: Watcher }> {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 600)
  return { scene, watcher }
}
const texts = ({ lab }: Scene): readonly string[] => lab.errors.map(({ text }) => text)
const toldOnce = ['the store failed: what became of subscriptions is written again until it is stored']

for (const [how, end] of [
  ['that its element ends', ({ ticker }: Scene) => ticker.last.terminate('rejected')],
  [
    'that its subscriber has forgotten',
    ({ ticker }: Scene, watcher: Watcher) => {
      watcher.reply = () => 481
      ticker.last.notify({ value: 2 })
    },
  ],
] as const)
  test(`a subscription ${how} while the store fails leaves it once it works, and is not back after a restart`, async (t) => {
    const { scene, watcher } = await standing()
    scene.store.failing = true
    end(scene, watcher)
    await scene.pass(5000)
    t.deepEqual([scene.held, await scene.stored()], [0, 1])
    t.deepEqual(texts(scene), toldOnce)
    scene.store.failing = false
    await scene.pass(31_000)
    t.is(await scene.stored(), 0)
    const notifiesBefore = watcher.notifies.length
    const ticker = await scene.restart()
    await scene.pass(1000)
    t.deepEqual([scene.held, ticker.notifiers, watcher.notifies.length], [0, [], notifiesBefore])
  })

test('what a silent subscriber has not heard yet, and the store not taken, is over after a restart too', async (t) => {
  const { scene, watcher } = await standing()
  watcher.reply = () => undefined
  scene.store.failing = true
  scene.ticker.last.terminate('rejected')
  await scene.pass(1500)
  scene.store.failing = false
  await scene.pass(2500)
  const ticker = await scene.restart()
  await scene.pass(100)
  t.deepEqual(ticker.notifiers, [], 'no element takes it up')
  t.is(watcher.states.at(-1), 'terminated;reason=rejected')
})

test('a node that stops writes what the store has not taken', async (t) => {
  const { scene } = await standing()
  scene.store.failing = true
  scene.ticker.last.terminate('rejected')
  await scene.pass(500)
  scene.store.failing = false
  const ticker = await scene.restart()
  t.deepEqual([scene.held, await scene.stored(), ticker.notifiers], [0, 0, []])
})

test('an outage costs one line, however many subscriptions end in it', async (t) => {
  const scene = await Scene.open()
  for (let i = 0; i < 300; i++) await (await scene.watcher()).subscribe('tick', 600)
  scene.store.failing = true
  for (const notifier of scene.ticker.notifiers) notifier.terminate('rejected')
  await scene.pass(10_000)
  t.deepEqual(texts(scene), toldOnce)
  scene.store.failing = false
  await scene.pass(62_000)
  t.is(await scene.stored(), 0)
})

test('a refusal for want of the store is one line, and nothing is written afterwards', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  scene.store.failing = true
  t.is((await watcher.subscribe()).status, 500)
  t.deepEqual(
    scene.lab.errors.map(({ text, element }) => [text, element]),
    [['the store failed; the SUBSCRIBE is refused', 'ticker']],
  )
  let writes = 0
  const { store } = scene
  const write = store.write.bind(store)
  store.failing = false
  store.write = (batch) => {
    writes++
    return write(batch)
  }
  await scene.pass(60_000)
  t.is(writes, 0)
})

test('a refused unsubscription: what the element kept meanwhile is in the store', async (t) => {
  const { scene, watcher } = await standing()
  const held = holdWrites(scene.store)
  await watcher.subscribe('tick', 0).catch(() => undefined)
  scene.ticker.last.keep({ friend: 'bob' })
  scene.store.failing = true
  held.release()
  await scene.pass(100)
  t.is(watcher.wire.statuses.at(-1), 500)
  scene.store.failing = false
  await scene.pass(31_000)
  const ticker = await scene.restart()
  t.deepEqual(ticker.last.record, { friend: 'bob' })
})

test('a refused unsubscription of what ended for another reason meanwhile: it is not back', async (t) => {
  const { scene, watcher } = await standing()
  const silent = watcher.reply
  watcher.reply = () => undefined
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(10)
  const held = holdWrites(scene.store)
  await watcher.subscribe('tick', 0).catch(() => undefined)
  watcher.wire.answer(watcher.notifies.at(-1)!, 481)
  watcher.reply = silent
  await scene.pass(10)
  scene.store.failing = true
  held.release()
  await scene.pass(100)
  scene.store.failing = false
  await scene.pass(31_000)
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
})

// ---- elements and packages that fail

const trap = {
  get value(): number {
    throw new Error('oops')
  },
}
const rendering = { text: 'a state could not be rendered', element: 'ticker', fault: 'Error: oops' }
const faultsOf = ({ lab }: Scene) => lab.errors.map(({ text, element, fault }) => ({ text, element, fault }))

test('a state that cannot be rendered costs its subscriber that NOTIFY, and the element that tells it nothing', async (t) => {
  const { scene, watcher } = await standing()
  t.notThrows(() => scene.ticker.last.notify(trap))
  t.deepEqual(faultsOf(scene), [rendering])
  scene.ticker.last.notify({ value: 3 })
  await scene.pass(100)
  t.is(watcher.values.at(-1), 3)
  const numbers = watcher.notifies.map(({ cseq }) => cseq.number)
  t.is(numbers.at(-1)! - numbers.at(-2)!, 1)
})

test('a first state that cannot be rendered: 200 all the same, and it is told once it can be', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  let broken = true
  scene.ticker.options = {
    state: {
      get value(): number {
        if (broken) throw new Error('oops')
        return 7
      },
    },
  }
  t.is((await watcher.subscribe('tick', 600)).status, 200)
  t.deepEqual([watcher.wire.statuses, watcher.notifies.length, scene.held], [[200], 0, 1])
  t.deepEqual(faultsOf(scene), [rendering])
  broken = false
  await scene.pass(2000)
  t.deepEqual(watcher.values, [7])
  t.is((await watcher.subscribe('tick', 0)).status, 200)
  t.deepEqual([scene.held, await scene.stored()], [0, 0])
})

test('a refresh by entity tag of a state that cannot be rendered: 200, and the subscription goes on', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tagged', 600)
  scene.ticker.last.notify(trap)
  const lines = [`Contact: <sip:watcher@${watcher.wire.here.host}>`, 'Suppress-If-Match: 0123456789abcdef']
  t.is((await watcher.subscribe('tagged', 600, { lines })).status, 200)
  scene.ticker.last.notify({ value: 4 })
  await scene.pass(3000)
  t.deepEqual([watcher.values.at(-1), scene.held], [4, 1])
})

test('a fetch of a state that cannot be rendered is told without one', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  scene.ticker.options = { state: trap }
  t.is((await watcher.subscribe('tick', 0)).status, 200)
  await scene.pass(100)
  t.deepEqual([watcher.states, watcher.values], [['terminated;reason=timeout'], [undefined]])
  t.deepEqual([scene.held, faultsOf(scene)], [0, [rendering]])
})

for (const [kind, expires] of [
  ['subscription', 600],
  ['fetch', 0],
] as const)
  test(`an element that fails as a ${kind} begins: 500 once, one line, nothing stays`, async (t) => {
    const scene = await Scene.open()
    const watcher = await scene.watcher()
    scene.ticker.options = {
      begun: () => {
        throw new Error('oops')
      },
    }
    scene.ticker.handle = (exchange: Exchange) => scene.ticker.accept(exchange)
    t.is((await watcher.subscribe('tick', expires)).status, 500)
    await scene.pass(100)
    t.deepEqual(watcher.wire.statuses, [500])
    t.deepEqual(faultsOf(scene), [
      { text: 'the element failed; the SUBSCRIBE is refused', element: 'ticker', fault: 'Error: oops' },
    ])
    t.deepEqual([scene.held, await scene.stored(), watcher.notifies.length], [0, 0, 0])
  })
