/** Subscribers changed at run time: by themselves, in batches, over restarts, and by a file that is edited later. */
import test from 'ava'
import { createHss, type HssSettings } from '../../../elements/hss/index.ts'
import { mergePatch, type ProvisioningOutcome, type WantedChange } from '../../../elements/hss/provisioning.ts'
import type { SubscriptionData } from '../../../elements/schemas/index.ts'
import { ha1 } from '../../../signalling/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'

const all = { discoverable: true, discoverer: true }
const none = { discoverable: false, discoverer: false }
const alice = 'sip:alice@localhost'
const file: HssSettings = {
  subscribers: [{ id: 'alice', password: 'alice-proxima', permissions: all, aliases: ['tel:+49-30-111'] }],
  askers: ['prose', 'proxy'],
}

async function open(settings: HssSettings = file, network = new ElementNetwork()) {
  const hss = createHss('hss', settings)
  await network.add(hss)
  const make = async (wanted: WantedChange): Promise<ProvisioningOutcome> => (await hss.provision([wanted]))[0]!
  const put = (settings: object, more: object = {}) => make({ do: 'put', settings, ...more })
  const feed = async () =>
    (await network.ask('hss', 'SUBSCRIBE', 'sip:hss@localhost', { asserted: 'sip:prose@localhost', event: 'subscription-data' }))
      .subscription!
  return { network, hss, make, put, feed }
}

test('put adds, changes and leaves alone; what differs is named', async (t) => {
  const { put, hss } = await open()
  t.like(await put({ id: 'zoe', permissions: all, password: 'x' }), { done: 'added' })
  t.like(await put({ id: 'zoe', permissions: none, aliases: ['tel:+1'] }), {
    done: 'changed',
    members: ['aliases', 'permissions'],
  })
  t.like(await put({ id: 'sip:zoe@localhost', permissions: none, aliases: ['tel:+1'] }), { done: 'unchanged', members: [] })
  t.is(hss.held('zoe')!.credentials!.MD5, ha1('MD5', 'zoe', 'localhost', 'x'), 'the password stays where none is given')
  t.like(await put({ id: 'zoe', permissions: none, aliases: ['tel:+1'], password: 'y' }), { members: ['credentials'] })
  t.is(hss.size, 2)
})

test('patch changes some members; null takes one away', async (t) => {
  const { make, hss } = await open()
  const patch = (patch: unknown, id = 'tel:+4930111') => make({ do: 'patch', id, patch })
  t.like(await patch({ permissions: { discoverable: false } }), { done: 'changed', members: ['permissions'] })
  t.deepEqual(hss.held('alice')!.permissions, { discoverable: false, discoverer: true })
  t.truthy(hss.held('alice')!.credentials)
  t.like(await patch({ friends: ['bob'], aliases: null }, 'alice'), { done: 'changed', members: ['aliases', 'friends'] })
  t.is(hss.held('tel:+4930111'), undefined)
  t.like(await patch({ credentials: null }, 'alice'), { members: ['credentials'] })
  t.is(hss.held('alice')!.credentials, undefined)
})

test('what is wrong is told with its place, and changes nothing', async (t) => {
  const { make, put, hss } = await open()
  const fault = async (outcome: Promise<ProvisioningOutcome>) => (await outcome).fault
  const like = { permissions: all }
  t.like(await fault(put({ id: 'zoe' })), { kind: 'malformed', pointer: '' })
  t.like(await fault(put({ id: 'zoe', permissions: { discoverable: 1, discoverer: true } })), {
    pointer: '/permissions/discoverable',
  })
  t.like(await fault(put({ id: 'zoe', pasword: 'x', ...like })), { pointer: '/pasword' })
  t.like(await fault(put({ id: 'zoe', friends: ['bob', 'a b'], ...like })), { kind: 'malformed', pointer: '/friends/1' })
  t.like(await fault(put({ id: 'zoe', aliases: ['tel:+1', 'tel:+4930111'], ...like })), { kind: 'taken', pointer: '/aliases/1' })
  t.like(await fault(put({ id: 'tel:+4930111', ...like })), { kind: 'taken', pointer: '/id' })
  t.like(await fault(put({ id: 'prose', ...like })), { kind: 'taken', pointer: '/id' })
  t.like(await fault(put({ id: 'zoe', ...like }, { id: 'yan' })), { kind: 'malformed', pointer: '/id' })
  t.like(await fault(put(['zoe'])), { kind: 'malformed' })
  t.like(await fault(put({ id: `sip:${'ü'.repeat(250)}@localhost`, ...like })), { kind: 'malformed', pointer: '/id' })
  t.like(await fault(make({ do: 'patch', id: 'alice', patch: { id: 'bob' } })), { kind: 'malformed', pointer: '/id' })
  t.like(await fault(make({ do: 'patch', id: 'alice', patch: [] })), { kind: 'malformed' })
  t.like(await fault(make({ do: 'remove', id: 'nobody' })), { kind: 'unknown' })
  t.like(await fault(make({ do: 'remove', id: 'alice', guard: () => false })), { kind: 'stale' })
  t.is(hss.size, 1)
  t.like(hss.held('alice'), { id: alice, permissions: all })
})

test('lines of one batch see each other', async (t) => {
  const { hss } = await open()
  const outcomes = await hss.provision([
    { do: 'put', settings: { id: 'a', permissions: all, aliases: ['tel:+1'] } },
    { do: 'put', settings: { id: 'b', permissions: all, aliases: ['tel:+1'] } },
    { do: 'put', settings: { id: 'a', permissions: all } },
    { do: 'put', settings: { id: 'b', permissions: all, aliases: ['tel:+1'] } },
    { do: 'remove', id: 'tel:+1' },
    { do: 'put', settings: { id: 'c', permissions: all, aliases: ['tel:+1'] } },
  ])
  t.deepEqual(
    outcomes.map((outcome) => outcome.fault?.kind ?? (outcome as { readonly done: string }).done),
    ['added', 'taken', 'changed', 'added', 'removed', 'added'],
  )
  t.deepEqual([hss.size, hss.held('tel:+1')!.id], [3, 'sip:c@localhost'])
})

test('one version a batch; of many changes the feed says only that there were some, and not for each batch', async (t) => {
  const { hss, feed, network } = await open()
  const subscription = await feed()
  const { version } = subscription.last as SubscriptionData
  const batch = (from: number, count: number): WantedChange[] =>
    Array.from({ length: count }, (_, i) => ({ do: 'put', settings: { id: `u${from + i}`, permissions: all } }))
  await hss.provision(batch(0, 3))
  await network.settle()
  t.like(subscription.last, { version: version + 1, since: version })
  t.is((subscription.last as SubscriptionData).records!.length, 3)
  const before = subscription.bodies.length
  for (let i = 1; i <= 5; i++) await hss.provision(batch(i * 1000, 101))
  await network.settle()
  t.is(subscription.bodies.length, before)
  await network.clock.advance(500)
  t.deepEqual(subscription.last, { version: version + 6 })
  t.is(subscription.bodies.length, before + 1)
  await hss.provision(batch(0, 3))
  await network.settle()
  t.is(subscription.bodies.length, before + 1, 'nothing has changed')
})

test('who lags behind is never told half of a version', async (t) => {
  const { hss, feed, network } = await open()
  const subscription = await feed()
  const { version } = subscription.last as SubscriptionData
  subscription.slow = true
  for (let i = 0; i < 202; i++) {
    const flag = i % 2 === 0
    const settings = Array.from({ length: 100 }, (_, k) => ({
      id: `u${k}`,
      permissions: { discoverable: flag, discoverer: flag },
    }))
    await hss.provision(settings.map((settings) => ({ do: 'put', settings })))
    await network.settle() // the first is under way, and not answered
  }
  t.is(subscription.bodies.length, 2)
  await subscription.catchUp()
  await network.clock.advance(500)
  t.deepEqual(subscription.last, { version: version + 202 })
})

test('pages are in the order of identifiers, whoever came when', async (t) => {
  const { hss, put } = await open()
  for (const id of ['bob', 'al', 'sip:al;x=1@localhost', 'alina', 'tel:+1']) await put({ id, permissions: all })
  const page = async (prefix = '', after?: string, limit = 10) => (await hss.page(prefix, after, limit)).map(({ id }) => id)
  const everybody = await page()
  t.is(everybody.length, 6)
  t.deepEqual(
    await page('sip:al', undefined),
    everybody.filter((id) => id.startsWith('sip:al')),
  )
  t.true(everybody.includes(alice))
  for (const [i, id] of everybody.entries()) {
    t.deepEqual(await page('', id, 2), everybody.slice(i + 1, i + 3))
    t.deepEqual(
      await page('sip:al', id),
      everybody.slice(i + 1).filter((id) => id.startsWith('sip:al')),
    )
  }
})

test('over restarts: who came stays, and an edited file goes before', async (t) => {
  const { put, make, network, hss } = await open()
  await put({ id: 'zoe', permissions: all, aliases: ['tel:+1', 'tel:+2'] })
  await put({ id: 'yan', permissions: all })
  await make({ do: 'patch', id: 'alice', patch: { permissions: none } })
  t.is(hss.size, 3)
  const again = await open(file, network)
  t.is(again.hss.size, 3)
  t.deepEqual(again.hss.held('tel:+49-30-111')!.permissions, none)
  t.is(again.hss.held('tel:+2')!.id, 'sip:zoe@localhost')
  const edited = { ...file, subscribers: [...file.subscribers!, { id: 'yan', permissions: none, aliases: ['tel:+1'] }] }
  const last = await open(edited, network)
  t.is(last.hss.size, 3)
  t.deepEqual(last.hss.held('yan')!.permissions, none)
  t.is(last.hss.held('tel:+1')!.id, 'sip:yan@localhost')
  t.deepEqual(last.hss.held('zoe')!.aliases, ['tel:+2'])
  t.deepEqual(await last.hss.reload!({ ...edited, subscribers: [] }), [])
  t.deepEqual([last.hss.size, last.hss.held('zoe')!.id], [1, 'sip:zoe@localhost'])
})

test('a reload that takes what belongs to somebody who came at run time is refused', async (t) => {
  const { put, hss } = await open()
  await put({ id: 'zoe', permissions: all, aliases: ['tel:+1'] })
  const grabbing = { ...file, subscribers: [{ id: 'bob', permissions: all, aliases: ['tel:+1'] }] }
  await t.throwsAsync(async () => hss.reload!(grabbing), { message: /alias tel:\+1 .*belongs to sip:zoe/ })
  t.is(hss.held('tel:+1')!.id, 'sip:zoe@localhost')
  t.is(hss.held('alice')!.id, alice)
})

test('what the store did not take has not happened', async (t) => {
  const { put, make, network, hss } = await open()
  const { store } = network
  const write = store.write.bind(store)
  store.write = () => Promise.reject(new Error('the disk is full'))
  await t.throwsAsync(put({ id: 'zoe', permissions: all }), { message: /full/ })
  await t.throwsAsync(make({ do: 'patch', id: 'alice', patch: { permissions: none } }), { message: /full/ })
  store.write = write
  t.is(hss.size, 1)
  t.is(hss.held('zoe'), undefined)
  t.deepEqual(hss.held('alice')!.permissions, all)
})

test('merge patch as RFC 7396 appendix A has it', (t) => {
  const cases: [target: unknown, patch: unknown, result: unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [target, patch, result] of cases) t.deepEqual(mergePatch(target, patch), result)
})

const odd: readonly (readonly [id: string, why: RegExp])[] = [
  ['\0', /^is '\\u\{0000\}', with the character U\+0000 that nobody sees/],
  ['al%00ice', /U\+0000/],
  ['al\r\nice', /U\+000D/],
  ['sip:al\u200bice@localhost', /U\+200B/],
  [' alice', /blanks around it/],
  ['a b', /is no URI, IP address or user name; expected one such as sip:alice@localhost/],
  ['a%', /is no URI/],
  ['zoe@localhost', /has no scheme; expected sip:zoe@localhost/],
  ['sip:localhost', /names a host and no user; expected one such as sip:alice@localhost/],
  ['sip:zoe', /names a host and no user; expected one such as sip:zoe@localhost/],
  ['sip:@localhost', /is no URI/],
  ['\u200dzoe', /U\+200D/],
  ['mailto:zoe@localhost', /expected a SIP or tel URI, an IP address or a user name/],
  ['tel:12\u002034', /is no URI/],
]
for (const [id, why] of odd) {
  test(`what cannot identify a subscriber: ${JSON.stringify(id)}`, async (t) => {
    const { make, put, hss } = await open()
    const like = { permissions: all }
    const expected = { kind: 'malformed', pointer: '/id' } as const
    for (const outcome of [await put({ id, ...like }), await make({ do: 'put', id, settings: like })]) {
      t.like(outcome.fault, expected)
      t.regex(outcome.fault!.text, why)
    }
    t.like((await make({ do: 'put', id, settings: { id: 'zoe', ...like } })).fault, expected, 'nor for another one')
    const alias = (await put({ id: 'zoe', aliases: ['tel:+7', id], ...like })).fault
    t.like(alias, { kind: 'malformed', pointer: '/aliases/1' })
    t.regex(alias!.text, why)
    t.is(hss.size, 1)
  })
}

test('what identifies a subscriber, and whom one may name', async (t) => {
  const { put } = await open()
  for (const id of [
    'ürsula',
    'tel:+49-30-7',
    '10.0.0.7',
    '2001:db8::7',
    'sip:10.0.0.8',
    'sips:xin@localhost',
    'sip:%7aoe@localhost',
  ])
    t.is((await put({ id, permissions: all })).fault, undefined, id)
  t.is((await put({ id: 'yan', friends: ['sip:zoe@elsewhere.example', 'msn:zoe'], permissions: all })).fault, undefined)
  t.like((await put({ id: 'yan', friends: ['zoe', 'x\x1b[2J'], permissions: all })).fault, { pointer: '/friends/1' })
})

test('an identifier is of a domain of ours, an alias of any', async (t) => {
  const { put, hss } = await open()
  const { fault } = await put({ id: 'sip:zoe@elsewhere.example', permissions: all })
  t.like(fault, { kind: 'malformed', pointer: '/id' })
  t.regex(fault!.text, /of a domain that is not ours; expected sip:zoe@localhost, of which it may be an alias$/)
  t.is((await put({ id: 'zoe', aliases: ['sip:zoe@elsewhere.example'], permissions: all })).fault, undefined)
  t.is(hss.held('sip:zoe@elsewhere.example')!.id, 'sip:zoe@localhost')
})

test('names that are written with joiners: Persian, Indic, emoji', async (t) => {
  const { put, hss } = await open()
  const names = ['\u0645\u06cc\u200c\u0631\u0648\u0645', '\u0d2a\u0d3e\u0d7b\u0d4d\u200d', '\u{1f469}\u200d\u{1f680}']
  for (const id of names) {
    t.is((await put({ id, friends: names, permissions: all })).fault, undefined, id)
    t.is(hss.held(`sip:${encodeURIComponent(id)}@localhost`)!.friends![0], `sip:${names[0]}@localhost`)
  }
})

/** As an earlier version, or one with other domains, has stored it. */
const stored = {
  id: 'sip:zoe@other.example',
  aliases: ['sip:z@elsewhere.example', 'mailto:zoe@x.example', 'sip:2001:db8::7', 'sip:prose@localhost'],
  friends: ['sip:a\u200bb@localhost', 'sip:x', 'sip:2001:db8::8', 'not any more'],
  watchers: { block: ['no key'] },
  servers: [{ uri: 'none', application: 'a' }],
  credentials: { MD5: '0'.repeat(32) },
  permissions: all,
}

test('whatever is stored, a permission can be withdrawn; what the change brings is judged', async (t) => {
  const { make, put, hss, network } = await open()
  await put({ id: 'yan', permissions: all })
  const key = 'hss/hss/subscriber/sip:zoe@other.example'
  await network.store.write([{ key, value: stored }])
  const patch = (patch: unknown, id = stored.id) => make({ do: 'patch', id, patch })
  t.like(await patch({ permissions: none }), { done: 'changed', members: ['permissions'] })
  t.deepEqual(hss.held(stored.id), { ...stored, permissions: none })
  t.like(await patch({ friends: [...stored.friends, 'bob'] }), { done: 'changed', members: ['friends'] })
  const expected = (pointer: string) => ({ kind: 'malformed', pointer })
  t.like((await patch({ friends: [...stored.friends, 'c\u200bd'] })).fault, expected('/friends/4'))
  t.like((await patch({ aliases: [stored.friends[0]] })).fault, expected('/aliases/0'), 'a friend is no name of its own')
  t.like((await patch({ aliases: ['prose', 'proxy'] })).fault, { kind: 'taken', pointer: '/aliases/1' })
  const { credentials: _, ...settings } = stored
  t.like(await make({ do: 'put', id: stored.id, settings }), { done: 'changed', members: ['permissions', 'friends'] })
  t.like(await make({ do: 'put', settings }), { done: 'unchanged' })
  t.like(await make({ do: 'remove', id: stored.id }), { done: 'removed' })
})

test('a subscriber by an IPv6 address is changed by it, and by the key that we tell', async (t) => {
  const { make, put, hss } = await open()
  await put({ id: '2001:db8::7', permissions: all })
  for (const id of ['2001:db8::7', 'sip:[2001:db8:0::7]', hss.held('2001:db8::7')!.id]) {
    t.like(await make({ do: 'patch', id, patch: { permissions: none } }), { done: 'changed' }, id)
    t.like(await make({ do: 'put', id, settings: { permissions: all } }), { done: 'changed' }, id)
  }
  t.is(hss.size, 2)
})

test('over restarts with other domains a subscriber can be changed by the name that it has', async (t) => {
  const { put, network } = await open()
  await put({ id: 'zoe', friends: ['bob'], permissions: all })
  const moved = new ElementNetwork(['new.example'])
  moved.store = network.store
  const hss = await moved.add(createHss('hss', file))
  const [outcome] = await hss.provision([{ do: 'patch', id: 'sip:zoe@localhost', patch: { permissions: none } }])
  t.like(outcome, { done: 'changed', members: ['permissions'] })
})
