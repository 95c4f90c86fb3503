/** Who may watch, who is watched by whom, and how both change while it goes on: presence, proxy and HSS in virtual time. */
import test from 'ava'
import { createHss, type Hss } from '../../../elements/hss/index.ts'
import { createPresence, type PresenceSettings } from '../../../elements/presence/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import type { SubscriberSettings } from '../../../elements/schemas/index.ts'
import type { Subscription } from '../../../signalling/index.ts'
import { memoryStore } from '../../../signalling/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { holdWrites } from '../../support/held-writes.ts'
import { type Agent, Lab } from '../../support/lab.ts'

const sip = (name: string): string => `sip:${name}@localhost`
const person = (name: string, more: Partial<SubscriberSettings> = {}): SubscriberSettings => ({
  id: sip(name),
  permissions: { discoverable: true, discoverer: true },
  ...more,
})
const pidf = (id: string, basic = 'open', user = 'bob'): string =>
  `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${sip(user)}"><tuple id="${id}"><status><basic>${basic}</basic></status></tuple></presence>`

interface Heard {
  readonly state: string
  readonly body: string
}

async function scene(bob: Partial<SubscriberSettings>, settings: PresenceSettings = { watchers: 'friends' }) {
  const lab = new Lab()
  const hss: Hss = createHss('hss', {
    askers: ['proxy', 'presence'],
    subscribers: [person('bob', bob), person('alice'), person('carol'), person('dave')],
  })
  const proxy = createProxy('proxy', { authenticate: 'none', registration: 'optional' })
  const store = memoryStore(lab.clock)
  await lab.serve(['localhost'], [proxy, hss, createPresence('presence', settings)], store)
  const agents = new Map<string, Agent>()
  const agent = async (name: string): Promise<Agent> => {
    const known = agents.get(name) ?? (await lab.agent(name))
    agents.set(name, known)
    return known
  }
  const route = ['<sip:10.0.0.1;lr>']
  const watch = async (name: string, of = 'bob', event = 'presence') => {
    const heard: Heard[] = []
    const ended: string[] = []
    const { host } = await agent(name)
    const subscription: Subscription = host.subscribe(
      { to: sip(of), event, expires: 600, from: sip(name), route },
      {
        notified: ({ request, state }) => heard.push({ state, body: request.body.toString() }),
        ended: ({ status, reason }) => ended.push(`${status} ${reason}`),
      },
    )
    await lab.clock.advance(500)
    return { heard, ended, subscription, last: () => heard.at(-1)! }
  }
  const publish = async (body: string, headers: readonly (readonly [string, string])[] = [], name = 'bob') => {
    const { host } = await agent(name)
    const sent = host.send({
      method: 'PUBLISH',
      to: sip(name),
      from: sip(name),
      route,
      headers: [
        ['Event', 'presence'],
        ...headers,
        ...(headers.some(([name]) => name === 'Expires') ? [] : [['Expires', '300'] as const]),
      ],
      ...(body === '' ? {} : { body: { type: 'application/pidf+xml', content: body } }),
    })
    return lab.during(sent, 500)
  }
  const change = (settings: SubscriberSettings): Promise<void> => lab.during(hss.set(settings), 500)
  return { lab, store, watch, publish, change }
}

test('friends see, others wait and see nothing, the blocked are refused, the polite-blocked see nobody there', async (t) => {
  const { watch, publish } = await scene({
    friends: [sip('alice')],
    watchers: { block: [sip('dave')], polite: [sip('eve')] },
  })
  await publish(pidf('desk'))
  const alice = await watch('alice')
  t.deepEqual([alice.last().state, alice.last().body], ['active', pidf('desk')])
  const carol = await watch('carol')
  t.deepEqual(carol.heard, [{ state: 'pending', body: '' }])
  const dave = await watch('dave')
  t.deepEqual([dave.heard, dave.ended], [[], ['403 Forbidden']])
  const eve = await watch('eve')
  t.is(eve.last().state, 'active')
  t.regex(eve.last().body, /<basic>closed<\/basic>/)
  await publish(pidf('phone'))
  t.regex(alice.last().body, /phone/)
  t.deepEqual(carol.heard.length, 1)
  t.is(eve.heard.length, 1, 'nor does a change show')
  const own = await watch('bob')
  t.is(own.last().state, 'active')
})

test('what the presentity settles takes effect at once, in every direction', async (t) => {
  const { watch, publish, change } = await scene({ friends: [sip('alice')] })
  await publish(pidf('desk'))
  const alice = await watch('alice')
  const carol = await watch('carol')
  await change(person('bob', { friends: [sip('carol')] }))
  t.deepEqual(carol.last(), { state: 'active', body: pidf('desk') })
  t.deepEqual(alice.last(), { state: 'pending', body: '' })
  await change(person('bob', { friends: [sip('carol')], watchers: { polite: [sip('alice')] } }))
  t.is(alice.last().state, 'active')
  t.regex(alice.last().body, /closed/)
  await change(person('bob', { watchers: { block: [sip('alice')], others: 'allow' } }))
  t.is(alice.last().state, 'terminated')
  t.deepEqual(alice.ended, ['200 rejected'])
  t.is(carol.last().state, 'active')
  const dave = await watch('dave')
  t.is(dave.last().state, 'active', 'others: allow')
})

test('everybody, where the element says so; and nobody learns whether somebody exists', async (t) => {
  const open = await scene({ watchers: { block: [sip('dave')] } }, { watchers: 'everybody' })
  t.is((await open.watch('carol')).last().state, 'active')
  t.deepEqual((await open.watch('dave')).ended, ['403 Forbidden'])
  const closed = await scene({})
  const [known, unknown] = [await closed.watch('carol', 'bob'), await closed.watch('carol', 'nobody')]
  t.deepEqual(unknown.heard, known.heard)
})

test('several devices make one document; each refresh, change and end shows', async (t) => {
  const { lab, watch, publish } = await scene({ friends: [sip('alice')] })
  const alice = await watch('alice')
  const first = await publish(pidf('desk'))
  const second = await publish(pidf('desk', 'closed'))
  const tuples = (): string[] =>
    [...alice.last().body.matchAll(/tuple id="([^"]+)".*?<basic>(\w+)/g)].map(([, id, basic]) => `${id} ${basic}`)
  t.deepEqual(tuples(), ['desk closed', 'desk.2 open'])
  const heardBefore = alice.heard.length
  const refreshed = await publish('', [['SIP-If-Match', first.text('SIP-ETag')!]])
  t.is(refreshed.status, 200)
  t.is(alice.heard.length, heardBefore, 'a refresh tells nobody')
  t.is((await publish('', [['SIP-If-Match', first.text('SIP-ETag')!]])).status, 412)
  const changed = await publish(pidf('desk', 'open'), [['SIP-If-Match', second.text('SIP-ETag')!]])
  t.deepEqual(tuples(), ['desk open', 'desk.2 open'])
  await publish('', [
    ['SIP-If-Match', changed.text('SIP-ETag')!],
    ['Expires', '0'],
  ])
  t.deepEqual(tuples(), ['desk open'])
  await lab.clock.advance(301_000)
  t.regex(alice.last().body, /id="none".*closed/)
})

test('so many publications and no more', async (t) => {
  const { publish } = await scene({}, { publications: 2 })
  t.is((await publish(pidf('a'))).status, 200)
  t.is((await publish(pidf('b'))).status, 200)
  const third = await publish(pidf('c'))
  t.is(third.status, 403)
  t.regex(third.text('Warning')!, /more than 2 publications/)
})

test('winfo: the presentity alone sees who watches, who waits and who has gone', async (t) => {
  const { watch, change } = await scene({ friends: [sip('alice')] })
  await watch('alice')
  t.deepEqual((await watch('carol', 'bob', 'presence.winfo')).ended, ['403 Forbidden'])
  const bob = await watch('bob', 'bob', 'presence.winfo')
  const list = (): readonly string[] =>
    [...bob.last().body.matchAll(/<watcher id="[^"]+" status="(\w+)" event="(\w+)">([^<]+)</g)].map(
      ([, status, event, uri]) => `${uri} ${status} ${event}`,
    )
  const kind = (): string => /version="(\d+)" state="(\w+)"/.exec(bob.last().body)!.slice(1).join(' ')
  t.deepEqual([kind(), list()], ['0 full', ['sip:alice@localhost active approved']])
  const carol = await watch('carol')
  t.deepEqual([kind(), list()], ['1 partial', ['sip:carol@localhost pending subscribe']])
  await change(person('bob', { friends: [sip('alice'), sip('carol')] }))
  t.deepEqual([kind(), list()], ['2 partial', ['sip:carol@localhost active approved']])
  carol.subscription.unsubscribe()
  await (await watch('dave')).subscription
  t.true(bob.heard.some(({ body }) => body.includes('status="terminated" event="timeout">sip:carol@localhost<')))
  await change(person('bob', { watchers: { block: [sip('alice')] } }))
  t.true(bob.heard.some(({ body }) => body.includes('status="terminated" event="rejected">sip:alice@localhost<')))
})

test('what watchers are told, and who may wait to be one, has a bound', async (t) => {
  const { lab, watch, publish } = await scene({})
  const long = (id: string): string => pidf(id).replace('</tuple>', `<note>${'x'.repeat(15_000)}</note></tuple>`)
  t.is((await publish(long('a'))).status, 200)
  t.is((await publish(long('b'))).status, 200)
  const third = await publish(long('c'))
  t.is(third.status, 413)
  t.regex(third.text('Warning')!, /more than 32768 bytes/)
  const bob = await watch('bob', 'bob', 'presence.winfo')
  const stranger = await watch('stranger0')
  const waiting = async (): Promise<number> => {
    const { last } = await watch('bob', 'bob', 'presence.winfo')
    return [...last().body.matchAll(/<watcher /g)].length
  }
  for (let i = 1; i < 12; i++) await watch('stranger0')
  t.is(await waiting(), 5, 'one stranger takes no more places than he may have devices')
  for (let i = 5; i < 105; i++) await watch(`stranger${Math.floor(i / 5)}`)
  t.deepEqual((await watch('stranger99')).heard, [], '480, which is tried again')
  t.is([...bob.last().body.matchAll(/<watcher /g)].length, 1)
  t.is(stranger.last().state, 'pending')
  t.is(await waiting(), 100)
  t.truthy(lab)
})

test('whom the presentity names by another identifier is that watcher, also when he is given it later', async (t) => {
  const { watch, publish, change } = await scene({ friends: ['tel:+1-555-0100'], watchers: { block: ['sip:d@localhost'] } })
  await publish(pidf('desk'))
  await change(person('alice', { aliases: ['tel:+15550100'] }))
  await change(person('dave', { aliases: ['d'] }))
  t.is((await watch('alice')).last().state, 'active')
  t.deepEqual((await watch('dave')).ended, ['403 Forbidden'])
  const carol = await watch('carol')
  t.is(carol.last().state, 'pending')
  await change(person('alice'))
  await change(person('carol', { aliases: ['tel:+15550100'] }))
  t.is(carol.last().state, 'active')
  await change(person('dave'))
  await change(person('carol', { aliases: ['d'] }))
  t.is(carol.last().state, 'terminated')
})

test('who is called by an address, or of another domain, is whom his aliases name', async (t) => {
  const network = new ElementNetwork()
  const people = ['192.0.2.5', '2001:db8::9', 'sip:zoe@example.org'].map((id, i) => ({
    ...person('x', { aliases: [`tel:+4930${i}`] }),
    id,
  }))
  const watchers = { block: ['tel:+49300', 'tel:+49301', 'tel:+49302'] }
  await network.add(createHss('hss', { subscribers: [...people, person('alice', { watchers })], askers: ['presence'] }))
  await network.add(createPresence('presence', { watchers: 'everybody' }))
  for (const asserted of ['sip:192.0.2.5', 'sip:[2001:db8::9]', 'sip:zoe@example.org', 'tel:+49300', 'tel:+49302'])
    t.is((await network.ask('presence', 'SUBSCRIBE', sip('alice'), { asserted, event: 'presence' })).status, 403, asserted)
  for (const asserted of ['sip:192.0.2.6', 'sip:carol@example.org'])
    t.is((await network.ask('presence', 'SUBSCRIBE', sip('alice'), { asserted, event: 'presence' })).status, 200, asserted)
})

test('who is blocked while his subscription is written does not watch when it is', async (t) => {
  const { lab, store, watch, publish, change } = await scene({ friends: [sip('alice')] })
  await publish(pidf('desk'))
  const held = holdWrites(store, 'subscriptions/presence/')
  const alice = await watch('alice')
  await change(person('bob', { watchers: { block: [sip('alice')] } }))
  held.release()
  await lab.clock.advance(1000)
  t.deepEqual(
    alice.heard.filter(({ body }) => body !== ''),
    [],
  )
  await publish(pidf('phone'))
  t.true(alice.heard.every(({ state, body }) => state === 'terminated' && body === ''))
})
