/** Elements that are taken up and let go while their node runs: two nodes over one store, and a peer that hears nothing of it. */
import test from 'ava'
import { metric } from '../../support/wire.ts'
import { Board, key, Network } from './moving-scene.ts'

test('a subscriber is told each change once, wherever the element is', async (t) => {
  const network = await Network.open()
  const subscription = network.watch()
  await network.pass(100)
  t.deepEqual(network.texts, [''])
  for (let round = 0; round < 4; round++) {
    const board = await network.move(round % 2 === 0 ? 'two' : 'one')
    t.is(board.written, round === 0 ? '' : `text ${round - 1}`)
    t.is(await network.during(network.say(`text ${round}`)), 200)
    await network.pass(100)
  }
  t.deepEqual(network.texts, ['', 'text 0', 'text 1', 'text 2', 'text 3'])
  await network.move('two')
  subscription.refresh()
  await network.pass(200)
  t.is(network.texts.at(-1), 'text 3', 'a refresh by the address of the node before is followed')
  t.is(network.texts.length, 6)
  subscription.unsubscribe()
  await network.pass(200)
  t.false(subscription.live)
  t.is(metric(network.two, 'subscriptions_held'), 0)
  t.is(metric(network.one, 'subscriptions_held'), 0)
  await network.stop()
})

test('a change that was never told is told by the node that takes the element up', async (t) => {
  const network = await Network.open()
  network.watch()
  await network.pass(100)
  await network.during(network.one.letGo('board'))
  await network.store.write([{ key, value: 'meanwhile' }])
  network.moving.place('board', 'two')
  await network.during(network.two.takeUp(new Board()))
  await network.pass(100)
  t.deepEqual(network.texts, ['', 'meanwhile'])
  await network.stop()
})

test('requests wait while it moves, in their order, and are answered where it is then', async (t) => {
  const network = await Network.open()
  await network.during(network.one.letGo('board'))
  const answers = ['a', 'b', 'c'].map((words) => network.say(words))
  await network.pass(200)
  network.moving.place('board', 'two')
  await network.pass(200)
  const board = new Board()
  await network.during(network.two.takeUp(board))
  t.deepEqual(await network.during(Promise.all(answers)), [200, 200, 200])
  t.is(board.written, 'c')
  t.is(network.board.written, '', 'the one that was let go has got none of them')
  await network.stop()
})

test('where nobody takes it up, who waits is told to come again', async (t) => {
  const network = await Network.open()
  await network.during(network.one.letGo('board'))
  const { status, headers } = await network.during(
    network.peer.host
      .send({ method: 'MESSAGE', to: 'sip:board@sip.test', route: ['<sip:10.0.0.1;lr>'] })
      .then((response) => ({ status: response.status, headers: response.text('Retry-After') })),
  )
  t.deepEqual([status, headers], [503, '1'])
  await network.during(network.one.takeUp(new Board()))
  t.is(await network.during(network.say('again')), 200)
  await network.stop()
})

test('a node that stops refuses the requests that wait for an element, and hears of no place any more', async (t) => {
  const network = await Network.open()
  await network.during(network.one.letGo('board'))
  const answer = network.say('late')
  await network.pass(200)
  const stopping = network.one.stop(100)
  t.is(await network.during(answer, 1000), 503)
  await network.during(stopping)
  network.moving.place('board', 'two')
  await network.during(network.two.takeUp(new Board()))
  await network.stop()
})

test('an element that is let go twice, or stopped meanwhile, ends once', async (t) => {
  const network = await Network.open()
  const going = [network.one.letGo('board'), network.one.letGo('board')]
  await network.during(Promise.all(going))
  t.deepEqual([network.board.handedBack, network.board.stopped], [1, 1])
  const board = new Board()
  await network.during(network.one.takeUp(board))
  network.store.holds = true
  network.watch()
  await network.pass(100)
  const last = network.one.letGo('board')
  await network.during(network.one.stop(0))
  network.store.release()
  await network.during(last)
  t.deepEqual([board.handedBack, board.stopped], [0, 1], 'a node that stops gives nothing back')
  await network.stop()
})

test('what is under way ends first, and what takes too long is not waited for', async (t) => {
  const network = await Network.open()
  let resume: () => void = () => undefined
  network.board.pause = () => new Promise((resolve) => (resume = resolve))
  const answer = network.say('slow')
  await network.pass(100)
  let isOver = false
  const going = network.one.letGo('board').then(() => (isOver = true))
  await network.pass(500)
  t.false(isOver)
  resume()
  t.is(await network.during(answer), 200)
  await network.during(going)
  t.is((await network.store.get(key))?.value, 'slow')

  const board = new Board()
  await network.during(network.one.takeUp(board))
  board.pause = () => new Promise((resolve) => (resume = resolve))
  const late = network.say('too slow')
  await network.pass(100)
  await network.during(network.one.letGo('board', 300))
  resume()
  t.is(await network.during(late), 503)
  t.is((await network.store.get(key))?.value, 'slow', 'an element that was let go writes nothing')
  await network.stop()
})

test('where the store fails, the element serves on and its subscribers are told', async (t) => {
  const network = await Network.open()
  network.watch()
  await network.pass(100)
  network.store.fails = () => true
  const going = t.throwsAsync(network.one.letGo('board'), { message: /no space/ })
  const waiting = network.say('refused')
  await network.during(going)
  t.is(await network.during(waiting), 500)
  network.store.fails = () => false
  t.is(network.board.stopped, 0)
  t.is(await network.during(network.say('taken')), 200)
  await network.pass(100)
  t.deepEqual(network.texts, ['', 'taken'])
  await network.stop()
})

test('nothing that an element does after it was let go has an effect', async (t) => {
  const network = await Network.open()
  t.is(metric(network.one, 'board_texts'), 1)
  await network.during(network.one.letGo('board'))
  t.is(network.board.stopped, 1)
  const { host } = network.board
  await t.throwsAsync(host.store.write([{ key, value: 'late' }]), { message: /let go/ })
  t.is((await host.send({ method: 'MESSAGE', to: 'sip:peer@10.0.1.1' })).status, 503)
  t.false(host.subscribe({ to: 'sip:peer@10.0.1.1', event: 'x' }, { notified: () => undefined }).live)
  t.deepEqual(network.peer.got, [])
  t.deepEqual(
    [...network.one.metrics()].filter(({ name }) => name.startsWith('proxima_board')),
    [],
  )
  await t.throwsAsync(network.one.letGo('board'), { message: /no element board runs here/ })
  await network.stop()
})

test('an element that fails as it is taken up can be taken up again', async (t) => {
  const network = await Network.open()
  network.watch()
  await network.pass(100)
  await network.during(network.one.letGo('board'))
  network.moving.place('board', 'two')
  const broken = new Board()
  broken.pause = () => Promise.reject(new Error('not now'))
  await network.during(t.throwsAsync(network.two.takeUp(broken), { message: 'not now' }))
  await network.during(network.two.takeUp(new Board()))
  t.is(await network.during(network.say('here')), 200)
  await network.pass(100)
  t.deepEqual(network.texts, ['', 'here'])
  await t.throwsAsync(network.two.takeUp(new Board()), { message: /runs here already/ })
  await network.stop()
})

test('a refresh that is being stored as its element is let go counts where it is taken up', async (t) => {
  const network = await Network.open()
  const subscription = network.watch()
  await network.pass(100)
  await network.pass(400_000)
  network.store.holds = true
  subscription.refresh()
  await network.pass(100)
  t.is(network.store.waiting.length, 1)
  let isOver = false
  const going = network.one.letGo('board').then(() => (isOver = true))
  await network.pass(300)
  t.false(isOver, 'the SUBSCRIBE is answered first')
  network.store.release()
  await network.during(going)
  t.deepEqual(network.texts, [''], 'no NOTIFY leaves the node any more')
  network.moving.place('board', 'two')
  await network.during(network.two.takeUp(new Board()))
  await network.pass(100)
  t.deepEqual(network.texts, ['', ''], 'the state that the refresh asks for')
  const records = network.store.scan('subscriptions/board/')
  for await (const [, { value }] of records) t.true((value as { expires: number }).expires > network.clock.date() + 590_000)
  t.is(metric(network.two, 'subscriptions_held'), 1)
  await network.stop()
})
