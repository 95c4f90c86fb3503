/** One subscription to a list is one to everybody on it (RFC 4662): proxy, HSS, presence and lists in virtual time. */
import test from 'ava'

import { createHss, type Hss } from '../../../elements/hss/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createResourceLists } from '../../../elements/resource-lists/index.ts'
import { Pages, pause } from '../../../elements/resource-lists/pages.ts'
import { WatchedList } from '../../../elements/resource-lists/watched-list.ts'
import type { SubscriberSettings } from '../../../elements/schemas/index.ts'
import type { Host, SipRequest, SubscriptionListener } from '../../../signalling/index.ts'
import { memoryStore } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { Lab } from '../../support/lab.ts'
import { metric } from '../../support/wire.ts'

const sip = (name: string): string => `sip:${name}@localhost`
const person = (name: string, friends: readonly string[] = []): SubscriberSettings => ({
  id: sip(name),
  permissions: { discoverable: true, discoverer: true },
  friends: friends.map(sip),
})
const pidf = (user: string, id: string): string =>
  `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${sip(user)}"><tuple id="${id}"><status><basic>open</basic></status></tuple></presence>`

interface Told {
  readonly version: string
  readonly full: boolean
  /** `uri state`, and `uri state <id of its tuple>` where there is a body. */
  readonly resources: readonly string[]
}

/** Takes a NOTIFY apart as RFC 2046, 2387 and 4662 say. */
function read(request: SipRequest): Told {
  const { groups } = /type="(?<type>[^"]+)";start="<(?<start>[^>]+)>";boundary="(?<boundary>[^"]+)"/.exec(
    request.text('Content-Type')!,
  )!
  const pieces = request.body.toString().split(`--${groups!['boundary']}`)
  if (pieces[0] !== '' || pieces.at(-1) !== '--\r\n') throw new Error('not multipart')
  const parts = new Map<string, string>()
  for (const piece of pieces.slice(1, -1)) {
    const [head, ...body] = piece.replace(/^\r\n/, '').split('\r\n\r\n')
    parts.set(/Content-ID: <([^>]+)>/.exec(head!)![1]!, body.join('\r\n\r\n').replace(/\r\n$/, ''))
  }
  const rlmi = parts.get(groups!['start']!)!
  const resources = [
    ...rlmi.matchAll(/<resource uri="([^"]+)"(?:\/>|><instance id="1" state="(\w+)"[^>]*?(?:cid="([^"]+)")?\/>)/g),
  ].map(
    ([, uri, state = 'unknown', cid]) =>
      `${uri} ${state}${cid === undefined ? '' : ` ${/id="([^"]+)"/.exec(parts.get(cid)!)![1]}`}`,
  )
  const [, version, full] = /version="(\d+)" fullState="(\w+)"/.exec(rlmi)!
  return { version: version!, full: full === 'true', resources }
}

async function scene() {
  const lab = new Lab()
  const hss: Hss = createHss('hss', {
    askers: ['proxy', 'presence', 'friends'],
    subscribers: [
      person('alice', ['bob', 'carol', 'dave']),
      person('bob', ['alice']),
      person('carol', ['alice']),
      person('dave'),
      person('eve'),
    ],
  })
  const proxy = createProxy('proxy', { authenticate: 'none', registration: 'optional' })
  const lists = createResourceLists('friends', { lists: { team: ['bob', 'dave'] } })
  const elements = () => [proxy, hss, createPresence('presence', { watchers: 'friends' }), lists]
  const node = await lab.serve(['localhost'], elements(), memoryStore(lab.clock))
  const alice = await lab.agent('alice')
  const options = (list: string) =>
    lab.during(alice.host.send({ method: 'OPTIONS', to: sip(list), from: sip('alice'), route: ['<sip:10.0.0.1;lr>'] }), 500)
  const route = ['<sip:10.0.0.1;lr>']
  const subscribe = async (
    list: string,
    headers: readonly (readonly [string, string])[] = [['Supported', 'eventlist']],
    expires = 600,
  ) => {
    const response = await lab.during(
      alice.host.send({
        method: 'SUBSCRIBE',
        to: sip(list),
        from: sip('alice'),
        route,
        headers: [
          ['Event', 'presence'],
          ['Expires', String(expires)],
          ['Contact', '<sip:alice@10.0.1.1>'],
          ['Accept', 'application/pidf+xml, application/rlmi+xml, multipart/related'],
          ...headers,
        ],
      }),
      1000,
    )
    return response
  }
  const states = (): readonly Told[] => alice.got.map(({ request }) => read(request))
  const publish = (name: string, id: string) =>
    lab.during(
      alice.host.send({
        method: 'PUBLISH',
        to: sip(name),
        from: sip(name),
        route,
        headers: [['Event', 'presence']],
        body: { type: 'application/pidf+xml', content: pidf(name, id) },
      }),
      500,
    )
  return { lab, node, hss, alice, subscribe, states, publish, options }
}

test('friends: first all of them, then what changes, each as its own server lets it be seen', async (t) => {
  const { lab, node, hss, alice, subscribe, states, publish } = await scene()
  await publish('bob', 'desk')
  const { status, ...response } = await subscribe('friends')
  t.is(status, 200)
  t.is(alice.got[0]!.request.text('Require'), 'eventlist')
  t.deepEqual(states(), [
    {
      version: '0',
      full: true,
      resources: ['sip:bob@localhost active desk', 'sip:carol@localhost active none', 'sip:dave@localhost pending'],
    },
  ])
  await publish('carol', 'phone')
  t.deepEqual(states().at(-1), { version: '1', full: false, resources: ['sip:carol@localhost active phone'] })
  await lab.during(hss.set(person('dave', ['alice'])), 500)
  t.deepEqual(states().at(-1), { version: '2', full: false, resources: ['sip:dave@localhost active none'] })
  await lab.during(hss.set(person('alice', ['bob', 'eve'])), 1000)
  const later = states().slice(3)
  t.true(later.every(({ full }) => !full))
  t.deepEqual(
    later
      .flatMap(({ resources }) => resources)
      .filter((line) => !line.includes('unknown'))
      .sort(),
    ['sip:carol@localhost terminated', 'sip:dave@localhost terminated', 'sip:eve@localhost pending'],
  )
  t.is(metric(node, 'subscriptions_made'), 2 + 2, 'bob, eve and two feeds of the HSS')
  t.truthy(response)
})

test('a friend removed while the list waits for what its resources say is taken from it', async (t) => {
  const { lab, hss, subscribe, states, publish } = await scene()
  const silent = 'sip:silent@10.0.7.7' // nobody is there: the list waits for what he says
  await lab.during(hss.set({ ...person('alice'), friends: [sip('bob'), silent] }), 500)
  await publish('bob', 'desk')
  lab.clock.after(200, () => void hss.set({ ...person('alice'), friends: [silent] }))
  t.is((await subscribe('friends')).status, 200)
  const bobs = states().flatMap(({ resources }) => resources.filter((line) => line.startsWith('sip:bob@')))
  t.deepEqual(bobs, ['sip:bob@localhost active desk', 'sip:bob@localhost terminated'])
})

test('two changes of friends at a time: the later one holds, however soon each is looked up', async (t) => {
  const { lab, hss, subscribe, states, publish } = await scene()
  await publish('bob', 'desk')
  await subscribe('friends')
  const many = Array.from({ length: 40 }, (_, i) => `n${i}`) // nobody knows them: the HSS is asked in pages
  await lab.during(Promise.all([hss.set(person('alice', many)), hss.set(person('alice', ['bob']))]), 2000)
  await subscribe('friends')
  const lists = states().filter(({ full }) => full)
  t.deepEqual(lists.at(-1)!.resources, ['sip:bob@localhost active desk'])
  const bobs = states().flatMap(({ resources }) => resources.filter((line) => line.startsWith('sip:bob@')))
  t.false(
    bobs.some((line) => line.endsWith('terminated')),
    'a friend before and after was never none',
  )
})

test('who subscribes to his list by an alias hears of another friend too', async (t) => {
  const { lab, hss, alice, states } = await scene()
  await lab.during(hss.set({ ...person('alice', ['bob']), aliases: ['wonder'] }), 500)
  const subscribed = await lab.during(
    alice.host.send({
      method: 'SUBSCRIBE',
      to: sip('friends'),
      from: sip('wonder'),
      route: ['<sip:10.0.0.1;lr>'],
      headers: [
        ['Event', 'presence'],
        ['Expires', '600'],
        ['Contact', '<sip:alice@10.0.1.1>'],
        ['Accept', 'application/pidf+xml, application/rlmi+xml, multipart/related'],
        ['Supported', 'eventlist'],
      ],
    }),
    1000,
  )
  t.is(subscribed.status, 200)
  await lab.during(hss.set({ ...person('alice', ['bob', 'carol']), aliases: ['wonder'] }), 1000)
  t.true(states().some(({ resources }) => resources.includes('sip:carol@localhost active none')))
})

test('a list of the dialplan, fetched; nobody who does not know lists gets one', async (t) => {
  const { alice, node, subscribe, states, publish } = await scene()
  await publish('bob', 'desk')
  t.is((await subscribe('team', undefined, 0)).status, 200)
  t.deepEqual(states(), [
    { version: '0', full: true, resources: ['sip:bob@localhost active desk', 'sip:dave@localhost pending'] },
  ])
  t.is(metric(node, 'friends_lists_watched'), 0)
  t.is(metric(node, 'subscriptions_made'), 2)
  const refused = await subscribe('friends', [])
  t.is(refused.status, 421)
  t.is(refused.text('Require'), 'eventlist')
  t.is(alice.got.length, 1)
})

test('whom a list names by any of his identifiers is on it once', async (t) => {
  const { lab, hss, subscribe, states, publish } = await scene()
  await lab.during(hss.set({ ...person('bob', ['alice']), aliases: ['tel:+1-555-0100', 'robert'] }), 500)
  await lab.during(hss.set({ ...person('alice'), friends: ['tel:+15550100', 'robert', 'sip:nobody@localhost'] }), 500)
  await publish('bob', 'desk')
  await subscribe('friends')
  t.deepEqual(states()[0]!.resources, ['sip:bob@localhost active desk', 'sip:nobody@localhost pending'])
})

test('OPTIONS to a list, the dialplan’s or everybody’s own, says what it can (RFC 3261 §11.2, RFC 4662)', async (t) => {
  const { options } = await scene()
  for (const list of ['friends', 'team']) {
    const answer = await options(list)
    t.is(answer.status, 200, list)
    for (const [name, value] of [
      ['Allow', 'SUBSCRIBE, OPTIONS'],
      ['Accept', '*/*'],
      ['Accept-Encoding', 'identity'],
      ['Accept-Language', 'en'],
      ['Supported', 'eventlist'],
      ['Allow-Events', 'presence'],
    ] as const)
      t.is(answer.text(name), value)
  }
  t.is((await options('crowd')).status, 404)
})

test('what ends ends everything behind it', async (t) => {
  const { lab, node, subscribe } = await scene()
  const answer = await subscribe('friends', [['Supported', 'eventlist']], 60)
  t.is(answer.status, 200)
  t.is(answer.text('Require'), 'eventlist')
  t.is(metric(node, 'friends_lists_watched'), 1)
  t.is(metric(node, 'subscriptions_made'), 2 + 3)
  await lab.clock.advance(100_000)
  t.is(metric(node, 'friends_lists_watched'), 0)
  t.is(metric(node, 'subscriptions_made'), 2)
})

test('one who has refused is asked again when the list is; what ended is told once', async (t) => {
  const clock = new ManualClock()
  const asked: { readonly to: string; readonly listener: SubscriptionListener }[] = []
  let changes = 0
  const host = {
    subscribe: ({ to }: { to: string }, listener: SubscriptionListener) => {
      asked.push({ to, listener })
      return { live: true, refresh: () => undefined, unsubscribe: () => undefined }
    },
  } as unknown as Host
  const list = new WatchedList({
    host,
    pages: new Pages(clock),
    uri: sip('friends'),
    watcher: sip('alice'),
    event: 'presence',
    accept: [],
    changed: () => changes++,
  })
  list.hold([sip('bob')])
  const said = (state: 'active' | 'terminated', reason?: string): void => {
    const request = { contentType: undefined, body: Buffer.alloc(0) } as unknown as SipRequest
    asked.at(-1)!.listener.notified({ request, state, reason })
  }
  said('active')
  said('terminated', 'rejected')
  asked[0]!.listener.ended?.({ status: 200, reason: 'rejected' })
  t.is(changes, 2)
  t.like(list.state.resources.get(sip('bob')), { state: 'terminated', reason: 'rejected' })
  list.again()
  await clock.advance(pause)
  t.deepEqual(
    asked.map(({ to }) => to),
    [sip('bob'), sip('bob')],
  )
  said('active')
  t.is(list.state.resources.get(sip('bob'))!.state, 'active')
  list.again()
  await clock.advance(pause)
  t.is(asked.length, 2, 'who is there is not asked again')
  const states = changes
  said('active')
  t.is(changes, states, 'the same again is nothing new')
})
