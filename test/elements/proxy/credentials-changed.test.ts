/** A changed password, or a removal, ends what was begun with the old one; a record that stays ends nothing (SPEC §2.5). */
import test, { type ExecutionContext } from 'ava'
import { createApplicationServer } from '../../../elements/application-server/index.ts'
import { createMme } from '../../../elements/mme/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProse } from '../../../elements/prose/index.ts'
import { createRegistration } from '../../../elements/reg-event/index.ts'
import { createResourceLists } from '../../../elements/resource-lists/index.ts'
import { mediaType } from '../../../elements/schemas/index.ts'
import { memoryStore, type SipRequest } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { holdWrites } from '../../support/held-writes.ts'
import { metric } from '../../support/wire.ts'
import { type Phone, PhonesScene, subscriber } from './phones-scene.ts'

const alice = 'sip:alice@localhost'

function others() {
  return [
    createProse('prose', {}),
    createPresence('presence', {}),
    createRegistration('registration', {}),
    createResourceLists('friends', {}),
    createApplicationServer('as', { application: 'chess', open: true }),
    createMme('mme', {}),
  ]
}

/** One standing subscription of alice at each element that takes any. */
async function subscribeEverywhere(t: ExecutionContext, phone: Phone): Promise<void> {
  const body = JSON.stringify({ device: alice, user: alice, application: 'chess' })
  const registered = await phone.as('alice', 'MESSAGE', 'sip:as@localhost', {
    body,
    lines: [`Content-Type: ${mediaType('user-registration')}`],
  })
  t.is(registered.status, 200)
  for (const [uri, event, more] of [
    ['sip:prose@localhost', 'prose'],
    ['sip:prose@localhost', 'proximity'],
    ['sip:bob@localhost', 'presence'],
    [alice, 'presence.winfo'],
    [alice, 'reg'],
    ['sip:friends@localhost', 'presence', 'Supported: eventlist'],
    ['sip:as@localhost', 'proximate-users'],
    ['sip:near-bob@localhost', 'presence'],
    ['sip:mme@localhost', 'attach'],
  ] as const) {
    const lines = [`Event: ${event}`, 'Expires: 600', `Contact: <sip:alice@${phone.at}>`, ...(more === undefined ? [] : [more])]
    const answer = await phone.as('alice', 'SUBSCRIBE', uri, { lines, callId: `${event} of ${uri}`.replaceAll(/\W/g, '-') })
    t.is(answer.status, 200, `${event} of ${uri}: ${answer.text('Warning')}`)
  }
}
const everywhere = 9

/** The last words, by dialog: over datagrams they may come again. */
function endings(phone: Phone): readonly string[] {
  const last = phone.requests.filter((each) => /^terminated/.test(each.text('Subscription-State') ?? ''))
  const said = (each: SipRequest): string => `${each.text('Subscription-State')}${each.body.length > 0 ? ' and a body' : ''}`
  return [...new Map(last.map((each) => [each.callId, said(each)])).values()]
}

for (const transport of ['TCP', 'UDP'] as const) {
  test(`by ${transport}: another password ends registration, connection and subscriptions within a second`, async (t) => {
    const scene = await PhonesScene.open(t, { others: others() })
    const [phone, bob] = [await scene.phone(transport), await scene.phone('UDP')]
    t.is((await phone.register('alice', `<sip:alice@${phone.at};transport=${transport}>`)).status, 200)
    t.is((await bob.register('bob', `<sip:bob@${bob.at}>`)).status, 200)
    await subscribeEverywhere(t, phone)
    const message = () => phone.ask('MESSAGE', 'sip:bob@localhost', { from: alice })
    t.is((await message()).status, 200)
    phone.clear()

    await scene.hss.set(subscriber('alice')) // as it was
    await scene.hss.set({ ...subscriber('alice'), friends: ['sip:bob@localhost'] })
    await scene.clock.advance(1000)
    t.deepEqual(endings(phone), [])
    t.is((await message()).status, 200)

    await scene.hss.set(subscriber('alice', 'another'))
    await scene.clock.advance(1000)
    await scene.until(() => endings(phone).length === everywhere)
    t.deepEqual(new Set(endings(phone)), new Set(['terminated;reason=deactivated']))
    t.is(metric(scene.node, 'proxy_users_registered'), 1)
    t.is((await message()).status, 407)
    t.is((await phone.as('alice', 'MESSAGE', 'sip:bob@localhost')).status, 407, 'the old password')
    t.is((await bob.as('bob', 'MESSAGE', alice)).status, 480)
    t.is((await phone.register('alice', `<sip:alice@${phone.at}>`, [], 'another')).status, 200)
    t.is((await message()).status, 200)
    t.is((await bob.as('bob', 'MESSAGE', alice)).status, 200)
  })

  test(`by ${transport}: so does removal`, async (t) => {
    const scene = await PhonesScene.open(t, { others: others() })
    const phone = await scene.phone(transport)
    t.is((await phone.register('alice', `<sip:alice@${phone.at};transport=${transport}>`)).status, 200)
    await subscribeEverywhere(t, phone)
    phone.clear()
    await scene.hss.remove(alice)
    await scene.clock.advance(1000)
    await scene.until(() => endings(phone).length === everywhere)
    t.deepEqual(new Set(endings(phone)), new Set(['terminated;reason=rejected']))
    t.is(metric(scene.node, 'proxy_users_registered'), 0)
    t.is((await phone.ask('MESSAGE', 'sip:bob@localhost', { from: alice })).status, 407)
  })
}

for (const [how, change] of [
  ['a patch, as by HTTP', (hss) => hss.provision([{ do: 'patch', id: alice, patch: { password: 'another' } }])],
  [
    'credentials as hashes',
    (hss) => hss.provision([{ do: 'patch', id: alice, patch: { credentials: { MD5: 'a'.repeat(32) } } }]),
  ],
  ['a dialplan read again', (hss) => hss.reload!({ subscribers: [subscriber('alice', 'another'), subscriber('bob')] })],
] as const satisfies readonly (readonly [string, (hss: PhonesScene['hss']) => unknown])[])
  test(`by ${how}`, async (t) => {
    const scene = await PhonesScene.open(t, { others: others() })
    const phone = await scene.phone('TCP')
    t.is((await phone.register('alice', `<sip:alice@${phone.at};transport=tcp>`)).status, 200)
    await subscribeEverywhere(t, phone)
    phone.clear()
    await change(scene.hss)
    await scene.clock.advance(1000)
    await scene.until(() => endings(phone).length === everywhere)
    t.is(metric(scene.node, 'proxy_users_registered'), 0)
    t.is((await phone.ask('MESSAGE', 'sip:bob@localhost', { from: alice })).status, 407)
  })

test('of many at once: the feed tells no names then', async (t) => {
  const scene = await PhonesScene.open(t, { others: others() })
  const phone = await scene.phone('UDP')
  t.is((await phone.register('alice', `<sip:alice@${phone.at}>`)).status, 200)
  await subscribeEverywhere(t, phone)
  phone.clear()
  const many = Array.from({ length: 150 }, (_, i) => ({ do: 'put', settings: subscriber(`user${i}`) }) as const)
  await scene.hss.provision(many)
  await scene.clock.advance(1000)
  t.deepEqual(endings(phone), [])
  await scene.hss.provision([...many, { do: 'put', settings: subscriber('alice', 'another') }].map(otherPassword))
  await scene.clock.advance(1000)
  await scene.until(() => endings(phone).length === everywhere)
  t.is((await phone.ask('MESSAGE', 'sip:bob@localhost', { from: alice })).status, 407)
})

function otherPassword({ settings }: { settings: ReturnType<typeof subscriber> }) {
  return { do: 'put', settings: { ...settings, password: `${settings.password}-2` } } as const
}

for (const [what, password, ended] of [
  ['ends nothing', 'alice-proxima', 0],
  ['ends what is of a password that was changed meanwhile', 'another', everywhere],
] as const) {
  test(`a restart ${what}`, async (t) => {
    const clock = new ManualClock()
    const store = memoryStore(clock)
    const before = await PhonesScene.open(t, { others: others(), store, clock })
    const phone = await before.phone('UDP')
    t.is((await phone.register('alice', `<sip:alice@${phone.at}>`)).status, 200)
    await subscribeEverywhere(t, phone)
    await before.node.stop(0)
    phone.clear()
    const after = await PhonesScene.open(t, { others: others(), store, clock, passwords: { alice: password }, like: before })
    await clock.advance(2500)
    await after.until(() => endings(phone).length === ended)
    await after.until(() => metric(after.node, 'subscriptions_held') >= everywhere - ended)
    const answer = await phone.ask('MESSAGE', 'sip:bob@localhost', { from: alice })
    t.is(answer.status, ended === 0 ? 480 : 407)
    const bob = await after.phone('UDP')
    t.is((await bob.register('bob', `<sip:bob@${bob.at}>`)).status, 200)
    t.is((await bob.as('bob', 'MESSAGE', alice)).status, ended === 0 ? 200 : 480)
  })
}

test('a password that changes while a subscription is on its way ends that too', async (t) => {
  const store = memoryStore(new ManualClock())
  const scene = await PhonesScene.open(t, { others: others(), store })
  const phone = await scene.phone('TCP')
  t.is((await phone.register('alice', `<sip:alice@${phone.at};transport=tcp>`)).status, 200)
  await scene.clock.advance(2000) // when subscriptions of an earlier process have been looked at
  const held = holdWrites(store, 'prose/prose/code/')
  const lines = ['Event: prose', 'Expires: 600', `Contact: <sip:alice@${phone.at}>`]
  const asked = phone.ask('SUBSCRIBE', 'sip:prose@localhost', { from: alice, lines })
  await scene.until(() => held.waiting > 0)
  await scene.hss.set(subscriber('alice', 'another'))
  await scene.clock.advance(100)
  held.release()
  t.is((await asked).status, 200)
  await scene.clock.advance(1000)
  await scene.until(() => endings(phone).length === 1)
  t.deepEqual(endings(phone), ['terminated;reason=deactivated'])
  t.is(metric(scene.node, 'prose_codes'), 0)
})

for (const removed of [true, false])
  test(`a REGISTER that is being written when its user ${removed ? 'is removed' : 'has another password'} binds nothing`, async (t) => {
    const clock = new ManualClock()
    const store = memoryStore(clock)
    const scene = await PhonesScene.open(t, { store, clock })
    const phone = await scene.phone('UDP')
    const bindings = async (): Promise<number> => {
      let count = 0
      for await (const _ of store.scan('bindings/')) count++
      return count
    }
    t.is((await phone.register('alice', `<sip:alice@${phone.at}>`)).status, 200)
    t.is(await bindings(), 1)
    const held = holdWrites(store, 'bindings/')
    const asked = phone.register('alice', `<sip:again@${phone.at}>`)
    await scene.until(() => held.waiting > 0)
    if (removed) await scene.hss.remove(alice)
    else await scene.hss.set(subscriber('alice', 'another'))
    await scene.until(() => metric(scene.node, 'proxy_users_registered') === 0)
    held.release()
    t.is((await asked).status, 401)
    await scene.clock.advance(5000)
    t.is(metric(scene.node, 'proxy_users_registered'), 0)
    t.is(await bindings(), 0)
  })
