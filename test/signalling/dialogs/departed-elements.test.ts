/** What becomes of subscriptions whose element, or package, is not there any more after a restart. */
import test from 'ava'
import type { Element } from '../../../signalling/index.ts'
import { Agent } from '../../support/lab.ts'
import { Scene, Ticker } from './subscriptions-scene.ts'

/** Ends the server and starts it with these elements on the same store. */
async function restartWith(scene: Scene, elements: readonly Element[]): Promise<void> {
  await scene.node.stop(0)
  scene.node = await scene.lab.serve(['localhost'], elements, scene.store)
  await scene.pass(100)
}

test('an element that is gone from the plan: one last NOTIFY, and nothing is left of it', async (t) => {
  const scene = await Scene.open()
  const [first, second] = [await scene.watcher(), await scene.watcher()]
  await first.subscribe('tick', 3600)
  await second.subscribe('tagged', 3600)
  t.is(await scene.stored(), 2)
  await restartWith(scene, [new Agent('other')])
  for (const watcher of [first, second]) {
    t.is(watcher.states.at(-1), 'terminated;reason=noresource')
    t.is(watcher.notifies.length, 2)
    t.is(watcher.notifies.at(-1)!.body.length, 0)
    t.true(watcher.notifies[1]!.cseq.number > watcher.notifies[0]!.cseq.number)
  }
  t.is(await scene.stored(), 0)
  t.is(scene.held, 0)
  await restartWith(scene, [new Agent('other')])
  t.is(first.notifies.length, 2, 'told once')
})

test('whoever does not answer that NOTIFY before the next restart is told again then', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 3600)
  watcher.reply = () => undefined
  await restartWith(scene, [new Agent('other')])
  t.is(await scene.stored(), 1)
  watcher.reply = () => 200
  await restartWith(scene, [new Agent('other')])
  t.is(watcher.states.at(-1), 'terminated;reason=noresource')
  t.is(await scene.stored(), 0)
})

test('a package that its element does not offer any more', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tagged', 3600)
  watcher.reply = () => undefined
  const ticker = new Ticker()
  await restartWith(scene, [Object.assign(ticker, { packages: ticker.packages.slice(0, 1) })])
  t.is((await watcher.subscribe('tagged', 3600)).status, 481, 'it is over')
  t.is(scene.faults, 0)
  t.is(watcher.states.at(-1), 'terminated;reason=noresource')
  await scene.pass(40_000)
  t.is(await scene.stored(), 0)
})

test('subscriptions of another node in the same store are left alone', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 3600)
  const record = 'subscriptions/elsewhere/one'
  await scene.store.write([{ key: record, value: { package: 'tick' }, expires: scene.lab.clock.date() + 3_600_000 }])
  await restartWith(scene, [new Agent('other')])
  t.is(await scene.stored(), 1)
  t.truthy(await scene.store.get(record))
})
