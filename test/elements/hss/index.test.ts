/** The HSS (SPEC §6.1). */
import test from 'ava'
import { createHss, type HssSettings } from '../../../elements/hss/index.ts'
import type { SubscriptionData } from '../../../elements/schemas/index.ts'
import { ha1 } from '../../../signalling/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { json } from '../../support/requests.ts'
import { alice, all, bob, hssAlone, none, settings } from './scene.ts'

test('a record by identifier and by alias, in any form', async (t) => {
  const { fetch } = await hssAlone()
  const record = await fetch(alice)
  t.like(record, { id: alice, aliases: ['tel:+4930111', 'sip:192.0.2.1'], permissions: all, friends: [bob] })
  t.deepEqual(await fetch('tel:+4930111'), record)
  t.deepEqual(await fetch('192.0.2.1'), record)
  t.deepEqual(await fetch('sip:alice@127.0.0.1:5099'), record)
  t.is((await fetch(bob))!.permissions.discoverer, false)
  t.is(await fetch('sip:nobody@localhost'), undefined)
})

test('passwords become H(A1) of the first domain; only the proxy sees credentials', async (t) => {
  const { fetch, hss } = await hssAlone()
  t.is((await fetch(alice))!.credentials, undefined)
  t.deepEqual((await fetch(alice, 'sip:proxy@localhost'))!.credentials, {
    MD5: ha1('MD5', 'alice', 'localhost', 'alice-proxima'),
    'SHA-256': ha1('SHA-256', 'alice', 'localhost', 'alice-proxima'),
  })
  t.false(JSON.stringify(hss.get('alice')).includes('alice-proxima'))
})

test('credentials go to whatever the proxy is called', async (t) => {
  const { fetch, hss, ask, network } = await hssAlone({ ...settings, askers: ['edge', 'proxy'], proxies: ['edge'] })
  t.truthy((await fetch(alice, 'sip:edge@localhost'))!.credentials)
  t.is((await fetch(alice, 'sip:proxy@localhost'))!.credentials, undefined)
  const { subscription } = await ask('sip:edge@localhost')
  await hss.set({ id: 'alice', password: 'another', permissions: all })
  await network.settle()
  const { records } = subscription!.last as SubscriptionData
  t.is(records![0]!.credentials!.MD5, ha1('MD5', 'alice', 'localhost', 'another'))
})

test('only elements of our domains may ask', async (t) => {
  const { ask } = await hssAlone()
  for (const asserted of [undefined, alice, 'sip:proxy@elsewhere.example', 'tel:+1']) t.is((await ask(asserted)).status, 403)
  t.is((await ask('sip:gmlc@127.0.0.1')).status, 200)
  const named = await hssAlone({ ...settings, askers: ['as-chess'] })
  t.is((await named.ask('sip:as-chess@localhost')).status, 200)
  t.is((await named.ask('sip:prose@localhost')).status, 403)
})

test('a subscriber that is called like an element is none', async (t) => {
  const { ask, hss } = await hssAlone({ subscribers: [{ id: 'as', permissions: all }] })
  t.is((await ask('sip:as@localhost')).status, 403)
  t.is((await ask('sip:mme@localhost')).status, 200)
  await hss.set({ id: 'mme', permissions: all })
  t.is((await ask('sip:mme@localhost')).status, 403)
})

test('a malformed question is refused', async (t) => {
  const { ask } = await hssAlone()
  t.is((await ask('sip:prose@localhost', { body: json('subscription-query', {}) })).status, 400)
  t.is((await ask('sip:prose@localhost', { body: json('prose-match', { heard: [] }) })).status, 415)
})

test('faults of provisioning are named at start', async (t) => {
  t.throws(() => createHss('hss', { subscribers: [{ id: 'a' } as never] }), { message: /\/0.*permissions/ })
  t.throws(() => createHss('hss', { records: { users: [] } }), { message: /provisioning file/ })
  const start = (given: HssSettings) => t.throwsAsync(new ElementNetwork().add(createHss('hss', given)))
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
  t.truthy(await (await hssAlone({ records: list })).fetch('sip:zoe@localhost'))
  t.truthy(await (await hssAlone({ records: { subscribers: list } })).fetch('sip:zoe@localhost'))
})

test('an open network has every user of our domains, without credentials, and no element', async (t) => {
  const { fetch } = await hssAlone({ open: true })
  t.deepEqual(await fetch('sip:anyone@127.0.0.1', 'sip:proxy@localhost'), { id: 'sip:anyone@localhost', permissions: all })
  t.is(await fetch('sip:anyone@elsewhere.example'), undefined)
  t.is(await fetch('sip:prose@localhost'), undefined)
})

test('the feed says the version, then what changed since', async (t) => {
  const { ask, hss, network } = await hssAlone()
  const feed = (await ask('sip:prose@localhost')).subscription!
  const { version } = feed.last as SubscriptionData
  t.deepEqual(feed.last, { version })
  await hss.set({ id: 'alice', permissions: none, password: 'x' })
  await network.settle()
  const changed = feed.last as SubscriptionData
  t.like(changed, { version: version + 1, since: version, removed: [] })
  t.like(changed.records![0], { id: alice, permissions: none })
  t.is(changed.records![0]!.credentials, undefined)
  feed.slow = true
  await hss.set({ id: 'yan', permissions: all }) // under way, and not answered
  await network.settle()
  await hss.set({ id: 'alice', permissions: all })
  await hss.set({ id: 'zoe', permissions: all })
  t.true(await hss.remove('bob'))
  t.false(await hss.remove('bob'))
  await feed.catchUp()
  const merged = feed.last as SubscriptionData
  t.like(merged, { version: version + 5, since: version + 2, removed: [bob] })
  t.deepEqual(merged.records!.map(({ id }) => id).sort(), [alice, 'sip:zoe@localhost'])
})

test('too many changes for one NOTIFY: only the version, so everything is read again', async (t) => {
  const { ask, hss, network } = await hssAlone()
  const feed = (await ask('sip:prose@localhost')).subscription!
  feed.slow = true
  await hss.set({ id: 'yan', permissions: all }) // under way, and not answered
  await network.settle()
  for (let i = 0; i < 101; i++) await hss.set({ id: `u${i}`, permissions: all })
  await feed.catchUp()
  t.deepEqual(Object.keys(feed.last as object), ['version'])
})

test('application servers that every subscriber allows stand beside those of his own list, and may change', async (t) => {
  const own = { uri: 'sip:own@localhost', application: 'org.example.chess' }
  const shared = { uri: 'sip:as@localhost', application: 'org.example.nearby' }
  const subscribers = [{ id: 'alice', permissions: all, servers: [own] }]
  const given = { subscribers, servers: [{ uri: 'as', application: 'org.example.nearby' }] }
  const { fetch, ask, hss, network } = await hssAlone(given)
  t.deepEqual((await fetch(alice))!.servers, [own, shared])
  t.deepEqual(hss.get('alice')!.servers, [own], 'the record itself is as it was provisioned')
  const feed = (await ask('sip:prose@localhost')).subscription!
  const { version } = feed.last as SubscriptionData
  t.deepEqual(await hss.reload!({ ...given, servers: [] }), [])
  await network.settle()
  t.deepEqual(feed.last, { version: version + 1 }, 'everything is to be read again')
  t.deepEqual((await fetch(alice))!.servers, [own])
  const again = await hssAlone(given, network)
  t.deepEqual((await again.ask('sip:prose@localhost')).subscription!.last, { version: version + 2 })
  t.deepEqual((await (await hssAlone({ open: true, servers: given.servers })).fetch('sip:any@localhost'))!.servers, [shared])
})

test('one record may be followed', async (t) => {
  const { ask, hss, network } = await hssAlone()
  const one = (await ask('sip:prose@localhost', { body: json('subscription-query', { device: 'tel:+4930111' }) })).subscription!
  await hss.set({ id: 'bob', permissions: all })
  await network.settle()
  t.is(one.bodies.length, 1)
  await hss.set({ id: 'alice', aliases: ['tel:+4930111'], permissions: none })
  await network.settle()
  t.like((one.last as SubscriptionData).records![0], { id: alice, permissions: none })
  await hss.remove('alice')
  await network.settle()
  t.deepEqual((one.last as SubscriptionData).records, [])
  await one.end()
  const { length } = one.bodies
  await hss.set({ id: 'alice', aliases: ['tel:+4930111'], permissions: none })
  await network.settle()
  t.is(one.bodies.length, length)
})

test('changes at run time survive a restart, until the file says otherwise', async (t) => {
  const { network, hss, ask } = await hssAlone()
  const feed = (await ask('sip:prose@localhost')).subscription!
  await hss.set({ id: 'alice', password: 'new', permissions: none })
  await hss.set({ id: 'zoe', permissions: all })
  await hss.remove('bob')
  await network.settle()
  const { version } = feed.last as SubscriptionData
  const again = await hssAlone(settings, network)
  t.is(again.hss.get('alice')!.credentials!.MD5, ha1('MD5', 'alice', 'localhost', 'new'))
  t.truthy(again.hss.get('zoe'))
  t.is(again.hss.get('bob'), undefined)
  t.deepEqual(feed.last, { version }, 'nothing changed meanwhile')
  const edited = await hssAlone({ subscribers: [settings.subscribers![0]!, { id: 'bob', permissions: all }] }, network)
  t.deepEqual(edited.hss.get('bob')!.permissions, all)
  t.deepEqual(edited.hss.get('alice')!.permissions, none)
  t.is((feed.last as SubscriptionData).version, version + 1)
})

test('what cannot be a subscriber is not set', async (t) => {
  const { hss } = await hssAlone()
  await t.throwsAsync(hss.set({ id: 'a' } as never), { message: /permissions/ })
  await t.throwsAsync(hss.set({ id: 'zoe', aliases: ['tel:+4930111'], permissions: all }), { message: /belongs to/ })
  t.is(hss.get('zoe'), undefined)
})
