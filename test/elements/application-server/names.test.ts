/** Users of an application under each of their names, until their time is over, and why a buddy is not seen (SPEC §3.5). */
import test from 'ava'
import { type ApplicationServerSettings, createApplicationServer } from '../../../elements/application-server/index.ts'
import { createHss } from '../../../elements/hss/index.ts'
import { createProse } from '../../../elements/prose/index.ts'
import type { ProseState, ProximateUsers } from '../../../elements/schemas/index.ts'
import { ElementNetwork, type PlayedSubscription } from '../../support/element-network.ts'
import { json } from '../../support/requests.ts'
import { all, sip } from '../prose/scene.ts'

const application = 'chess'

async function scene(friends: readonly string[], settings: Partial<ApplicationServerSettings> = { open: true }) {
  const network = new ElementNetwork()
  const hss = createHss('hss', {
    subscribers: [
      { id: 'alice', permissions: all, friends },
      { id: 'bob', permissions: all, aliases: ['robert', 'tel:+1-555-0100'], friends: ['alice'] },
      { id: 'carol', permissions: all },
    ],
    servers: [{ uri: 'as', application }],
  })
  await network.add(hss)
  await network.add(createProse('prose', {}))
  await network.add(createApplicationServer('as', { application, ...settings }))
  const subscribe = async (user: string, event: string, to: string): Promise<PlayedSubscription> =>
    (await network.ask(event === 'prose' ? 'prose' : 'as', 'SUBSCRIBE', to, { asserted: sip(user), event })).subscription!
  const registers = (user: string, more: object = {}) =>
    network.ask('as', 'MESSAGE', sip('as'), {
      asserted: sip(user),
      body: json('user-registration', { device: sip(user), user: sip(user), application, ...more }),
    })
  const codes = new Map<string, string>()
  for (const name of ['alice', 'bob', 'carol'])
    codes.set(name, ((await subscribe(name, 'prose', sip('prose'))).last as ProseState).announce!.code)
  const hears = async (user: string, ...heard: string[]): Promise<void> => {
    const at = new Date(network.clock.date()).toISOString()
    const body = json('prose-match', { heard: heard.map((name) => ({ code: codes.get(name)!, at })) })
    await network.ask('prose', 'MESSAGE', sip('prose'), { asserted: sip(user), body })
    await network.clock.advance(50)
  }
  const uses = (user: string) => subscribe(user, 'proximate-users', sip('as'))
  const watches = (user: string, buddy: string) => subscribe(user, 'presence', `sip:near-${buddy}@localhost`)
  return { network, hss, registers, hears, uses, watches }
}
const names = (one: PlayedSubscription): string => (one.last as ProximateUsers).proximate.map(({ user }) => user).join()
const text = (one: PlayedSubscription): string => String(one.bodies.at(-1)?.content)

test('a friend may be given by any of his identifiers', async (t) => {
  for (const friend of ['bob', 'robert', 'tel:+15550100', 'sip:+15550100@localhost;user=phone']) {
    const { uses, hears } = await scene([friend])
    const alice = await uses('alice')
    await uses('bob')
    await uses('carol')
    await hears('alice', 'bob', 'carol')
    t.is(names(alice), sip('bob'), friend)
  }
})

test('so may whom one registers with, and under which name one is found', async (t) => {
  for (const friend of ['sip:robert@localhost', 'tel:+1-555-0100', 'sip:bob@127.0.0.1']) {
    const { registers, uses, hears } = await scene([], {})
    t.is((await registers('alice', { friends: [friend] })).status, 200)
    t.is((await registers('bob', { user: 'tel:+15550100', device: 'tel:+15550100' })).status, 200)
    const alice = await uses('alice')
    await hears('alice', 'bob')
    t.is(names(alice), 'tel:+15550100', friend)
  }
})

test('an alias that comes, or goes, while he is a user counts at once', async (t) => {
  const { uses, hears, hss, network } = await scene(['rob'])
  await uses('bob')
  const [alice, near] = [await uses('alice'), await uses('alice')]
  await hears('alice', 'bob')
  t.is(names(alice), '')
  await hss.set({ id: 'bob', permissions: all, aliases: ['rob'] })
  await network.clock.advance(100)
  await hears('alice', 'bob')
  t.is(names(alice), sip('bob'))
  t.is(names(near), sip('bob'))
})

test('a buddy is seen under each of his names', async (t) => {
  const { uses, watches, hears } = await scene(['bob'])
  await uses('bob')
  const views = [await watches('alice', 'bob'), await watches('alice', 'robert'), await watches('alice', 'tel%3A+15550100')]
  await hears('alice', 'bob')
  for (const view of views) t.regex(text(view), /<basic>open<.*nearby since/, view.to)
})

test('why a buddy is closed is said, alike of one who is not near and of one who is no user', async (t) => {
  const { uses, watches, hears } = await scene(['bob', 'carol'])
  const [bob, nobody] = [await watches('alice', 'bob'), await watches('alice', 'nobody')]
  await hears('alice', 'bob')
  const away =
    /<basic>closed<.*<note[^>]*>(\w+) is not near, or does not use chess: to be seen he runs proxima ue \1 --application chess</
  t.regex(text(bob), away)
  t.is(text(nobody).replaceAll('nobody', 'bob'), text(bob))
  await uses('bob')
  t.regex(text(bob), /<basic>open<.*<note[^>]*>nearby since/)
  const carol = await watches('alice', 'carol')
  await uses('carol')
  t.is(text(carol).replaceAll('carol', 'nobody'), text(nobody))
})

test('a registration that lapses is over for whoever watches, when it lapses', async (t) => {
  const { registers, uses, watches, hears, network } = await scene([], {})
  await registers('alice')
  await registers('bob', { expires: 3 })
  const [list, view] = [await uses('alice'), await watches('alice', 'bob')]
  await hears('alice', 'bob')
  t.is(names(list), sip('bob'))
  t.regex(text(view), /<basic>open</)
  await network.clock.advance(2500)
  t.is(names(list), sip('bob'))
  await network.clock.advance(700)
  t.is(names(list), '')
  t.regex(text(view), /<basic>closed</)
  await registers('bob', { expires: 3 })
  t.is(names(list), sip('bob'))
  await network.clock.advance(2000)
  await registers('bob', { expires: 60 })
  await network.clock.advance(5000)
  t.is(names(list), sip('bob'), 'renewed in time')
})

test('what lapses after a restart is told too', async (t) => {
  const { registers, uses, hears, network } = await scene([], {})
  await registers('alice')
  await registers('bob', { expires: 30 })
  const list = await uses('alice')
  await hears('alice', 'bob')
  await network.add(createApplicationServer('as', { application }))
  await network.clock.advance(1000)
  t.is(names(list), sip('bob'))
  await hears('alice', 'bob')
  await network.clock.advance(30_000)
  t.is(names(list), '')
})

test('whoever is refused about himself is told why', async (t) => {
  const { network, hss, registers } = await scene([], {})
  const ask = (user: string) => network.ask('as', 'SUBSCRIBE', sip('as'), { asserted: sip(user), event: 'proximate-users' })
  const early = await ask('alice')
  t.deepEqual([early.status, early.warning], [403, 'you are no user of chess yet: register your user first'])
  await registers('alice')
  t.is((await ask('alice')).status, 200)
  t.is((await ask('nobody')).warning, undefined)
  await hss.reload!({
    subscribers: [{ id: 'alice', permissions: all }],
    servers: [],
  })
  await network.clock.advance(100)
  const late = await ask('alice')
  t.deepEqual([late.status, late.warning], [403, 'the HSS does not list chess for you: ask your operator'])
})
