/** Subscriptions of an earlier process, taken up: no record is written for being read, and NOTIFYs go in turn. */
import test from 'ava'
import { H } from '../../../signalling/messages/names.ts'
import { requestText } from '../../support/wire.ts'
import { Scene, type Watcher } from './subscriptions-scene.ts'

const many = 250

/** As many subscriptions of one peer, the later the longer. */
async function subscribed(scene: Scene, watcher: Watcher): Promise<void> {
  for (let number = 0; number < many; number++) {
    const via = watcher.wire.here.host
    const lines = ['Event: tick', `Expires: ${600 + (many - number)}`, `Contact: <sip:watcher@${via}>`]
    const names = { via, branch: `z9hG4bK-${number}`, callId: `many-${number}` }
    watcher.wire.send(requestText('SUBSCRIBE', `sip:ticker${number}@localhost`, { ...names, lines }))
    if (number % 50 === 49) await scene.pass(20)
  }
  await scene.pass(2000)
}

/** Keys written from now on. */
function writtenTo(scene: Scene): string[] {
  const keys: string[] = []
  const write = scene.store.write.bind(scene.store)
  scene.store.write = (writes) => {
    keys.push(...writes.map(({ key }) => key))
    return write(writes)
  }
  return keys
}

test('CSeq and version rise over restarts, though no record is written for being read', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 3600)
  const keys = writtenTo(scene)
  for (let restart = 0; restart < 5; restart++) {
    await scene.restart()
    await scene.pass(100)
  }
  const numbers = watcher.notifies.map(({ cseq }) => cseq.number)
  t.is(numbers.length, 6)
  t.deepEqual(
    numbers,
    [...new Set(numbers)].sort((a, b) => a - b),
  )
  t.deepEqual(
    keys.filter((key) => key.startsWith('subscriptions/')),
    [],
  )
})

test('a record from before there were epochs: its numbers rise too', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 3600)
  for await (const [key, { value }] of scene.store.scan('subscriptions/ticker/')) {
    const { epoch, ...before } = value as { readonly epoch: number }
    t.is(epoch, 1)
    await scene.store.write([{ key, value: before }])
  }
  await scene.restart()
  await scene.pass(100)
  await scene.restart()
  await scene.pass(100)
  const numbers = watcher.notifies.map(({ cseq }) => cseq.number)
  t.deepEqual(
    numbers,
    [...new Set(numbers)].sort((a, b) => a - b),
  )
  t.is(numbers.length, 3)
})

test('NOTIFYs of many go in turn, those that end soonest first; what changes or is asked meanwhile does not wait', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await subscribed(scene, watcher)
  t.is(scene.held, many)
  const before = watcher.notifies.length
  const ticker = await scene.restart()
  await scene.pass(15)
  const notified = (): readonly string[] => watcher.notifies.slice(before).map(({ callId }) => callId)
  t.is(notified().length, 100)
  t.deepEqual(new Set(notified()), new Set(Array.from({ length: 100 }, (_, i) => `many-${many - 1 - i}`)))
  ticker.notifiers.find(({ resource }) => resource === 'ticker0')!.notify({ value: 7 })
  await scene.pass(5)
  t.is(notified().at(-1), 'many-0')
  const other = await scene.watcher()
  t.is((await other.subscribe()).status, 200)
  await scene.pass(200)
  t.is(notified().length, many)
  t.is(new Set(notified()).size, many)
  const last = watcher.notifies.find(({ callId }, i) => i >= before && callId === 'many-0')!
  t.is((JSON.parse(last.body.toString()) as { value: number }).value, 7)
  t.regex(last.text(H['Subscription-State'])!, /^active/)
})
