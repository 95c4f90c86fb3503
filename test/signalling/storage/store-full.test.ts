/** A store that takes nothing: what is refused is in force nowhere, neither for who looks on nor for who asks afterwards. */
import test from 'ava'
import { createApplicationServer } from '../../../elements/application-server/index.ts'
import { createHss } from '../../../elements/hss/index.ts'
import { createMme } from '../../../elements/mme/index.ts'
import { QuotaAccounts } from '../../../elements/pcrf/accounts.ts'
import { Lease } from '../../../elements/pcrf/lease.ts'
import { PolicyRules } from '../../../elements/pcrf/rules.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { memoryStore } from '../../../signalling/storage/memory.ts'
import { all, codeOf, names, type Scene, scene, sip, stateOf } from '../../elements/prose/scene.ts'
import { ElementNetwork, type PlayedSubscription } from '../../support/element-network.ts'
import { Lab } from '../../support/lab.ts'
import { json } from '../../support/requests.ts'
import { metric, requestText, Wire } from '../../support/wire.ts'
import { FailingStore } from '../dialogs/subscriptions-scene.ts'

/** The way to make the network's store refuse everything, and to let it write again. */
function fill({ store }: ElementNetwork): () => void {
  const { write } = store
  store.write = () => Promise.reject(new Error('disk full'))
  return () => {
    store.write = write
  }
}
const bodies = (all: readonly PlayedSubscription[]): number => all.reduce((sum, { bodies: { length } }) => sum + length, 0)

// ---- presence

const pidf = (id: string): string =>
  `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${sip('bob')}"><tuple id="${id}"><status><basic>open</basic></status></tuple></presence>`

async function presence(publications?: number) {
  const network = new ElementNetwork()
  await network.add(createPresence('presence', publications === undefined ? {} : { publications }))
  const publish = (id: string, more: { expires?: number } = {}) =>
    network.ask('presence', 'PUBLISH', sip('bob'), {
      asserted: sip('bob'),
      event: 'presence',
      body: { type: 'application/pidf+xml', content: pidf(id) },
      ...more,
    })
  const watch = async (expires?: number) =>
    (
      await network.ask('presence', 'SUBSCRIBE', sip('bob'), {
        asserted: sip('alice'),
        event: 'presence',
        ...(expires === undefined ? {} : { expires }),
      })
    ).subscription!
  return { network, publish, watch }
}

test('a PUBLISH: no watcher sees it, then or later, and it counts for nothing', async (t) => {
  const { network, publish, watch } = await presence(1)
  const watcher = await watch()
  const countBefore = watcher.bodies.length
  const empty = fill(network)
  t.is((await publish('lost')).status, 500)
  t.is(watcher.bodies.length, countBefore)
  t.regex(String((await watch(0)).bodies.at(-1)!.content), /<basic>closed/)
  empty()
  t.is((await publish('kept')).status, 200, 'the one that was refused takes no place')
  const shown = String(watcher.bodies.at(-1)!.content)
  t.true(shown.includes('id="kept"'))
  t.false(shown.includes('lost'))
})

test('a PUBLISH that would replace another leaves that one as it was, tag and all', async (t) => {
  const { network, publish, watch } = await presence()
  t.is((await publish('first', { expires: 100 })).status, 200)
  const empty = fill(network)
  t.is((await publish('second')).status, 500)
  empty()
  t.is(String((await watch(0)).bodies.at(-1)!.content), pidf('first'))
  await network.clock.advance(100_000)
  t.regex(String((await watch(0)).bodies.at(-1)!.content), /<basic>closed/, 'and it ends in time, store or no store')
})

test('two publications at once are both there', async (t) => {
  const { network, publish, watch } = await presence()
  const [one, two] = await Promise.all([publish('one'), publish('two')])
  t.deepEqual([one.status, two.status], [200, 200])
  await network.settle()
  const shown = String((await watch(0)).bodies.at(-1)!.content)
  t.true(shown.includes('id="one"') && shown.includes('id="two"'))
})

test('a subscription: the presentity hears of no watcher', async (t) => {
  const lab = new Lab()
  const store = new FailingStore(memoryStore(lab.clock))
  const node = await lab.serve(['localhost'], [createPresence('presence', {})], store)
  const wire = await Wire.at(lab, '10.0.5.1')
  wire.onRequest = (request) => wire.answer(request, 200)
  const subscribe = async (from: string, event: string, callId: string): Promise<number> => {
    const lines = [`Event: ${event}`, 'Expires: 600', 'Contact: <sip:x@10.0.5.1>']
    const names = { via: '10.0.5.1', branch: `z9hG4bK-${callId}`, callId, from: sip(from) }
    const before = wire.responses.length
    wire.send(requestText('SUBSCRIBE', sip('alice'), { ...names, lines }))
    await lab.clock.advance(1000)
    return wire.responses[before]!.status
  }
  t.is(await subscribe('alice', 'presence.winfo', 'alice-1'), 200)
  const countBefore = wire.requests.length
  store.failing = true
  t.is(await subscribe('bob', 'presence', 'bob-1'), 500)
  t.is(wire.requests.length, countBefore)
  t.is(metric(node, 'subscriptions_held'), 1)
  t.is(metric(node, 'faults_total'), 0)
  store.failing = false
  t.is(await subscribe('bob', 'presence', 'bob-2'), 200)
  const shown = wire.requests.filter(({ callId }) => callId === 'alice-1').at(-1)!
  t.is([...shown.body.toString().matchAll(/<watcher /g)].length, 1)
})

test('registrations, several at once: the user is where he was, and nobody is called by what was refused', async (t) => {
  const lab = new Lab()
  const store = new FailingStore(memoryStore(lab.clock))
  const elements = [createProxy('proxy', { authenticate: 'none', registration: 'optional' }), createHss('hss', { open: true })]
  const node = await lab.serve(['localhost'], elements, store)
  const phones = await Promise.all([1, 2, 3].map((n) => Wire.at(lab, `10.0.5.${n}`)))
  for (const phone of phones) phone.onRequest = (request) => phone.answer(request, 200)
  let count = 0
  const send = (phone: Wire, method: string, lines: readonly string[], to = sip('bob')): void =>
    phone.send(
      requestText(method, method === 'REGISTER' ? 'sip:localhost' : to, {
        via: phone.here.host,
        branch: `z9hG4bK-${++count}`,
        callId: `${phone.here.host}-${method}`,
        cseq: count,
        from: sip('bob'),
        to,
        lines,
      }),
    )
  const register = (phone: Wire, expires = 600): void =>
    send(phone, 'REGISTER', [`Contact: <sip:bob@${phone.here.host}>`, `Expires: ${expires}`])
  const called = async (): Promise<number[]> => {
    for (const phone of phones) phone.clear()
    send(phones[2]!, 'MESSAGE', [])
    await lab.clock.advance(1000)
    return phones.map(({ requests }) => requests.filter(({ method }) => method === 'MESSAGE').length)
  }
  store.failing = true
  for (const phone of phones.slice(0, 2)) register(phone)
  await lab.clock.advance(100)
  t.deepEqual(
    phones.slice(0, 2).map(({ statuses }) => statuses.at(-1)),
    [500, 500],
  )
  t.deepEqual([await called(), metric(node, 'proxy_users_registered')], [[0, 0, 0], 0])
  store.failing = false
  for (const phone of phones.slice(0, 2)) register(phone)
  await lab.clock.advance(100)
  t.deepEqual(await called(), [1, 1, 0], 'both at once, both there')
  store.failing = true
  register(phones[0]!, 0)
  register(phones[2]!)
  await lab.clock.advance(100)
  t.is(phones[0]!.statuses.at(-1), 500)
  t.deepEqual(await called(), [1, 1, 0])
})

// ---- the proximity server

async function nearby(): Promise<{
  net: Scene
  alice: PlayedSubscription
  bob: PlayedSubscription
  watcher: PlayedSubscription
}> {
  const net = await scene({ mode: 'listed', code: { lifetime: 600, grace: 60 } })
  const alice = await net.join('alice')
  const bob = await net.join('bob')
  await net.watch('bob', { peers: [sip('alice')] })
  const watcher = await net.watch('bob')
  return { net, alice, bob, watcher }
}

test('a report of what was heard, and of what is lost', async (t) => {
  const { net, alice, watcher } = await nearby()
  const empty = fill(net.network)
  const countBefore = watcher.bodies.length
  t.is((await net.report('bob', [codeOf(alice)])).status, 500)
  t.is(watcher.bodies.length, countBefore)
  t.is(net.metric('relations'), 0)
  t.deepEqual(names((await net.query('bob', undefined, { expires: 0 })).subscription!.last), [])
  empty()
  t.is((await net.report('bob', [codeOf(alice)], [], { rssi: -40 })).status, 200)
  t.deepEqual(names(watcher.last), [sip('alice')])
  const full = fill(net.network)
  await net.network.clock.advance(1000)
  t.is((await net.report('bob', [codeOf(alice)], [], { rssi: -90 })).status, 500)
  t.is((await net.report('bob', [], [codeOf(alice)])).status, 500)
  const [entry] = ((await net.query('bob', undefined, { expires: 0 })).subscription!.last as { proximate: { rssi: number }[] })
    .proximate
  t.is(entry!.rssi, -40, 'neither later nor weaker')
  full()
})

test('a request for the service, one for other roles, and a set', async (t) => {
  const { net, alice, bob } = await nearby()
  const empty = fill(net.network)
  const countBefore = bodies([alice, bob])
  t.is((await net.request('carol')).status, 500)
  t.is(await alice.refresh(json('prose-request', { roles: ['discoverer'] })), 500)
  t.truthy(stateOf(alice).announce, 'alice has both roles still')
  t.is((await net.query('bob', { peers: [sip('carol')], wake: true })).status, 500)
  t.deepEqual([bodies([alice, bob]), net.metric('codes'), net.metric('devices')], [countBefore, 2, 2])
  empty()
  const carol = await net.join('carol')
  t.false(stateOf(bob).monitor!.codes.includes(codeOf(carol)), 'the set that was refused put nobody on the list')
})

test('a trigger', async (t) => {
  const { net, alice } = await nearby()
  const countBefore = alice.bodies.length
  const empty = fill(net.network)
  t.is((await net.trigger(sip('as'), { device: sip('alice'), application: 'chess', set: [sip('bob')] })).status, 500)
  t.is(alice.bodies.length, countBefore)
  empty()
  t.is((await net.trigger(sip('as'), { device: sip('alice'), application: 'chess', add: [sip('carol')] })).status, 200)
  const carol = await net.join('carol')
  t.deepEqual(stateOf(alice).monitor!.codes, [codeOf(carol)], 'and not bob, who was refused')
})

test('a code is replaced when its successor is durable, and tried again until it is', async (t) => {
  const { net, alice, bob } = await nearby()
  const first = codeOf(alice)
  const empty = fill(net.network)
  await net.network.clock.advance(545_000)
  t.is(codeOf(alice), first)
  t.deepEqual(stateOf(bob).monitor!.codes, [first])
  empty()
  await net.network.clock.advance(5_100)
  t.not(codeOf(alice), first)
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(alice), first])
  t.is((await net.report('bob', [codeOf(alice)])).status, 200)
})

// ---- MME, application server, HSS, PCRF

test('an attachment', async (t) => {
  const network = new ElementNetwork()
  await network.add(createHss('hss', { subscribers: [{ id: 'alice', permissions: all }] }))
  await network.add(createMme('mme', {}))
  const attach = () => network.ask('mme', 'SUBSCRIBE', sip('mme'), { asserted: sip('alice'), event: 'attach' })
  const empty = fill(network)
  t.is((await attach()).status, 500)
  t.deepEqual([network.metric('mme', 'attached'), network.metric('mme', 'temporary_identifiers')], [0, 0])
  empty()
  t.is((await attach()).status, 200)
  t.is(network.metric('mme', 'attached'), 1)
})

test('a user of an application who leaves, or takes another name', async (t) => {
  const network = new ElementNetwork()
  const people = ['alice', 'bob'].map((id) => ({ id, permissions: all }))
  await network.add(createHss('hss', { subscribers: people, servers: [{ uri: 'as', application: 'chess' }] }))
  await network.add(createApplicationServer('as', { application: 'chess' }))
  const register = (user: string, more: object = {}) =>
    network.ask('as', 'MESSAGE', sip('as'), {
      asserted: sip(user),
      body: json('user-registration', { device: sip(user), user: sip(user), application: 'chess', ...more }),
    })
  t.is((await register('alice')).status, 200)
  const empty = fill(network)
  t.is((await register('alice', { expires: 0 })).status, 500)
  t.is((await register('bob')).status, 500)
  t.is(network.metric('as', 'users'), 1)
  empty()
  t.is((await register('alice', { user: 'msn:al' })).status, 200)
  t.is((await register('alice', { expires: 0 })).status, 200)
  t.is(network.metric('as', 'users'), 0)
})

test('a change of a subscriber', async (t) => {
  const network = new ElementNetwork()
  const hss = createHss('hss', { subscribers: [{ id: 'alice', permissions: all }], askers: ['checker'] })
  await network.add(hss)
  const feed = (await network.ask('hss', 'SUBSCRIBE', sip('hss'), { asserted: sip('checker'), event: 'subscription-data' }))
    .subscription!
  const countBefore = feed.bodies.length
  const ask = async (user: string): Promise<unknown> =>
    (
      await network.ask('hss', 'SUBSCRIBE', sip('hss'), {
        asserted: sip('checker'),
        event: 'subscription-data',
        expires: 0,
        body: json('subscription-query', { device: sip(user) }),
      })
    ).subscription!.last
  const before = [await ask('alice'), await ask('zoe')].map((body) => (body as { records: unknown }).records)
  const empty = fill(network)
  await t.throwsAsync(hss.set({ id: 'alice', permissions: { discoverable: false, discoverer: false } }))
  await t.throwsAsync(hss.set({ id: 'zoe', permissions: all }))
  await t.throwsAsync(hss.remove('alice'))
  await t.throwsAsync(Promise.resolve(hss.reload!({ subscribers: [{ id: 'zoe', permissions: all }], askers: ['checker'] })))
  empty()
  await network.settle()
  t.is(feed.bodies.length, countBefore)
  t.deepEqual(
    [await ask('alice'), await ask('zoe')].map((body) => (body as { records: unknown }).records),
    before,
  )
  t.is(network.metric('hss', 'subscribers'), 1)
})

test('units of a quota: what was not granted is not booked', async (t) => {
  const network = new ElementNetwork()
  const { store, clock } = network
  const rules = new PolicyRules([{ name: 'ten', quota: { count: 10, per: 'day' }, decision: 'allow' }], 'deny', ['localhost'])
  const accounts = new QuotaAccounts(store, 'pcrf')
  const ground = { store, accounts, blocks: { count: 4, time: 60_000 }, rules: () => rules, now: () => clock.date() }
  const lease = new Lease(ground, sip('alice'), sip('prose'), { lease: 'one', service: 'proximity', used: 0 })
  const empty = fill(network)
  await t.throwsAsync(lease.decide())
  await t.throwsAsync(lease.decide())
  t.like(lease, { granted: undefined, decision: 'deny' })
  empty()
  await lease.decide()
  t.like(lease, { granted: 4, decision: 'allow' })
  lease.report(4)
  await lease.decide()
  lease.report(8)
  const full = fill(network)
  await t.throwsAsync(lease.decide())
  full()
  await lease.decide()
  t.like(lease, { granted: 10, decision: 'allow' }, 'all ten, and no more')
  lease.report(10)
  await lease.decide()
  t.is(lease.decision, 'deny')
})
