/** Entity tags of notified state (RFC 5839). */
import test from 'ava'
import { Scene } from './subscriptions-scene.ts'

function condition(tag: string): { lines: string[] } {
  return { lines: ['Contact: <sip:watcher@10.0.6.1>', `Suppress-If-Match: ${tag}`] }
}

test('equal states have equal tags, whoever is told', async (t) => {
  const scene = await Scene.open()
  const [one, two] = [await scene.watcher(), await scene.watcher()]
  await one.subscribe('tagged')
  await two.subscribe('tagged')
  const tag = one.notifies[0]!.text('SIP-ETag')
  t.regex(tag!, /^\S+$/)
  t.is(two.notifies[0]!.text('SIP-ETag'), tag)
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
  t.not(two.notifies[1]!.text('SIP-ETag'), tag)
  scene.ticker.last.notify({ value: 1 })
  await scene.pass(100)
  t.is(two.notifies[2]!.text('SIP-ETag'), tag)
})

test('a refresh by who has this state: 204, a longer life and no NOTIFY', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tagged', 100)
  await scene.pass(90_000)
  const answer = await watcher.subscribe('tagged', 100, condition(watcher.notifies[0]!.text('SIP-ETag')!))
  t.is(answer.status, 204)
  t.is(answer.text('Expires'), '100')
  await scene.pass(90_000)
  t.is(watcher.notifies.length, 1)
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
  t.deepEqual(watcher.values, [1, 2])
})

test('a refresh by who has another state: 200 and the state', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tagged')
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
  t.is((await watcher.subscribe('tagged', 600, condition(watcher.notifies[0]!.text('SIP-ETag')!))).status, 200)
  t.deepEqual(watcher.values, [1, 2, 2])
})

test('whoever comes back with the tag of this state gets a NOTIFY without a body', async (t) => {
  const scene = await Scene.open()
  const first = await scene.watcher()
  await first.subscribe('tagged', 0)
  const tag = first.notifies[0]!.text('SIP-ETag')!
  for (const expires of [0, 600]) {
    const watcher = await scene.watcher()
    t.is(
      (
        await watcher.subscribe('tagged', expires, {
          lines: [`Contact: <sip:w@${watcher.wire.here.host}>`, `Suppress-If-Match: ${tag}`],
        })
      ).status,
      200,
    )
    t.deepEqual(watcher.values, [undefined])
    t.is(watcher.notifies[0]!.text('SIP-ETag'), tag)
  }
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
})

test('the asterisk matches any state', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tick', 600, condition('*'))
  t.deepEqual(watcher.values, [undefined])
  scene.ticker.last.notify({ value: 2 })
  await scene.pass(100)
  t.deepEqual(watcher.values, [undefined, 2])
  t.is((await watcher.subscribe('tick', 600, condition('*'))).status, 204)
  await scene.pass(1000)
  t.is(watcher.notifies.length, 2)
})

test('a change that comes while the refresh is being written is not lost', async (t) => {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await watcher.subscribe('tagged')
  const tag = watcher.notifies[0]!.text('SIP-ETag')!
  scene.ticker.refreshed = (notifier) => {
    notifier.notify({ value: 7 })
    return undefined
  }
  t.is((await watcher.subscribe('tagged', 600, condition(tag))).status, 200)
  t.deepEqual(watcher.values, [1, 7])
})
