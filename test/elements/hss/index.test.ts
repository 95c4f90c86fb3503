/** The HSS and the cache that elements keep of it (SPEC §6.1). */
import test from 'ava'
import { createHss, type HssSettings } from '../../../elements/hss/index.ts'
import type { SubscriberRecord, SubscriptionData } from '../../../elements/schemas/index.ts'
import { LookupFailed, Subscribers } from '../../../elements/shared/clients/subscribers.ts'
import { type Element, ha1 } from '../../../signalling/index.ts'
import { type Asking, FakeNetwork, fakeRequest, json } from '../../support/fake-host.ts'

const all = { discoverable: true, discoverer: true }
const none = { discoverable: false, discoverer: false }
const settings: HssSettings = {
  subscribers: [
    { id: 'alice', password: 'alice-proxima', permissions: all, aliases: ['tel:+49-30-111', '192.0.2.1'], friends: ['bob'] },
    { id: 'sip:bob@127.0.0.1', credentials: { MD5: '0'.repeat(32) }, permissions: none },
  ],
}
const alice = 'sip:alice@localhost'
const bob = 'sip:bob@localhost'

async function open(given: HssSettings = settings, network = new FakeNetwork()) {
  const hss = createHss('hss', given)
  await network.add(hss)
  const ask = (asserted: string | undefined, more: Asking = {}) =>
    network.ask('hss', 'SUBSCRIBE', 'sip:hss@localhost', { asserted, event: 'subscription-data', ...more })
  const fetch = async (device: string, asserted = 'sip:prose@localhost') => {
    const { notifier } = await ask(asserted, { expires: 0, body: json('subscription-query', { device }) })
    return (notifier!.last as SubscriptionData).records![0]
  }
  return { network, hss, ask, fetch }
}

test('a record by identifier and by alias, in any form', async (t) => {
  const { fetch } = await open()
  const record = await fetch(alice)
  t.like(record, { id: alice, aliases: ['tel:+4930111', 'sip:192.0.2.1'], permissions: all, friends: [bob] })
  t.deepEqual(await fetch('tel:+4930111'), record)
  t.deepEqual(await fetch('192.0.2.1'), record)
  t.deepEqual(await fetch('sip:alice@127.0.0.1:5099'), record)
  t.is((await fetch(bob))!.permissions.discoverer, false)
  t.is(await fetch('sip:nobody@localhost'), undefined)
})

test('passwords become H(A1) of the first domain; only the proxy sees credentials', async (t) => {
  const { fetch, hss } = await open()
  t.is((await fetch(alice))!.credentials, undefined)
  t.deepEqual((await fetch(alice, 'sip:proxy@localhost'))!.credentials, {
    MD5: ha1('MD5', 'alice', 'localhost', 'alice-proxima'),
    'SHA-256': ha1('SHA-256', 'alice', 'localhost', 'alice-proxima'),
  })
  t.false(JSON.stringify(hss.get('alice')).includes('alice-proxima'))
})

test('credentials go to whatever the proxy is called', async (t) => {
  const { fetch, hss, ask } = await open({ ...settings, askers: ['edge', 'proxy'], proxies: ['edge'] })
  t.truthy((await fetch(alice, 'sip:edge@localhost'))!.credentials)
  t.is((await fetch(alice, 'sip:proxy@localhost'))!.credentials, undefined)
  const { notifier } = await ask('sip:edge@localhost')
  await hss.set({ id: 'alice', password: 'another', permissions: all })
  const { records } = notifier!.last as SubscriptionData
  t.is(records![0]!.credentials!.MD5, ha1('MD5', 'alice', 'localhost', 'another'))
})

test('only elements of our domains may ask', async (t) => {
  const { ask } = await open()
  for (const asserted of [undefined, alice, 'sip:proxy@elsewhere.example', 'tel:+1']) t.is((await ask(asserted)).status, 403)
  t.is((await ask('sip:gmlc@127.0.0.1')).status, 200)
  const named = await open({ ...settings, askers: ['as-chess'] })
  t.is((await named.ask('sip:as-chess@localhost')).status, 200)
  t.is((await named.ask('sip:prose@localhost')).status, 403)
})

test('a subscriber that is called like an element is none', async (t) => {
  const { ask, hss } = await open({ subscribers: [{ id: 'as', permissions: all }] })
  t.is((await ask('sip:as@localhost')).status, 403)
  t.is((await ask('sip:mme@localhost')).status, 200)
  await hss.set({ id: 'mme', permissions: all })
  t.is((await ask('sip:mme@localhost')).status, 403)
})

test('a malformed question is refused', async (t) => {
  const { ask } = await open()
  t.is((await ask('sip:prose@localhost', { body: json('subscription-query', {}) })).status, 400)
  t.is((await ask('sip:prose@localhost', { body: json('prose-match', { heard: [] }) })).status, 415)
})

test('faults of provisioning are named at start', async (t) => {
  t.throws(() => createHss('hss', { subscribers: [{ id: 'a' } as never] }), { message: /\/0.*permissions/ })
  t.throws(() => createHss('hss', { records: { users: [] } }), { message: /provisioning file/ })
  const start = (given: HssSettings) => t.throwsAsync(new FakeNetwork().add(createHss('hss', given)))
  t.regex(
    (await start({
      subscribers: [
        { id: 'a', permissions: all },
        { id: 'sip:a@127.0.0.1', permissions: all },
      ],
    }))!.message,
    /twice/,
  )
  t.regex((await start({ subscribers: [{ id: 'a b', permissions: all }] }))!.message, /is no identifier; expected a URI/)
  const twice = [
    { id: 'a', permissions: all, aliases: ['tel:1'] },
    { id: 'b', permissions: all, aliases: ['tel:1'] },
  ]
  t.regex((await start({ subscribers: twice }))!.message, /alias tel:1/)
  t.regex((await start({ subscribers: [twice[0]!, { id: 'tel:1', permissions: all }] }))!.message, /is an alias of/)
})

test('the provisioning file may be a list or have one', async (t) => {
  const list = [{ id: 'zoe', permissions: all }]
  t.truthy(await (await open({ records: list })).fetch('sip:zoe@localhost'))
  t.truthy(await (await open({ records: { subscribers: list } })).fetch('sip:zoe@localhost'))
})

test('an open network has every user of our domains, without credentials, and no element', async (t) => {
  const { fetch } = await open({ open: true })
  t.deepEqual(await fetch('sip:anyone@127.0.0.1', 'sip:proxy@localhost'), { id: 'sip:anyone@localhost', permissions: all })
  t.is(await fetch('sip:anyone@elsewhere.example'), undefined)
  t.is(await fetch('sip:prose@localhost'), undefined)
})

test('the feed says the version, then what changed since', async (t) => {
  const { ask, hss } = await open()
  const feed = (await ask('sip:prose@localhost')).notifier!
  const { version } = feed.last as SubscriptionData
  t.deepEqual(feed.last, { version })
  await hss.set({ id: 'alice', permissions: none, password: 'x' })
  const told = feed.last as SubscriptionData
  t.like(told, { version: version + 1, since: version, removed: [] })
  t.like(told.records![0], { id: alice, permissions: none })
  t.is(told.records![0]!.credentials, undefined)
  feed.slow = true
  await hss.set({ id: 'alice', permissions: all })
  await hss.set({ id: 'zoe', permissions: all })
  t.true(await hss.remove('bob'))
  t.false(await hss.remove('bob'))
  feed.catchUp()
  const merged = feed.last as SubscriptionData
  t.like(merged, { version: version + 4, since: version + 1, removed: [bob] })
  t.deepEqual(merged.records!.map(({ id }) => id).sort(), [alice, 'sip:zoe@localhost'])
})

test('too many changes for one NOTIFY: only the version, so everything is read again', async (t) => {
  const { ask, hss } = await open()
  const feed = (await ask('sip:prose@localhost')).notifier!
  feed.slow = true
  for (let i = 0; i < 101; i++) await hss.set({ id: `u${i}`, permissions: all })
  feed.catchUp()
  t.deepEqual(Object.keys(feed.last as object), ['version'])
})

test('application servers that every subscriber allows stand beside those of his own list, and may change', async (t) => {
  const own = { uri: 'sip:own@localhost', application: 'org.example.chess' }
  const shared = { uri: 'sip:as@localhost', application: 'org.example.nearby' }
  const subscribers = [{ id: 'alice', permissions: all, servers: [own] }]
  const given = { subscribers, servers: [{ uri: 'as', application: 'org.example.nearby' }] }
  const { fetch, ask, hss, network } = await open(given)
  t.deepEqual((await fetch(alice))!.servers, [own, shared])
  t.deepEqual(hss.get('alice')!.servers, [own], 'the record itself is as it was provisioned')
  const feed = (await ask('sip:prose@localhost')).notifier!
  const { version } = feed.last as SubscriptionData
  t.deepEqual(await hss.reload!({ ...given, servers: [] }), [])
  t.deepEqual(feed.last, { version: version + 1 }, 'everything is to be read again')
  t.deepEqual((await fetch(alice))!.servers, [own])
  const again = await open(given, network)
  t.deepEqual((await again.ask('sip:prose@localhost')).notifier!.last, { version: version + 2 })
  t.deepEqual((await (await open({ open: true, servers: given.servers })).fetch('sip:any@localhost'))!.servers, [shared])
})

test('one record may be followed', async (t) => {
  const { ask, hss } = await open()
  const one = (await ask('sip:prose@localhost', { body: json('subscription-query', { device: 'tel:+4930111' }) })).notifier!
  await hss.set({ id: 'bob', permissions: all })
  t.is(one.bodies.length, 1)
  await hss.set({ id: 'alice', aliases: ['tel:+4930111'], permissions: none })
  t.like((one.last as SubscriptionData).records![0], { id: alice, permissions: none })
  await hss.remove('alice')
  t.deepEqual((one.last as SubscriptionData).records, [])
  one.end('timeout')
  await hss.set({ id: 'alice', aliases: ['tel:+4930111'], permissions: none })
  t.is(one.bodies.length, 3)
})

test('changes at run time survive a restart, until the file says otherwise', async (t) => {
  const { network, hss, ask } = await open()
  const feed = (await ask('sip:prose@localhost')).notifier!
  await hss.set({ id: 'alice', password: 'new', permissions: none })
  await hss.set({ id: 'zoe', permissions: all })
  await hss.remove('bob')
  const { version } = feed.last as SubscriptionData
  const again = await open(settings, network)
  t.is(again.hss.get('alice')!.credentials!.MD5, ha1('MD5', 'alice', 'localhost', 'new'))
  t.truthy(again.hss.get('zoe'))
  t.is(again.hss.get('bob'), undefined)
  const restored = [...network.hosts.get('hss')!.notifiers][0]!
  t.deepEqual(restored.last, { version }, 'nothing changed meanwhile')
  const edited = await open({ subscribers: [settings.subscribers![0]!, { id: 'bob', permissions: all }] }, network)
  t.deepEqual(edited.hss.get('bob')!.permissions, all)
  t.deepEqual(edited.hss.get('alice')!.permissions, none)
  t.is(([...network.hosts.get('hss')!.notifiers][0]!.last as SubscriptionData).version, version + 1)
})

test('what cannot be a subscriber is not set', async (t) => {
  const { hss } = await open()
  await t.throwsAsync(hss.set({ id: 'a' } as never), { message: /permissions/ })
  await t.throwsAsync(hss.set({ id: 'zoe', aliases: ['tel:+4930111'], permissions: all }), { message: /belongs to/ })
  t.is(hss.get('zoe'), undefined)
})

// ---- the cache

async function cached(given: HssSettings = settings, limits = {}) {
  const { network, hss } = await open(given)
  const element: Element = { name: 'prose', claims: [], handle: () => undefined }
  const host = await network.add(element)
  const cache = new Subscribers(host, 'sip:hss@localhost', limits)
  const changes: [string, SubscriberRecord | undefined][] = []
  cache.onChange((id, record) => changes.push([id, record]))
  cache.start()
  await network.clock.settle()
  const fetches = () => host.counts.get('subscriber_fetches') ?? 0
  const look = async (key: string) => {
    const found = cache.lookup(key)
    await network.clock.settle()
    return found
  }
  const hssHost = () => network.hosts.get('hss')!
  const feed = () => [...hssHost().notifiers].find(({ resource }) => resource === '')!
  return { network, hss, cache, changes, fetches, look, feed, host }
}

test('cache: the common path costs no query, unknown ones included', async (t) => {
  const { cache, look, fetches } = await cached()
  t.is((await look('sip:alice@127.0.0.1'))!.id, alice)
  t.is((cache.lookup(alice) as SubscriberRecord).id, alice)
  t.is((cache.lookup('tel:+49-30-111') as SubscriberRecord).id, alice)
  t.is(await look('sip:nobody@localhost'), undefined)
  t.is(cache.lookup('sip:nobody@localhost'), undefined)
  t.is(cache.lookup('nonsense'), undefined)
  t.is(fetches(), 2)
})

test('cache: one fetch at a time for a device', async (t) => {
  const { cache, network, fetches } = await cached()
  const both = Promise.all([cache.lookup(alice), cache.lookup(alice)])
  await network.clock.settle()
  const [one, two] = await both
  t.is(one, two)
  t.is(fetches(), 1)
})

test('cache: changes come by the feed', async (t) => {
  const { cache, hss, look, changes, network, fetches } = await cached()
  await look(alice)
  await look('sip:zoe@localhost')
  await look('tel:+1')
  await hss.set({ id: 'alice', permissions: none })
  await hss.set({ id: 'zoe', permissions: all, aliases: ['tel:+1'] })
  await network.clock.settle()
  t.deepEqual((cache.lookup(alice) as SubscriberRecord).permissions, none)
  t.is((await look('tel:+4930111'))?.id, undefined, 'the alias is gone')
  t.is((await look('sip:zoe@localhost'))!.id, 'sip:zoe@localhost')
  t.is((await look('tel:+1'))!.id, 'sip:zoe@localhost')
  await hss.remove('alice')
  await network.clock.settle()
  t.is(await look(alice), undefined)
  t.deepEqual(
    changes.map(([id, record]) => [id, record?.permissions]),
    [
      [alice, none],
      ['sip:zoe@localhost', all],
      [alice, undefined],
    ],
  )
  t.true(fetches() <= 7)
})

test('cache: an answer that a change overtook is asked again', async (t) => {
  const { cache, hss, network, feed } = await cached()
  const answer = cache.lookup(alice) as Promise<SubscriberRecord>
  // the HSS answers with the old record, and the change reaches the feed first
  await hss.set({ id: 'alice', permissions: none })
  await network.clock.settle()
  t.deepEqual((await answer).permissions, none)
  t.truthy(feed().live)
})

test('cache: a version told twice, of many changes and of one behind them, leaves no question open', async (t) => {
  const { hss, look, network, fetches } = await cached()
  await look(alice)
  await hss.provision(
    Array.from({ length: 101 }, (_, i) => ({ do: 'put', settings: { id: `u${i}`, permissions: all } }) as const),
  )
  await hss.set({ id: 'alice', permissions: none })
  await network.clock.advance(1000)
  const before = fetches()
  t.is(await look('sip:nobody@localhost'), undefined)
  t.is(fetches(), before + 1)
})

test('cache: where the feed stays ahead of every answer, a question is refused after a while, and time passes meanwhile', async (t) => {
  const { cache, look, network, feed, fetches } = await cached()
  const record = (await look(alice))!
  const { version } = JSON.parse(String(feed().bodies.at(-1)!.content)) as SubscriptionData
  const part = json('subscription-data', { version, since: version, records: [record] }) // and the rest never comes
  const request = fakeRequest('NOTIFY', 'sip:prose@localhost', { event: 'subscription-data', body: part })
  feed()['listener']!.notified({ request, state: 'active', reason: undefined })
  const before = fetches()
  const refused = t.throwsAsync(async () => cache.lookup('sip:nobody@localhost'), { instanceOf: LookupFailed, message: /504/ })
  await network.clock.advance(5000)
  await refused
  t.is(fetches(), before + 1)
  t.is((await look(alice))!.id, alice, 'whoever is known is served')
})

test('cache: a lost feed is taken up again and everything is read again', async (t) => {
  const { cache, hss, look, changes, network, feed } = await cached(settings, { rereads: 1 })
  await look(alice)
  await look(bob)
  await look('sip:zoe@localhost')
  feed().end('deactivated')
  await network.clock.settle()
  await hss.set({ id: 'alice', permissions: none, aliases: ['tel:+4930111'] })
  await hss.set({ id: 'zoe', permissions: all })
  await hss.remove('bob')
  await network.clock.settle()
  t.deepEqual((cache.lookup(alice) as SubscriberRecord).permissions, all, 'nothing heard yet')
  network.deaf.add('hss')
  await network.clock.advance(500)
  network.deaf.clear()
  await network.clock.advance(1000)
  t.deepEqual((cache.lookup(alice) as SubscriberRecord).permissions, none)
  t.is(await look(bob), undefined)
  t.is((await look('sip:zoe@localhost'))!.id, 'sip:zoe@localhost')
  t.deepEqual(changes.map(([id]) => id).sort(), [alice, bob])
})

test('cache: a feed that comes back without any change costs nothing', async (t) => {
  const { cache, look, network, feed, fetches } = await cached()
  await look(alice)
  feed().end('deactivated')
  await network.clock.advance(500)
  t.truthy(feed())
  t.is((cache.lookup(alice) as SubscriberRecord).id, alice)
  t.is(fetches(), 1)
})

test('cache: reading again goes on after the HSS was away', async (t) => {
  const { cache, hss, look, network, feed } = await cached()
  await look(alice)
  await hss.set({ id: 'zoe', permissions: all })
  feed().slow = true
  for (let i = 0; i < 101; i++) await hss.set({ id: `u${i}`, permissions: all })
  feed().catchUp()
  network.deaf.add('hss')
  await network.clock.settle()
  t.true(cache.lookup(alice) instanceof Promise)
  await t.throwsAsync(look(alice), { instanceOf: LookupFailed })
  network.deaf.clear()
  await network.clock.advance(1000)
  t.is((cache.lookup(alice) as SubscriberRecord).id, alice)
})

test('cache: bounded, for known and unknown', async (t) => {
  const { look, host } = await cached({ open: true }, { records: 10, unknown: 5 })
  for (let i = 0; i < 30; i++) {
    await look(`sip:u${i}@localhost`)
    await look(`sip:u${i}@elsewhere.example`)
  }
  t.is(host.size('subscribers_cached'), 15)
})

test('cache: a lookup without an answer rejects and is not remembered', async (t) => {
  const { look, network, cache } = await cached()
  network.deaf.add('hss')
  await t.throwsAsync(look(alice), { instanceOf: LookupFailed, message: /408/ })
  network.deaf.clear()
  t.is((await look(alice))!.id, alice)
  t.is((cache.lookup(alice) as SubscriberRecord).id, alice)
})
