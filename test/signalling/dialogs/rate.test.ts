/** Event rate control (RFC 6446): the arithmetic, and what a watcher sees of it. */
import test from 'ava'
import { nextPeriod, parseRate, printRate } from '../../../signalling/dialogs/rate.ts'
import { Scene, type Watcher } from './subscriptions-scene.ts'

function rate(text: Record<string, string>) {
  return parseRate(new Map(Object.entries(text)))
}

test('rates become gaps and periods; nonsense does not count', (t) => {
  t.deepEqual(rate({}), { gap: 0, period: Number.POSITIVE_INFINITY, adaptive: false })
  t.deepEqual(rate({ 'max-rate': '0.05' }), { gap: 20_000, period: Number.POSITIVE_INFINITY, adaptive: false })
  t.deepEqual(rate({ 'min-rate': '0.1' }), { gap: 0, period: 10_000, adaptive: false })
  t.deepEqual(rate({ 'adaptive-min-rate': '0.5' }), { gap: 0, period: 2000, adaptive: true })
  t.deepEqual(rate({ 'min-rate': '1', 'adaptive-min-rate': '0.5' }), { gap: 0, period: 1000, adaptive: false })
  for (const nonsense of ['', '0', '-1', 'fast', '1e9', 'Infinity', '0x10', '1.', '.5']) {
    t.deepEqual(rate({ 'max-rate': nonsense, 'min-rate': nonsense }), rate({}), nonsense)
  }
})

test('a min-rate above the max-rate gives way to it; none is faster than the notifier can', (t) => {
  t.deepEqual(rate({ 'max-rate': '0.1', 'min-rate': '1' }), { gap: 10_000, period: 10_000, adaptive: false })
  t.is(rate({ 'min-rate': '999999' }).period, 100)
  t.is(rate({ 'max-rate': '999999' }).gap, 1)
})

test('the rates applied are said', (t) => {
  t.is(printRate(rate({})), '')
  t.is(printRate(rate({ 'max-rate': '0.05', 'min-rate': '0.01' })), ';max-rate=0.05;min-rate=0.01')
  t.is(printRate(rate({ 'adaptive-min-rate': '0.2' })), ';adaptive-min-rate=0.2')
})

test('an adaptive period stretches while changes come faster', (t) => {
  const adaptive = rate({ 'adaptive-min-rate': '0.1' })
  t.is(nextPeriod(adaptive, 1, 10_000), 10_000)
  t.is(nextPeriod(adaptive, 4, 20_000), 20_000)
  t.is(nextPeriod(adaptive, 1, 0), 10_000)
  t.is(nextPeriod(rate({ 'min-rate': '0.1' }), 50, 10_000), 10_000)
})

async function watching(event: string): Promise<{ scene: Scene; watcher: Watcher; start: number }> {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe(event, 3600)
  return { scene, watcher, start: watcher.times[0]! }
}

test('max-rate: a burst becomes one NOTIFY with the final state, when the gap is over', async (t) => {
  const { scene, watcher, start } = await watching('tick;max-rate=0.2')
  for (let value = 2; value < 50; value++) {
    scene.ticker.last.notify({ value })
    await scene.pass(20)
  }
  await scene.pass(60_000)
  t.deepEqual(watcher.values, [1, 49])
  t.is(watcher.times[1]! - start, 5000)
  scene.ticker.last.notify({ value: 50 })
  await scene.pass(10)
  t.deepEqual(watcher.values, [1, 49, 50], 'after silence there is no wait')
  t.is(watcher.states[0], 'active;max-rate=0.2')
})

test('max-rate holds nothing back that answers a SUBSCRIBE or ends the subscription', async (t) => {
  const { scene, watcher } = await watching('tick;max-rate=0.01')
  await watcher.subscribe('tick;max-rate=0.01', 3600)
  t.is(watcher.notifies.length, 2)
  scene.ticker.last.notify({ value: 2 })
  scene.ticker.last.terminate('noresource')
  await scene.pass(10)
  t.is(watcher.states.at(-1), 'terminated;reason=noresource')
  t.is(watcher.values.at(-1), 2)
})

test('min-rate: a NOTIFY a period though nothing changes, counted from the last one', async (t) => {
  const { scene, watcher, start } = await watching('tick;min-rate=0.1')
  await scene.pass(25_000)
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(25_000)
  t.deepEqual(watcher.values, [1, 1, 1, 2, 2, 2])
  const times = watcher.times.map((at) => Math.round((at - start) / 100) / 10)
  t.deepEqual(times, [0, 10, 20, 25, 35, 45])
})

test('min-rate and max-rate together', async (t) => {
  const { scene, watcher, start } = await watching('tick;min-rate=0.1;max-rate=0.5')
  for (let value = 2; value < 5; value++) scene.ticker.last.notify({ value })
  await scene.pass(13_000)
  t.deepEqual(watcher.values, [1, 4, 4])
  t.deepEqual(
    watcher.times.map((at) => Math.round((at - start) / 1000)),
    [0, 2, 12],
  )
})

test('adaptive-min-rate: with many changes there are few periodic ones', async (t) => {
  const busy = await watching('tick;adaptive-min-rate=0.1')
  for (let value = 2; value < 32; value++) {
    busy.scene.ticker.last.notify({ value })
    await busy.scene.pass(2000)
  }
  const changes = busy.watcher.notifies.length
  t.is(changes, 31, 'changes are told at once')
  await busy.scene.pass(30_000)
  t.is(busy.watcher.notifies.length, changes, 'the average is well above what was asked for')
  const idle = await watching('tick;adaptive-min-rate=0.1')
  await idle.scene.pass(60_000)
  t.true(idle.watcher.notifies.length >= 5)
})

test('a refresh changes the rate', async (t) => {
  const { scene, watcher } = await watching('tick;min-rate=1')
  await scene.pass(3000)
  const before = watcher.notifies.length
  t.true(before >= 3)
  await watcher.subscribe('tick', 3600)
  await scene.pass(60_000)
  t.is(watcher.notifies.length, before + 1)
})

test('a slow subscriber is not asked faster for its min-rate', async (t) => {
  const { scene, watcher } = await watching('tick;min-rate=1')
  watcher.reply = () => undefined
  await scene.pass(10_000)
  t.is(watcher.notifies.length, 2, 'one under way')
})
