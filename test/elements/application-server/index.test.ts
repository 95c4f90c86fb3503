/** The application server by itself, while the proximity server is away, slow or of another mind (SPEC §3.5). */
import test from 'ava'
import { type ApplicationServerSettings, createApplicationServer } from '../../../elements/application-server/index.ts'
import { NearUsers } from '../../../elements/application-server/near-users.ts'
import type { Users } from '../../../elements/application-server/users.ts'
import { createHss } from '../../../elements/hss/index.ts'
import { createProse } from '../../../elements/prose/index.ts'
import type { ProximateUsers } from '../../../elements/schemas/index.ts'
import { type Host, type SubscriptionListener, silent } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { holdWrites } from '../../support/held-writes.ts'
import { json, requestOf } from '../../support/requests.ts'
import { all, sip } from '../prose/scene.ts'

const application = 'chess'
const permissions = all

async function scene(settings: Partial<ApplicationServerSettings> = {}) {
  const network = new ElementNetwork()
  const people = ['alice', 'bob', 'carol'].map((id) => ({ id, permissions }))
  await network.add(createHss('hss', { subscribers: people, servers: [{ uri: 'as', application }] }))
  await network.add(createProse('prose', {}))
  await network.add(createApplicationServer('as', { application, ...settings }))
  const register = (user: string, more: object = {}) =>
    network.ask('as', 'MESSAGE', sip('as'), {
      asserted: sip(user),
      body: json('user-registration', { device: sip(user), user: sip(user), application, ...more }),
    })
  const ask = (user: string, expires?: number) =>
    network.ask('as', 'SUBSCRIBE', sip('as'), {
      asserted: sip(user),
      event: 'proximate-users',
      ...(expires === undefined ? {} : { expires }),
    })
  return { network, register, ask, sizeOf: (name: string) => network.metric('as', name) }
}
const users = (state: unknown): string => (state as ProximateUsers).proximate.map(({ user }) => user).join()

test('one feed for all who ask about one device; none when the last has gone', async (t) => {
  const { register, ask, sizeOf, network } = await scene()
  await register('alice')
  const [first, second] = [await ask('alice'), await ask('alice')]
  t.is(sizeOf('served_devices'), 1)
  await first.subscription!.end()
  t.is(sizeOf('served_devices'), 1)
  await second.subscription!.end()
  t.is(sizeOf('served_devices'), 0)
  await network.settle()
  t.is(network.metric('prose', 'watchers'), 0, 'and the proximity server is not asked any more')
})

test('a proximity server that is away costs whoever asks 503, and nothing that is known', async (t) => {
  const { register, ask, network } = await scene()
  await register('alice')
  t.true((await ask('alice')).subscription!.live)
  network.cut('prose')
  const question = ask('alice', 0)
  await network.clock.advance(5000)
  t.is((await question).status, 200, 'what is known needs no question')
  await register('bob')
  const unknown = ask('bob', 0)
  await network.clock.advance(5000)
  t.is((await unknown).status, 503)
})

test('whose time is over while the proximity server is asked is refused, and held no longer', async (t) => {
  const { register, ask, network, sizeOf } = await scene()
  await register('bob')
  await register('alice', { expires: 2, friends: [sip('bob')] })
  const held = holdWrites(network.store, 'prose/')
  const asked = ask('alice')
  await network.clock.advance(2500)
  t.is(held.waiting, 1)
  held.release()
  await network.clock.advance(100)
  t.is((await asked).status, 403)
  t.is(sizeOf('served_devices'), 0)
})

test('who has waited in vain for a first answer is told when it comes after all', async (t) => {
  const clock = new ManualClock()
  const feeds: SubscriptionListener[] = []
  const host = {
    clock,
    uri: sip('as'),
    domains: ['localhost'],
    log: silent,
    gauge: () => undefined,
    subscribe: (_: unknown, listener: SubscriptionListener) => {
      feeds.push(listener)
      return { live: true, refresh: () => undefined, unsubscribe: () => undefined }
    },
  } as unknown as Host
  const changed: string[] = []
  const nobody = { of: () => undefined, devicesOf: () => [] } as unknown as Users
  const asking = {
    host,
    prose: sip('prose'),
    application,
    feedback: 'change',
    period: 1,
    gap: undefined,
    wake: false,
    listed: false,
  } as const
  let ended = 0
  const near = new NearUsers(asking, nobody, { changed: (device) => changed.push(device), ended: () => ended++ })
  const alice = { device: sip('alice'), user: sip('alice') }
  const served = near.hold(alice)
  const held = near.first(served)
  await clock.advance(5000)
  t.is((await held).status, 503)
  const list = { version: 1, device: sip('alice'), proximate: [] }
  const request = requestOf('NOTIFY', sip('as'), { event: 'proximity', body: json('proximity-list', list) })
  feeds[0]!.notified({ request, state: 'active', reason: undefined })
  t.deepEqual(changed, [sip('alice')])
  feeds[0]!.ended?.({ status: 200, reason: 'rejected' })
  t.is(ended, 1)
  near.hold(alice)
  near.release(served)
  feeds[1]!.notified({ request, state: 'active', reason: undefined })
  t.is(changed.length, 2, 'what has ended is not released in place of what is held since')
})

test('who is no user any more is told nothing more', async (t) => {
  const { register, ask, network } = await scene()
  await register('alice', { expires: 60 })
  const { subscription } = await ask('alice')
  t.is(users(subscription!.last), '')
  await network.clock.advance(120_000)
  t.false(subscription!.live)
  t.is(subscription!.reason, 'rejected')
  t.is((await ask('alice')).status, 403)
})

test('a name that somebody has is nobody else’s, and comes free again', async (t) => {
  const { register } = await scene()
  t.is((await register('alice', { user: 'king' })).status, 200)
  t.is((await register('bob', { user: 'king' })).status, 403)
  t.is((await register('bob', { user: 'sip:alice@localhost' })).status, 403)
  t.is((await register('bob', { user: 'tel:+1234' })).status, 403)
  t.is((await register('alice', { user: 'queen' })).status, 200)
  t.is((await register('bob', { user: 'king' })).status, 200)
})

test('a name with a secret is only his who proves it, and nobody is called so that he looks like another', async (t) => {
  const { register } = await scene({ users: [{ user: 'msn:bob', secret: 'x' }], open: true })
  t.is((await register('alice', { user: 'msn:bob' })).status, 403)
  for (const user of ['sip:bob@localhost.', '"bob" <sip:bob@localhost>', 'x sip:BOB@LOCALHOST', 'SIP:bob@127.0.0.1'])
    t.is((await register('alice', { user })).status, 403, user)
  for (const user of ['bob ', ' bob', 'b\u200bob', 'b\r\nob', 'b\0ob', 'ü'.repeat(129)])
    t.is((await register('alice', { user })).status, 400, JSON.stringify(user))
  t.is((await register('alice', { user: 'ü'.repeat(128) })).status, 200)
})

test('settings that make no sense are refused', (t) => {
  t.throws(() => createApplicationServer('as', { application, view: 'a b' }), { message: /view: a b cannot begin/ })
  t.throws(() => createApplicationServer('as', { application, period: 0 }), { message: /period: 0 s; expected seconds, above 0/ })
})
