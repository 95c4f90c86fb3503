/** Moves of elements that meet each other, the end of a node, a failing store, and SUBSCRIBEs under way. */
import test from 'ava'
import { metric } from '../../support/wire.ts'
import { Board, key, Network } from './moving-scene.ts'

test('changes of one element are made one after the other', async (t) => {
  const network = await Network.open()
  const [second, third] = [new Board(), new Board()]
  const outcomes = await network.during(
    Promise.allSettled([
      network.one.letGo('board'),
      network.one.takeUp(second),
      network.one.takeUp(third),
      network.one.letGo('board'),
      network.one.letGo('board'),
    ]),
  )
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  )
  t.deepEqual([network.board.stopped, second.stopped, third.stopped], [1, 1, 0])
  t.false('host' in third && third.host !== undefined, 'the other was not started beside it')
  await network.during(network.one.takeUp(new Board()))
  t.is(await network.during(network.say('here')), 200)
  await network.stop()
})

test('a node that stops ends an element that is being taken up, also where its start hangs', async (t) => {
  for (const hangs of [false, true]) {
    const network = await Network.open()
    await network.during(network.one.letGo('board'))
    let resume: () => void = () => undefined
    const board = new Board()
    board.pause = () => new Promise((resolve) => (resume = resolve))
    const taken = network.one.takeUp(board)
    taken.catch(() => undefined)
    await network.pass(100)
    const stopping = network.one.stop(0)
    if (!hangs) resume()
    await network.during(stopping)
    await t.throwsAsync(board.host.store.write([{ key, value: 'late' }]), { message: /let go/ })
    t.is(board.stopped, hangs ? 0 : 1)
    t.is(metric(network.one, 'subscriptions_held'), 0)
  }
})

test('a SUBSCRIBE that is answered after its element has left may come again', async (t) => {
  const network = await Network.open()
  let resume: () => void = () => undefined
  network.board.begin = () => new Promise((resolve) => (resume = resolve))
  const watch = network.watch()
  await network.pass(100)
  await network.during(network.one.letGo('board', 200))
  await network.during(network.one.takeUp(new Board()))
  resume()
  await network.pass(200)
  t.true(watch.live, 'as after 503 with Retry-After')
  t.false([...network.board.watchers].some(({ live }) => live))
  await network.pass(3000)
  t.is(await network.during(network.say('told')), 200)
  await network.pass(100)
  t.is(network.texts.at(-1), 'told', 'by the instance that it has subscribed to then')
  await network.stop()
})

test('what a move that failed has written counts no more', async (t) => {
  const network = await Network.open()
  for (let i = 0; i < 300; i++) network.watch(`sip:watcher${i}@10.0.1.1`)
  await network.pass(500)
  await network.during(network.say('A'))
  await network.pass(500)
  let writes = 0
  network.store.fails = () => ++writes > 1
  await network.during(t.throwsAsync(network.one.letGo('board'), { message: /no space/ }))
  network.store.fails = () => false
  await network.during(network.say('B'))
  await network.pass(2000)
  t.is(network.texts.filter((text) => text === 'B').length, 300)
  await network.store.write([{ key, value: 'A' }])
  await network.during(network.one.stop(0))
  network.moving.place('board', 'two')
  network.texts.length = 0
  await network.during(network.two.takeUp(new Board()))
  await network.pass(5000)
  t.is(network.texts.filter((text) => text === 'A').length, 300, 'all of them had B')
  await network.stop()
})

test('the last NOTIFY of who unsubscribes as the element is let go', async (t) => {
  const network = await Network.open()
  const watch = network.watch()
  await network.pass(100)
  network.store.holds = true
  watch.unsubscribe()
  await network.pass(20)
  const going = network.one.letGo('board')
  await network.pass(50)
  network.store.release()
  await network.during(going)
  await network.pass(100)
  t.false(watch.live, 'else it would wait 32 s for it')
  await network.stop()
})

test('a write that fails after the element has left is not made up for', async (t) => {
  const network = await Network.open()
  network.watch()
  await network.pass(100)
  const [watcher] = network.board.watchers
  let fails = true
  network.store.holds = true
  network.store.fails = () => fails
  watcher!.keep('late')
  await network.pass(10)
  fails = false
  const [held] = network.store.waiting
  const going = network.one.letGo('board')
  await network.pass(50)
  while (network.store.waiting.length > 1) network.store.waiting[1]!.end()
  network.store.holds = false
  await network.during(going)
  network.moving.place('board', 'two')
  const board = new Board()
  await network.during(network.two.takeUp(board))
  const [taken] = board.watchers
  taken!.keep('newer')
  await network.pass(100)
  held!.end()
  await network.pass(60_000)
  const stored = await network.store.get(`subscriptions/board/${taken!.id}`)
  t.is((stored!.value as { record?: unknown }).record, 'newer')
  await network.stop()
})
