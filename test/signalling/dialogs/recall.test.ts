/** States that an element takes back while they are being told: no NOTIFY with them leaves from then on. */
import test from 'ava'
import { Scene, type Tick, type Watcher } from './subscriptions-scene.ts'

/** A subscription whose first NOTIFY was answered; later ones are not. */
async function silent(): Promise<{ scene: Scene; watcher: Watcher }> {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 600)
  watcher.reply = () => undefined
  return { scene, watcher }
}

/** Values in all copies of NOTIFYs so far. */
function copies({ wire }: Watcher): readonly string[] {
  return wire.requests.flatMap(({ body }) => /"value":(\d+)/.exec(String(body))?.[1] ?? [])
}

test('a NOTIFY under way is not sent again, and its state is not told with the end', async (t) => {
  const { scene, watcher } = await silent()
  const { last } = scene.ticker
  last.notify({ value: 2 })
  await scene.pass(2000)
  t.true(copies(watcher).filter((value) => value === '2').length > 1, 'it is being sent again')
  last.recall()
  const before = copies(watcher).length
  await scene.pass(60_000)
  t.is(copies(watcher).length, before)
  t.true(last.live)
  last.terminate('rejected')
  await scene.pass(10)
  t.is(watcher.states.at(-1), 'terminated;reason=rejected')
  t.is(copies(watcher).length, before)
})

test('a state given after it is told at once', async (t) => {
  const { scene, watcher } = await silent()
  const { last } = scene.ticker
  last.notify({ value: 2 })
  await scene.pass(1000)
  last.recall()
  watcher.reply = () => 200
  last.notify({ value: 3 })
  await scene.pass(10)
  t.is(copies(watcher).at(-1), '3')
  await scene.pass(60_000)
  t.is(copies(watcher).at(-1), '3')
})

test('a state that waits is not told', async (t) => {
  const { scene, watcher } = await silent()
  const { last } = scene.ticker
  last.notify({ value: 2 })
  last.notify({ value: 3 }) // waits for the answer to the one before
  last.recall()
  watcher.reply = () => 200
  await scene.pass(60_000)
  t.false(copies(watcher).includes('3'))
})

test('the last NOTIFY under way goes out anew, without its state', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 600)
  watcher.reply = () => undefined
  const { last } = scene.ticker
  last.terminate('noresource')
  await scene.pass(2000)
  const before = copies(watcher).length
  last.recall()
  await scene.pass(60_000)
  t.is(copies(watcher).length, before)
  t.is(watcher.notifies.length, 3)
  t.is(watcher.states.at(-1), 'terminated;reason=noresource')
  t.is(scene.held, 0)
})

test('the element hears which state has arrived', async (t) => {
  const scene = await Scene.open()
  const arrived: (readonly [string, Tick])[] = []
  for (const pack of scene.ticker.packages) pack.acknowledged = (notifier, state) => arrived.push([notifier.id, state as Tick])
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 600)
  const { last } = scene.ticker
  watcher.reply = () => undefined
  last.notify({ value: 2 })
  await scene.pass(1000)
  last.notify({ value: 3 })
  watcher.reply = () => 200
  await scene.pass(5000)
  last.terminate('noresource')
  await scene.pass(10)
  t.deepEqual(
    arrived.map(([, { value }]) => value),
    [1, 2, 3, 3],
  )
})
