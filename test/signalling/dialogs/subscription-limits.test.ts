/** How many subscriptions one subscriber may hold, and what does not count. */
import test from 'ava'
import { createApplicationServer } from '../../../elements/application-server/index.ts'
import { createHss } from '../../../elements/hss/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProse } from '../../../elements/prose/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createResourceLists } from '../../../elements/resource-lists/index.ts'
import { ofOneResource } from '../../../signalling/dialogs/subscription-limits.ts'
import type { OtherNode } from '../../../signalling/index.ts'
import { memoryStore } from '../../../signalling/storage/memory.ts'
import { Lab } from '../../support/lab.ts'
import { metric, requestText, Wire } from '../../support/wire.ts'

const sip = (name: string): string => `sip:${name}@localhost`

async function scene(limit: number | undefined, otherNodes: readonly OtherNode[] = []) {
  const lab = new Lab()
  lab.otherNodes = otherNodes
  lab.subscriptions = limit
  const friends = ['bob', 'carol', 'dave', 'eve']
  const subscribers = ['alice', ...friends].map((name) => ({
    id: sip(name),
    permissions: { discoverable: true, discoverer: true },
    ...(name === 'alice' ? { friends: friends.map(sip) } : {}),
  }))
  const elements = () => [
    createProxy('proxy', { authenticate: 'none', registration: 'optional' }),
    createHss('hss', {
      askers: ['proxy', 'presence', 'friends', 'prose', 'as'],
      subscribers,
      servers: [{ uri: sip('as'), application: 'chess' }],
    }),
    createPresence('presence', { watchers: 'everybody' }),
    createResourceLists('friends', {}),
    createProse('prose', {}),
    createApplicationServer('as', { application: 'chess', open: true }),
  ]
  const store = memoryStore(lab.clock)
  let node = await lab.serve(['localhost'], elements(), store)
  const wire = await Wire.at(lab, '10.0.5.1')
  wire.onRequest = (request) => wire.answer(request, 200)
  let count = 0
  const subscribe = async (to: string, expires = 600, ...more: readonly string[]): Promise<number> => {
    const lines = [...more, 'Event: presence', `Expires: ${expires}`, 'Supported: eventlist', 'Contact: <sip:alice@10.0.5.1>']
    const names = { via: '10.0.5.1', branch: `z9hG4bK-${++count}`, callId: `call-${count}` }
    wire.send(requestText('SUBSCRIBE', sip(to), { ...names, from: sip('alice'), lines }))
    await lab.clock.advance(1000)
    return wire.responses.findLast(({ callId, status }) => callId === names.callId && status >= 200)!.status
  }
  /** Subscribes until it is refused. */
  const fill = async (to: (n: number) => string): Promise<number> => {
    for (let n = 0; ; n++) if (n > ofOneResource || (await subscribe(to(n))) !== 200) return n
  }
  const restart = async (): Promise<void> => {
    await node.stop(0)
    node = await lab.serve(['localhost'], elements(), store)
    await lab.clock.advance(1000)
  }
  return { subscribe, fill, restart, wire, lab, held: () => metric(node, 'subscriptions_held') }
}

test('those to everybody on a list are not in the share of its subscriber, nor after a restart', async (t) => {
  const { subscribe, restart, held, wire } = await scene(2)
  t.is(await subscribe('friends'), 200)
  const body = wire.requests.at(-1)!.body.toString()
  for (const name of ['bob', 'carol', 'dave', 'eve']) t.regex(body, new RegExp(`${sip(name)}"><instance id="1" state="active"`))
  t.is(await subscribe('bob'), 200)
  t.is(await subscribe('carol'), 403)
  await restart()
  t.true(held() >= 6)
  t.is(await subscribe('carol'), 403, 'two are held')
})

test('a fetch holds nothing: it is served at the limit, and only so many that nobody answers', async (t) => {
  const { subscribe, wire, lab } = await scene(2)
  t.deepEqual([await subscribe('bob'), await subscribe('carol'), await subscribe('dave')], [200, 200, 403])
  for (let i = 0; i < 5; i++) t.is(await subscribe('bob', 0), 200)
  const { onRequest } = wire
  wire.onRequest = () => undefined
  t.deepEqual([await subscribe('bob', 0), await subscribe('carol', 0), await subscribe('dave', 0)], [200, 200, 403])
  wire.onRequest = onRequest
  await lab.clock.advance(5000)
  t.is(await subscribe('dave', 0), 200)
})

test('what another node of the network asks for itself is in no share, what it passes on is in its sender’s', async (t) => {
  const { subscribe, restart, held } = await scene(2, [{ name: 'as', host: '10.0.5.1', port: 5060 }])
  for (const name of ['bob', 'carol', 'dave', 'eve']) t.is(await subscribe(name), 200)
  const passed = 'Via: SIP/2.0/UDP 10.0.5.9;branch=z9hG4bK-ue'
  t.deepEqual([await subscribe('bob', 600, passed), await subscribe('carol', 600, passed)], [200, 200])
  t.is(await subscribe('dave', 600, passed), 403)
  const before = held()
  await restart()
  t.is(held(), before, 'it is kept, since who asked lives on')
  t.is(await subscribe('dave'), 200)
  t.is(await subscribe('dave', 600, passed), 403)
})

for (const [what, to] of [
  ['one presentity', () => 'bob'],
  ['who is near oneself, as presence', (n: number) => `near-somebody${n}`],
] as const) {
  test(`no more than 250 of them to ${what}, which all would be told of at once`, async (t) => {
    const { subscribe, fill, restart, lab, wire } = await scene(undefined)
    t.is(await fill(to), ofOneResource)
    t.regex(wire.responses.at(-1)!.text('Warning')!, /as many subscriptions as you may/)
    t.is(wire.responses.at(-1)!.status, 403)
    t.is(await subscribe('carol'), 200, 'others are not in the way')
    t.is(await subscribe(to(0), 0), 200, 'nor is a question asked once')
    await restart()
    t.is(await subscribe(to(0)), 403, 'after a restart too')
    await lab.clock.advance(700_000)
    t.is(await fill(to), ofOneResource, 'what has ended makes room')
  })
}

const routes = (count: number, length = 0): string =>
  `Record-Route: ${Array.from({ length: count }, (_, n) => `<sip:10.0.5.1;lr;n=${n};x=${'y'.repeat(length)}>`).join(', ')}`

test('more than 32 routes are refused', async (t) => {
  const { held, subscribe, wire } = await scene(undefined)
  const before = held()
  t.is(await subscribe('bob', 600, routes(33)), 513)
  t.regex(wire.responses.at(-1)!.text('Warning')!, /more than 32 Record-Route values; expected a shorter way/)
  t.is(held(), before)
  t.is(await subscribe('bob', 600, routes(30)), 200)
})

test('a subscription takes as many places as it has beginnings of 4 kB, after a restart too', async (t) => {
  const { subscribe, restart } = await scene(4)
  t.is(await subscribe('bob', 600, routes(5, 1400)), 200) // two places
  t.is(await subscribe('carol', 600, routes(10, 700), routes(5, 700)), 403) // three
  t.is(await subscribe('carol'), 200)
  await restart()
  t.is(await subscribe('dave', 600, routes(5, 1400)), 403)
  t.is(await subscribe('dave'), 200)
  t.is(await subscribe('eve'), 403)
})
