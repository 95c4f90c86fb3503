/** Wherever an operator or a user names a subscriber, any of his identifiers will do (SPEC §2.1). */
import test from 'ava'
import { createHss, type Hss } from '../../../../elements/hss/index.ts'
import { createPcrf, type PcrfSettings } from '../../../../elements/pcrf/index.ts'
import { createProse, type ProseSettings } from '../../../../elements/prose/index.ts'
import type { ProseState, ProximityList, ServicePolicy, SubscriberSettings } from '../../../../elements/schemas/index.ts'
import { ElementNetwork, type PlayedSubscription } from '../../../support/element-network.ts'
import { type Asking, json } from '../../../support/requests.ts'
import { all, sip } from '../../prose/scene.ts'

const number = ['tel:+1-555-0100', 'sip:+15550100@localhost;user=phone', 'robert', '2001:db8::9', 'sip:robert@127.0.0.1', 'bob']
const people: readonly SubscriberSettings[] = [
  { id: 'alice', permissions: all, aliases: ['al', 'tel:+15550111'], servers: [{ uri: 'games', application: 'chess' }] },
  { id: 'bob', permissions: all, aliases: ['robert', 'tel:+15550100', '2001:db8::9'], friends: ['tel:+1-555-0111'] },
  { id: 'carol', permissions: all },
  { id: 'play', permissions: all, aliases: ['games'] },
]
const service = sip('prose')
const changed = (id: string, more: Partial<SubscriberSettings>): SubscriberSettings => ({ id, permissions: all, ...more })

class Net {
  readonly network = new ElementNetwork()
  hss!: Hss
  async open(prose: ProseSettings, pcrf?: PcrfSettings): Promise<this> {
    this.hss = createHss('hss', { subscribers: people })
    await this.network.add(this.hss)
    if (pcrf !== undefined) await this.network.add(createPcrf('pcrf', pcrf))
    await this.network.add(createProse('prose', { ...prose, ...(pcrf === undefined ? {} : { pcrf: sip('pcrf') }) }))
    await this.pass()
    return this
  }
  pass(ms = 100): Promise<void> {
    return this.network.clock.advance(ms)
  }
  ask(method: string, to: string, asking: Asking) {
    return this.network.ask('prose', method, to, asking)
  }
  async request(user: string, body?: object) {
    const asked = await this.ask('SUBSCRIBE', service, {
      asserted: sip(user),
      event: 'prose',
      body: body && json('prose-request', body),
    })
    await this.pass()
    return asked
  }
  async join(user: string, body?: object): Promise<PlayedSubscription> {
    return (await this.request(user, body)).subscription!
  }
  query(user: string, body?: object, event = 'proximity', to = service) {
    return this.ask('SUBSCRIBE', to, { asserted: sip(user), event, body: body && json('proximity-query', body) })
  }
  async change(settings: SubscriberSettings): Promise<void> {
    await this.hss.set(settings)
    await this.pass()
  }
}
const open = (prose: ProseSettings = {}, pcrf?: PcrfSettings): Promise<Net> => new Net().open(prose, pcrf)
const codes = (one: PlayedSubscription): readonly string[] => (one.last as ProseState).monitor!.codes
const code = (one: PlayedSubscription): string => (one.last as ProseState).announce!.code

test('a rule of the PCRF', async (t) => {
  for (const name of number) {
    const net = await open({}, { rules: [{ subscribers: [name], decision: 'deny' }] })
    t.is((await net.request('bob')).status, 403, name)
    t.is((await net.request('alice')).status, 200, name)
  }
})

test('a rule of the PCRF follows its alias from one subscriber to another, for who uses the service too', async (t) => {
  const net = await open({}, { rules: [{ subscribers: ['tel:+15550100'], decision: 'deny' }] })
  const carol = await net.join('carol')
  t.is((await net.request('bob')).status, 403)
  await net.change(changed('bob', { aliases: ['robert'] }))
  t.is((await net.request('bob')).status, 200)
  t.true(carol.live)
  await net.change(changed('carol', { aliases: ['tel:+15550100'] }))
  t.false(carol.live)
  t.is((await net.request('carol')).status, 403)
})

test('a rule whose alias comes with many others', async (t) => {
  const net = await open({}, { rules: [{ subscribers: ['tel:+15550199'], decision: 'deny' }] })
  const zoe = { id: 'zoe', permissions: all, aliases: ['tel:+15550199'] }
  const more = Array.from({ length: 150 }, (_, i) => ({ id: `u${i}`, permissions: all }))
  await net.hss.provision([zoe, ...more].map((settings) => ({ do: 'put', settings }) as const))
  await net.pass(2000)
  t.is((await net.request('zoe')).status, 403)
})

test('while the HSS cannot say whom a rule means nobody is let in past it', async (t) => {
  const network = new ElementNetwork()
  await network.add(createHss('hss', { subscribers: people }))
  network.cut('hss')
  await network.add(createPcrf('pcrf', { hss: sip('hss'), rules: [{ subscribers: ['tel:+15550100'], decision: 'deny' }] }))
  const ask = async (device: string) => {
    const body = json('policy-query', { device, service: 'proximity', lease: device })
    const asked = network.ask('pcrf', 'SUBSCRIBE', sip('pcrf'), { asserted: service, event: 'service-policy', body })
    await network.clock.advance(5000)
    return asked
  }
  t.is((await ask(sip('alice'))).status, 503)
  network.heal()
  await network.clock.advance(2000)
  t.is(((await ask(sip('alice'))).subscription!.last as ServicePolicy).decision, 'allow')
  t.is(((await ask(sip('bob'))).subscription!.last as ServicePolicy).decision, 'deny')
})

test('roles of a rule: one is refused, the other granted; of what goes on only what may not', async (t) => {
  const rules = [{ subscribers: ['robert'], roles: ['discoverable'], decision: 'deny' }] as const
  const net = await open({}, { rules })
  const both = await net.join('bob')
  t.deepEqual((both.last as ProseState).roles, ['discoverer'])
  t.is((both.last as ProseState).announce, undefined)
  t.is((await net.request('bob', { roles: ['discoverable'] })).status, 403)
  t.is((await net.query('bob')).status, 200)
  const other = await open({}, { rules: [{ subscribers: ['robert'], roles: ['discoverer'], decision: 'deny' }] })
  t.deepEqual(((await other.join('bob')).last as ProseState).roles, ['discoverable'])
  t.is((await other.query('bob')).status, 403)
  const later = await open({}, { rules: [], otherwise: 'allow' })
  const [hides, seeks] = [
    await later.join('bob', { roles: ['discoverable'] }),
    await later.join('bob', { roles: ['discoverer'] }),
  ]
  const pcrf = later.network.element<ReturnType<typeof createPcrf>>('pcrf')
  pcrf.reload({ rules })
  await later.pass()
  t.deepEqual([hides.live, seeks.live], [false, true])
  t.throws(() => createPcrf('pcrf', { rules: [{ roles: ['discoverer'], quota: { count: 1 } }] }), {
    message: /quota, which is for both roles together; expected roles or a quota/,
  })
})

test('the quota of both roles holds beside a rule for one', async (t) => {
  const rules = [{ roles: ['discoverable'] }, { quota: { count: 1 } }] as const
  const net = await open({}, { rules })
  t.deepEqual(((await net.join('bob')).last as ProseState).roles, ['discoverable', 'discoverer'])
  t.deepEqual(((await net.join('alice', { roles: ['discoverable'] })).last as ProseState).roles, ['discoverable'])
})

test('a monitor list of the settings, on either side', async (t) => {
  for (const name of number) {
    const net = await open({ mode: 'listed', monitors: { 'tel:+15550111': [name] } })
    const [alice, bob] = [await net.join('alice'), await net.join('bob')]
    t.deepEqual(codes(alice), [code(bob)], name)
  }
  const net = await open({ mode: 'listed', monitors: { al: ['tel:+15550100'] } })
  const [alice, bob, carol] = [await net.join('alice'), await net.join('bob'), await net.join('carol')]
  t.deepEqual(codes(alice), [code(bob)])
  await net.change(changed('bob', {}))
  t.deepEqual(codes(alice), [])
  await net.change(changed('carol', { aliases: ['tel:+15550100'] }))
  t.deepEqual(codes(alice), [code(carol)])
})

test('the peers of a query, at its beginning and when it gets others; its device, and that of a request', async (t) => {
  const net = await open({ mode: 'listed', sets: 'everybody' })
  const [alice, bob, carol] = [await net.join('alice'), await net.join('bob'), await net.join('carol')]
  const set = (await net.query('alice', { peers: ['tel:+15550100'] })).subscription!
  t.deepEqual(codes(alice), [code(bob)])
  await net.change(changed('zoe', { aliases: ['tel:+15550177'] }))
  const zoe = await net.join('zoe')
  t.is(await set.refresh(json('proximity-query', { peers: ['tel:+15550177', sip('carol')] })), 200)
  await net.pass()
  t.deepEqual(new Set(codes(alice)), new Set([code(zoe), code(carol)]))
  const by = await net.query('alice', { device: 'tel:+15550111' }, 'proximity', sip('alice'))
  t.is(by.status, 200, 'one device by two names')
  t.is((await net.query('alice', { device: 'tel:+15550100' }, 'proximity', sip('alice'))).status, 400)
  const pair = await net.query('alice', undefined, 'proximity;peer="tel:+15550100"')
  t.is((pair.subscription!.last as { peer: string }).peer, sip('bob'))
  const named = await net.join('alice', { device: 'tel:+15550111', roles: ['discoverer'] })
  t.is(await named.refresh(json('prose-request', { device: 'tel:+15550111', roles: ['discoverable'] })), 200)
  t.deepEqual((named.last as ProseState).roles, ['discoverable'])
})

test('a friend by an alias stays one while all records are read again, and one who is none any more does not', async (t) => {
  const net = await open({ mode: 'listed', announce: 'when-monitored' })
  const [alice, bob] = [await net.join('alice'), await net.join('bob')]
  await net.query('alice', { peers: [sip('bob')], wake: true })
  t.deepEqual(codes(alice), [code(bob)])
  const more = Array.from({ length: 150 }, (_, i) => ({ id: `u${i}`, permissions: all })) // more than the feed tells
  const among = async (friends: readonly string[]): Promise<void> => {
    const settings = [...more, changed('bob', { friends })]
    await net.hss.provision(settings.map((each) => ({ do: 'put', settings: each }) as const))
    await net.pass(2000)
  }
  await among(['tel:+15550111', 'carol'])
  t.deepEqual(codes(alice), [code(bob)])
  await among(['carol'])
  t.deepEqual(codes(alice), [])
})

test('a set query of a UE is about those whose friend it is, however they say so; a server’s is about anybody', async (t) => {
  const net = await open({ mode: 'listed', announce: 'when-monitored' })
  const [alice, bob, carol] = [await net.join('alice'), await net.join('bob'), await net.join('carol')]
  const active = (one: PlayedSubscription): boolean => (one.last as ProseState).announce!.active
  const none = await net.query('carol', { peers: [sip('bob'), sip('alice')], wake: true })
  t.is(none.status, 403)
  t.is(none.warning, (await net.query('carol', { peers: [sip('nobody')] })).warning, 'like those whom nobody knows')
  t.deepEqual([codes(carol), active(bob)], [[], false])
  const some = (await net.query('alice', { peers: [sip('robert'), sip('carol')], wake: true })).subscription!
  t.deepEqual([codes(alice), active(bob), active(carol)], [[code(bob)], true, false])
  await net.change(changed('bob', { aliases: ['robert', 'tel:+15550100'], friends: ['carol'] }))
  t.deepEqual([codes(alice), active(bob)], [[], false], 'a friend no more')
  t.deepEqual((some.last as ProximityList).proximate, [])
  await net.change(changed('bob', { aliases: ['robert', 'tel:+15550100'], friends: ['tel:+15550111'] }))
  await net.query('alice', { peers: [sip('bob')], wake: true })
  t.deepEqual([codes(alice), active(bob)], [[code(bob)], true])
  await net.change({ ...people[0]!, aliases: ['al'] })
  t.deepEqual([codes(alice), active(bob)], [[], false], 'a friend by an alias that is hers no longer')
  const chess = { device: sip('alice'), application: 'chess', peers: [sip('bob'), sip('carol')], wake: true }
  t.is((await net.query('play', chess)).status, 200, 'an application server, which is listed by an alias')
  t.is(codes(alice).length, 2)
  const everybody = await open({ mode: 'listed', sets: 'everybody' })
  await everybody.join('alice')
  const carolHere = await everybody.join('carol')
  t.is((await everybody.query('carol', { peers: [sip('alice')] })).status, 200)
  t.is(codes(carolHere).length, 1)
})

test('a set over a restart goes on only about those who are friends still', async (t) => {
  const net = await open({ mode: 'listed' })
  const alice = await net.join('alice')
  await net.join('bob')
  await net.query('alice', { peers: [sip('bob')] })
  t.is(codes(alice).length, 1)
  await net.network.stop('prose')
  await net.hss.set(changed('bob', { friends: [] }))
  await net.network.add(createProse('prose', { mode: 'listed' }))
  await net.pass(1000)
  t.deepEqual(codes(alice), [])
})

test('whom a trigger puts on a list, and takes off it', async (t) => {
  const net = await open({ mode: 'listed' })
  const [alice, bob, carol] = [await net.join('alice'), await net.join('bob'), await net.join('carol')]
  const trigger = (body: object) =>
    net.ask('MESSAGE', service, { asserted: sip('play'), body: json('prose-monitor', { device: 'tel:+15550111', ...body }) })
  t.is((await trigger({ set: ['tel:+1-555-0100', sip('carol')] })).status, 200)
  t.deepEqual(new Set(codes(alice)), new Set([code(bob), code(carol)]))
  t.is((await trigger({ remove: ['2001:db8::9', 'sip:carol@127.0.0.1'] })).status, 200)
  t.deepEqual(codes(alice), [])
  t.is((await trigger({ add: [sip('robert')] })).status, 200)
  t.deepEqual(codes(alice), [code(bob)])
})
