/** Bounds on the cost of a list: its resources are asked once for all of a subscriber's subscriptions to it, in pages, not too often. */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createResourceLists } from '../../../elements/resource-lists/index.ts'
import { Pages, page, pause } from '../../../elements/resource-lists/pages.ts'
import { WatchedList } from '../../../elements/resource-lists/watched-list.ts'
import type { Host, SipRequest, SipResponse, SubscriptionListener } from '../../../signalling/index.ts'
import { memoryStore } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { Lab } from '../../support/lab.ts'
import { metric, requestText, Wire } from '../../support/wire.ts'

const sip = (name: string): string => `sip:${name}@localhost`
const feeds = 2 // subscriptions to the HSS, of presence and of lists

interface Asked {
  readonly status: number
  readonly response: SipResponse
  /** Names on the list, with what is known of each; undefined: no NOTIFY. */
  readonly states: readonly string[] | undefined
}

function statesIn(request: SipRequest): readonly string[] {
  const text = request.body.toString()
  return [...text.matchAll(/<resource uri="([^"]+)"(?:\/>|><instance id="1" state="(\w+)")/g)].map(
    ([, uri, state = 'unknown']) => `${uri} ${state}`,
  )
}

/** Alice, who has so many friends, and bob, who has none. Presence asks nobody whether they may be watched, but of the last. */
async function scene(count: number, subscriptions?: number) {
  const lab = new Lab()
  lab.subscriptions = subscriptions
  const friends = Array.from({ length: count }, (_, i) => sip(`f${i}`))
  const permissions = { discoverable: true, discoverer: true }
  const elements = () => [
    createProxy('proxy', { authenticate: 'none', registration: 'optional' }),
    createHss('hss', {
      askers: ['proxy', 'presence', 'friends'],
      subscribers: [
        ...friends.map((id, i) => ({
          id,
          permissions,
          ...(i === count - 1 ? { watchers: { others: 'confirm' as const } } : {}),
        })),
        { id: sip('alice'), permissions, friends },
        { id: sip('bob'), permissions, friends: [sip('f0')] },
      ],
    }),
    createPresence('presence', { watchers: 'everybody' }),
    createResourceLists('friends', {}),
  ]
  const store = memoryStore(lab.clock)
  let node = await lab.serve(['localhost'], elements(), store)
  const wires = { alice: await Wire.at(lab, '10.0.8.1'), bob: await Wire.at(lab, '10.0.8.2') }
  for (const wire of Object.values(wires)) wire.onRequest = (request) => wire.answer(request, 200)
  let calls = 0
  const send = (who: 'alice' | 'bob', expires: number): string => {
    const wire = wires[who]
    const { host } = wire.here
    const callId = `list-${++calls}`
    const lines = ['Event: presence', `Expires: ${expires}`, 'Supported: eventlist', `Contact: <sip:${who}@${host}>`]
    wire.send(requestText('SUBSCRIBE', sip('friends'), { via: host, branch: `z9hG4bK-${callId}`, callId, from: sip(who), lines }))
    return callId
  }
  const ask = async (who: 'alice' | 'bob', expires: number, ms = 2000): Promise<Asked> => {
    const callId = send(who, expires)
    await lab.clock.advance(ms)
    const response = wires[who].responses.findLast((each) => each.callId === callId && each.status >= 200)!
    const notify = wires[who].requests.find((each) => each.callId === callId)
    return { status: response?.status, response, states: notify && statesIn(notify) }
  }
  const restart = async (): Promise<void> => {
    await node.stop(0)
    node = await lab.serve(['localhost'], elements(), store)
    await lab.clock.advance(3000)
  }
  const watched = (): number => metric(node, 'subscriptions_made') - feeds
  const hops = (): number => metric(node, 'local_hops_total')
  return { lab, friends, wires, send, ask, restart, watched, hops, held: () => metric(node, 'subscriptions_held') }
}

test('a fetch asks each resource once, and leaves nothing behind', async (t) => {
  const { ask, friends, watched, hops } = await scene(60)
  await ask('alice', 0) // whom the HSS knows is known from now on
  const before = hops()
  const { status, states } = await ask('alice', 0)
  t.is(status, 200)
  t.deepEqual(
    states,
    friends.map((uri, i) => `${uri} ${i === 59 ? 'pending' : 'active'}`),
  )
  t.is(watched(), 0)
  t.is(hops() - before, 60 * 2 + 2, 'a SUBSCRIBE and a NOTIFY each')
})

test('many subscriptions of one subscriber to his list: its resources are asked once, and told to all', async (t) => {
  const { ask, restart, watched, lab, wires } = await scene(40)
  for (let i = 0; i < 10; i++) t.is((await ask('alice', 600)).states?.length, 40)
  t.is(watched(), 40, 'not 400')
  t.is((await ask('alice', 0)).states?.length, 40)
  t.is(watched(), 40, 'a fetch reads what is known')
  await ask('bob', 600)
  t.is(watched(), 41, 'each subscriber for himself: what a resource shows depends on who asks')
  await restart()
  t.is(watched(), 41, 'after a restart too')
  const before = wires.alice.requests.length
  const body = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${sip('f1')}"><tuple id="x"><status><basic>open</basic></status></tuple></presence>`
  const lines = ['Event: presence', 'Content-Type: application/pidf+xml']
  wires.bob.send(
    requestText('PUBLISH', sip('f1'), { via: '10.0.8.2', branch: 'z9hG4bK-p', callId: 'p', from: sip('f1'), lines, body }),
  )
  await lab.clock.advance(500)
  const states = wires.alice.requests.slice(before).map(statesIn)
  t.deepEqual(states, Array(10).fill([`${sip('f1')} active`]))
  await lab.clock.advance(700_000)
  t.is(watched(), 0, 'when the last has ended, nobody is watched')
})

test('a long list is asked in pages, and a short one does not wait until it is through', async (t) => {
  const { send, lab, watched, wires, ask } = await scene(300)
  await ask('alice', 0)
  await ask('bob', 0)
  const aliceAsks = send('alice', 600)
  await lab.clock.advance(1)
  t.is(watched(), page)
  await lab.clock.advance(pause)
  t.is(watched(), 2 * page)
  const { status } = await ask('bob', 600, 3 * pause)
  t.is(status, 200)
  t.is(watched(), 5 * page, 'his one resource is of a page')
  t.false(wires.alice.responses.some((each) => each.callId === aliceAsks && each.status >= 200))
  await lab.clock.advance(1000)
  t.is(watched(), 301)
  t.is(statesIn(wires.alice.requests.find(({ callId }) => callId === aliceAsks)!).length, 300)
})

test('who has his list asked too often is told when to come again; what he watches he may watch once more', async (t) => {
  const { ask, hops, lab } = await scene(300)
  const statuses: number[] = []
  for (let i = 0; i < 10; i++) statuses.push((await ask('alice', 0, 700)).status)
  t.deepEqual(statuses, [200, 200, 200, 200, 503, 503, 503, 503, 503, 503])
  const before = hops()
  const { response } = await ask('alice', 600, 700)
  t.is(response.status, 503)
  t.is(response.text('Retry-After'), '15')
  t.regex(response.text('Warning')!, /expected a subscription that stands, or fewer names a second/)
  t.true(hops() - before < 10)
  t.is((await ask('bob', 0)).status, 200, 'others are not in the way')
  await lab.clock.advance(15_000)
  t.is((await ask('alice', 600)).status, 200)
  for (let i = 0; i < 10; i++) t.is((await ask('alice', 600, 100)).status, 200)
})

test('a list takes places by its length in the share of its subscriber, after a restart too', async (t) => {
  const { ask, restart } = await scene(300, 37) // nineteen places each
  t.is((await ask('alice', 600)).status, 200)
  t.is((await ask('alice', 600)).status, 403)
  t.is((await ask('bob', 600)).status, 200)
  await restart()
  t.is((await ask('alice', 600)).status, 403)
})

test('pages: one now, the others a pause apart; each job has its turn', async (t) => {
  const clock = new ManualClock()
  const pages = new Pages(clock)
  const done: string[] = []
  const names = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i}`)
  pages.over(
    names('a', 50),
    (item) => done.push(item),
    () => done.push('a is through'),
  )
  t.is(done.length, page)
  pages.over(names('b', 3), (item) => done.push(item))
  pages.over(
    [],
    () => t.fail(),
    () => done.push('nothing to do'),
  )
  t.is(done.pop(), 'nothing to do')
  t.is(done.length, page, 'the first page is just over')
  await clock.advance(pause)
  t.is(done.length, 2 * page)
  await clock.advance(pause)
  t.deepEqual(done.slice(2 * page), [...names('b', 3), ...names('a', 50).slice(40), 'a is through'])
  await clock.advance(pause)
  pages.over(['again'], (item) => done.push(item))
  t.is(done.at(-1), 'again')
})

test('a resource that is asked again counts once, though the one before might have come back by itself', async (t) => {
  const clock = new ManualClock()
  const asked: { readonly listener: SubscriptionListener; over: boolean }[] = []
  const host = {
    subscribe: (_: object, listener: SubscriptionListener) => {
      const one = { listener, over: false }
      asked.push(one)
      return { live: true, refresh: () => undefined, unsubscribe: () => (one.over = true) }
    },
  } as unknown as Host
  const changed = () => undefined
  const pages = new Pages(clock)
  const list = new WatchedList({
    host,
    pages,
    uri: sip('friends'),
    watcher: sip('alice'),
    event: 'presence',
    accept: [],
    changed,
  })
  const say = (which: number, state: 'active' | 'terminated', reason?: string): void => {
    const request = { contentType: undefined, body: Buffer.alloc(0) } as unknown as SipRequest
    asked[which]!.listener.notified({ request, state, reason })
  }
  list.hold([sip('f')])
  say(0, 'terminated', 'deactivated')
  list.again()
  await clock.advance(pause)
  t.deepEqual(
    asked.map(({ over }) => over),
    [true, false],
  )
  say(1, 'active')
  say(0, 'terminated', 'timeout')
  t.is(list.state.resources.get(sip('f'))!.state, 'active', 'what is said of the one before counts no more')
})
