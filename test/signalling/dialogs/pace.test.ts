/** Bounds on what one subscriber is sent, in NOTIFYs and in bytes: he waits, others do not. */
import test from 'ava'
import { Pace, usualPace, waitingAtMost } from '../../../signalling/dialogs/pace.ts'
import { SubscriberShare, SubscriberShares } from '../../../signalling/dialogs/subscription-limits.ts'
import type { SipRequest } from '../../../signalling/index.ts'
import { H } from '../../../signalling/messages/names.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { metric, requestText, Wire } from '../../support/wire.ts'
import { Scene } from './subscriptions-scene.ts'

/** Somebody with any number of subscriptions. */
class Subscriber {
  readonly wire: Wire
  /** NOTIFYs, each once, and when they came. */
  readonly notified: { readonly at: number; readonly request: SipRequest }[] = []
  answers = true
  private readonly scene: Scene
  private readonly name: string
  private count = 0

  constructor(scene: Scene, wire: Wire, name: string) {
    this.scene = scene
    this.wire = wire
    this.name = name
    wire.onRequest = (request) => {
      this.notified.push({ at: scene.lab.clock.now(), request })
      if (this.answers) wire.answer(request, 200)
    }
  }
  static async of(scene: Scene, name: string, host: string): Promise<Subscriber> {
    return new Subscriber(scene, await Wire.at(scene.lab, host), name)
  }
  /** So many new subscriptions, each to a resource of its own. */
  async subscribe(times: number, event = 'tick', expires = 3600): Promise<void> {
    for (let i = 0; i < times; i++) {
      const id = `${this.name}-${++this.count}`
      const { host } = this.wire.here
      const lines = [`Event: ${event}`, `Expires: ${expires}`, `Contact: <sip:${this.name}@${host}>`]
      const names = { via: host, branch: `z9hG4bK-${id}`, callId: id, from: `sip:${this.name}@localhost`, lines }
      this.wire.send(requestText('SUBSCRIBE', `sip:${id}@localhost`, names))
      if (i % 50 === 49) await this.scene.pass(1)
    }
    await this.scene.pass(50)
  }
  /** In the next so many milliseconds. */
  async during(ms: number): Promise<readonly SipRequest[]> {
    const before = this.notified.length
    await this.scene.pass(ms)
    return this.notified.slice(before).map(({ request }) => request)
  }
}

const bytesOf = (requests: readonly SipRequest[]): number => requests.reduce((sum, { body }) => sum + body.length, 0)
const grantedBy = (request: SipRequest): number => Number(/min-rate=([\d.]+)/.exec(request.text(H['Subscription-State'])!)![1])

async function bounded(notifies: { readonly rate: number; readonly burst: number }) {
  const all = await Scene.open()
  all.lab.notifies = notifies
  return { all, ticker: await all.restart() }
}

test('min-rate: what one subscriber draws is the same for a hundred subscriptions as for two, and said to be less', async (t) => {
  const all = await Scene.open()
  const [greedy, modest] = [await Subscriber.of(all, 'greedy', '10.0.7.1'), await Subscriber.of(all, 'modest', '10.0.7.2')]
  await greedy.subscribe(2, 'tick;min-rate=1000')
  t.is((await greedy.during(10_000)).length, 200, 'a fifth of a hundred a second')
  t.is(grantedBy(greedy.notified.at(-1)!.request), 10)
  await modest.subscribe(1, 'tick;min-rate=1')
  await greedy.subscribe(98, 'tick;min-rate=1000')
  await all.pass(10_000)
  const before = modest.notified.length
  const more = await greedy.during(10_000)
  t.is(more.length, 200)
  t.is(grantedBy(more.at(-1)!), 0.2)
  t.is(modest.notified.length - before, 10, 'who asks for little gets it')
  t.is(grantedBy(modest.notified.at(-1)!.request), 1)
})

test('min-rate: what others of his give up, a subscription has again', async (t) => {
  const all = await Scene.open()
  const subscriber = await Subscriber.of(all, 'greedy', '10.0.7.1')
  await subscriber.subscribe(1, 'tick;min-rate=10')
  await subscriber.subscribe(39, 'tick;min-rate=10', 60)
  await all.pass(10_000)
  t.is((await subscriber.during(10_000)).length, 200)
  t.is(grantedBy(subscriber.notified.at(-1)!.request), 0.5)
  await all.pass(60_000)
  t.is((await subscriber.during(10_000)).length, 100)
  t.is(grantedBy(subscriber.notified.at(-1)!.request), 10)
})

test('bytes: 240 subscriptions and a large state that changes all the time draw 100 NOTIFYs of 4 kB a second, no more', async (t) => {
  const all = await Scene.open()
  const [greedy, modest] = [await Subscriber.of(all, 'greedy', '10.0.7.1'), await Subscriber.of(all, 'modest', '10.0.7.2')]
  await greedy.subscribe(240)
  await modest.subscribe(1)
  const { notifiers } = all.ticker
  const large = (value: number) => ({ value, text: 'x'.repeat(15_000) }) // told with the one before
  let value = 1
  const change = async (): Promise<void> => {
    value++
    for (const notifier of notifiers) notifier.notify({ value: large(value) as unknown as number })
    await all.pass(250)
  }
  for (let i = 0; i < 80; i++) await change() // his burst is spent
  const [before, others] = [greedy.notified.length, modest.notified.length]
  for (let i = 0; i < 80; i++) await change()
  const notified = greedy.notified.slice(before).map(({ request }) => request)
  t.is(notified.length, 250, '20 seconds; each counts as eight')
  t.true(bytesOf(notified) < 20 * 100 * 4096)
  t.is(modest.notified.length - others, 80, 'others are told of each change')
  t.true(metric(all.node, 'notifies_held_back') > 0)
  await all.pass(60_000)
  const last = new Map(greedy.notified.map(({ request }) => [request.callId, request]))
  t.is(last.size, 240)
  for (const request of last.values()) {
    const { value: state } = JSON.parse(request.body.toString()) as { value: { value: number } }
    t.is(state.value, value, 'the newest state wins')
  }
})

test('a phone with 300 friends is told of all of them at once', async (t) => {
  const all = await Scene.open()
  all.ticker.value = 'x'.repeat(3000) as unknown as number
  const phone = await Subscriber.of(all, 'phone', '10.0.7.1')
  await phone.subscribe(300)
  t.is(phone.notified.length, 300)
  t.is(metric(all.node, 'notifies_held_back'), 0)
  t.true(phone.notified.at(-1)!.at < 100)
})

test('those that wait go first come first, and what ends does not wait', async (t) => {
  const { all, ticker } = await bounded({ rate: 1, burst: 3 })
  const subscriber = await Subscriber.of(all, 'greedy', '10.0.7.1')
  await subscriber.subscribe(8)
  const at = subscriber.notified.map(({ request }) => request.callId)
  t.deepEqual(at, ['greedy-1', 'greedy-2', 'greedy-3'])
  ticker.notifiers[7]!.terminate('noresource')
  ticker.notifiers[0]!.notify({ value: 2 })
  const notified = (await subscriber.during(8000)).map(({ callId }) => callId)
  t.deepEqual(notified, ['greedy-8', 'greedy-4', 'greedy-5', 'greedy-6', 'greedy-7', 'greedy-1'])
  t.is(subscriber.notified.filter(({ request }) => request.callId === 'greedy-8').length, 1)
})

test('a fetch is counted as any other, and holding nothing for a moment pays no debt', async (t) => {
  const { all } = await bounded({ rate: 1, burst: 10 })
  const subscriber = await Subscriber.of(all, 'greedy', '10.0.7.1')
  await subscriber.subscribe(10, 'tick', 0)
  t.is(subscriber.notified.length, 10)
  t.is(metric(all.node, 'subscriptions_held'), 0)
  await all.pass(1500)
  await subscriber.subscribe(20, 'tick', 0)
  t.is(subscriber.notified.length, 11)
  t.is((await subscriber.during(10_000)).length, 10)
})

test('who has a thousand NOTIFYs waiting begins nothing more: 503, come again later', async (t) => {
  const { all } = await bounded({ rate: 0.01, burst: 1 })
  const subscriber = await Subscriber.of(all, 'greedy', '10.0.7.1')
  await subscriber.subscribe(waitingAtMost + 1)
  t.is(subscriber.wire.responses.filter(({ status }) => status === 200).length, waitingAtMost + 1)
  await subscriber.subscribe(1)
  const last = subscriber.wire.responses.at(-1)!
  t.is(last.status, 503)
  t.is(last.text('Retry-After'), '30')
  t.regex(last.text('Warning')!, /you are told more than you may be/)
  const other = await Subscriber.of(all, 'modest', '10.0.7.2')
  await other.subscribe(1)
  t.is(other.notified.length, 1)
})

test('a rate set anew counts from now on', async (t) => {
  const clock = new ManualClock()
  const pace = new Pace(clock, { rate: 1, burst: 1 })
  const share = new SubscriberShare()
  const one = { resume: () => undefined }
  pace.spend(share, 0, 0)
  pace.spend(share, 0, 0)
  t.false(pace.admits(share, one, clock.now()))
  await clock.advance(2000)
  t.is(share.line, undefined)
  pace.limit(undefined)
  for (let i = 1; i < usualPace.burst; i++) pace.spend(share, 0, 2000)
  t.true(pace.admits(share, one, clock.now()))
  pace.spend(share, 0, 2000)
  t.false(pace.admits(share, one, clock.now()))
})

test('what is nobody’s is never held back', (t) => {
  const pace = new Pace(new ManualClock(), { rate: 1, burst: 1 })
  const one = { resume: () => t.fail() }
  for (let i = 0; i < 100; i++) pace.spend(undefined, 60_000, 0)
  t.true(pace.admits(undefined, one, 0))
  pace.claim(undefined, one, 100)
  t.is(pace.granted(undefined, { gap: 0, period: 100, adaptive: false }).period, 100)
})

test('a subscriber who holds nothing is forgotten when he owes nothing', async (t) => {
  const clock = new ManualClock()
  const shares = new SubscriberShares(clock)
  const held = (subscriber: string) => ({ subscriber, element: 'e', package: 'p', resource: 'r', fetch: true })
  await clock.advance(5000)
  for (let i = 0; i < 100; i++) {
    shares.take(held(`u${i}`)).paidAt = clock.now() + 2000
    shares.give(held(`u${i}`))
  }
  t.is(shares.size, 100)
  t.is(shares.of('u1')!.paidAt, 7000)
  await clock.advance(3000)
  shares.take(held('last')).paidAt = clock.now() + 1
  shares.give(held('last'))
  t.is(shares.size, 1)
})
