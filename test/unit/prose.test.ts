/** The proximity server with an HSS beside it, in virtual time: SPEC §3.1–§3.4 with their failure branches. */
import test from 'ava'
import { createHss, type Hss, type HssSettings } from '../../elements/hss/index.ts'
import { createProse, type ProseSettings } from '../../elements/prose/index.ts'
import type { ProseState, ProximityDiff, ProximityList, ProximityPair } from '../../elements/schemas/index.ts'
import { type Asking, type FakeExchange, type FakeHost, FakeNetwork, type FakeNotifier, json } from '../support/fake-host.ts'

const all = { discoverable: true, discoverer: true }
const subscribers: HssSettings['subscribers'] = [
  { id: 'alice', permissions: all, aliases: ['tel:+4930111'], servers: [{ uri: 'as', application: 'chess' }] },
  { id: 'bob', permissions: all },
  { id: 'carol', permissions: { discoverable: true, discoverer: false } },
  { id: 'dave', permissions: { discoverable: false, discoverer: true } },
  { id: 'eve', permissions: { discoverable: false, discoverer: false } },
]
const sip = (user: string): string => `sip:${user}@localhost`
const service = sip('prose')

class Scene {
  readonly network = new FakeNetwork()
  readonly settings: ProseSettings
  hss!: Hss
  prose!: FakeHost

  constructor(settings: ProseSettings) {
    this.settings = settings
  }
  async open(): Promise<this> {
    this.hss = createHss('hss', { subscribers })
    await this.network.add(this.hss)
    await this.restart()
    return this
  }
  async restart(): Promise<void> {
    await this.prose?.element.stop?.()
    this.prose = await this.network.add(createProse('prose', this.settings))
  }
  ask(method: string, to: string, asking: Asking): Promise<FakeExchange> {
    return this.network.ask('prose', method, to, asking)
  }
  request(user: string, body?: object, more: Asking = {}): Promise<FakeExchange> {
    return this.ask('SUBSCRIBE', service, {
      asserted: sip(user),
      event: 'prose',
      body: body && json('prose-request', body),
      ...more,
    })
  }
  /** A granted proximity service request of that user. */
  async join(user: string, body?: object): Promise<FakeNotifier> {
    return (await this.request(user, body)).notifier!
  }
  query(user: string, body?: object, more: Asking & { to?: string } = {}): Promise<FakeExchange> {
    const { to = service, ...asking } = more
    return this.ask('SUBSCRIBE', to, {
      asserted: sip(user),
      event: 'proximity',
      body: body && json('proximity-query', body),
      ...asking,
    })
  }
  async watch(user: string, body?: object, more: Asking & { to?: string } = {}): Promise<FakeNotifier> {
    return (await this.query(user, body, more)).notifier!
  }
  report(user: string, heard: readonly string[], lost: readonly string[] = [], extra: object = {}): Promise<FakeExchange> {
    const at = new Date(this.network.clock.date()).toISOString()
    const body = { heard: heard.map((code) => ({ code, at, ...extra })), lost }
    return this.ask('MESSAGE', service, { asserted: sip(user), body: json('prose-match', body) })
  }
  trigger(asserted: string, body: object): Promise<FakeExchange> {
    return this.ask('MESSAGE', service, { asserted, body: json('prose-monitor', body) })
  }
  /** Live notifiers after a restart. */
  notifiers(packageName: string): FakeNotifier[] {
    return [...this.prose.notifiers].filter((one) => one.package === packageName)
  }
}
const scene = (settings: ProseSettings = {}): Promise<Scene> => new Scene(settings).open()
const stateOf = (notifier: FakeNotifier): ProseState => notifier.last as ProseState
const codeOf = (notifier: FakeNotifier): string => stateOf(notifier).announce!.code
const names = (list: unknown): string[] => (list as ProximityList).proximate.map(({ device }) => device)

// ---- §3.1

test('a device without a body asks for both roles and gets a code', async (t) => {
  const net = await scene()
  const notifier = await net.join('alice')
  const state = stateOf(notifier)
  t.deepEqual(state.roles, ['discoverable', 'discoverer'])
  t.is(state.device, sip('alice'))
  t.regex(state.announce!.code, /^[0-9a-f]{46}$/)
  t.is(state.announce!.validUntil, '2026-01-01T01:00:00.000Z')
  t.true(state.announce!.active)
  t.deepEqual(state.monitor, { mode: 'all', codes: [] })
})

test('only what is permitted is granted, and only the discoverable get a code', async (t) => {
  const net = await scene()
  t.deepEqual(stateOf(await net.join('carol')).roles, ['discoverable'])
  t.is(stateOf(await net.join('carol')).monitor, undefined)
  t.is(stateOf(await net.join('dave')).announce, undefined)
  t.is(stateOf(await net.join('alice', { roles: ['discoverer'] })).announce, undefined)
  t.is(net.prose.size('codes'), 1)
})

test('403: no permission, unknown, nobody vouches, not the own device; strangers learn nothing', async (t) => {
  const net = await scene()
  const eve = await net.request('eve')
  t.is(eve.status, 403)
  t.truthy(eve.warning)
  t.is((await net.request('carol', { roles: ['discoverer'] })).status, 403)
  const unknown = await net.request('nobody')
  const other = await net.request('bob', { device: sip('alice') })
  t.is(unknown.status, 403)
  t.is(other.status, 403)
  t.deepEqual(unknown.fields, other.fields)
  t.is((await net.request('alice', undefined, { asserted: undefined })).status, 403)
})

test('400 and 415 for bodies that are not as the schema says', async (t) => {
  const net = await scene()
  const bad = await net.request('alice', { roles: ['king'] })
  t.is(bad.status, 400)
  t.regex(bad.warning!, /^\/roles\/0/)
  t.is((await net.request('alice', undefined, { body: { type: 'text/plain', content: 'x' } })).status, 415)
})

test('an application server that the HSS lists acts for the device, for that application', async (t) => {
  const net = await scene()
  t.is((await net.request('as', { device: sip('alice'), application: 'chess' })).status, 200)
  t.is((await net.request('as', { device: sip('alice'), application: 'go' })).status, 403)
  t.is((await net.request('as', { device: sip('bob') })).status, 403)
})

test('all forms of a device are one: alias, other domain name', async (t) => {
  const net = await scene()
  const one = await net.join('alice')
  const two = (await net.request('', undefined, { asserted: 'tel:+49-30-111' })).notifier!
  const three = (await net.request('', undefined, { asserted: 'sip:alice@127.0.0.1' })).notifier!
  t.is(codeOf(two), codeOf(one))
  t.is(codeOf(three), codeOf(one))
})

test('a fetch shows what is, and allocates nothing', async (t) => {
  const net = await scene()
  const before = (await net.request('alice', undefined, { expires: 0 })).notifier!
  t.is(stateOf(before).announce, undefined)
  t.is(net.prose.size('codes'), 0)
  const standing = await net.join('alice')
  const after = (await net.request('alice', undefined, { expires: 0 })).notifier!
  t.is(codeOf(after), codeOf(standing))
  t.true(standing.live)
})

test('a refresh may change roles, within what is permitted', async (t) => {
  const net = await scene()
  const notifier = await net.join('alice', { roles: ['discoverer'] })
  const { element } = net.prose
  const refresh = async (body: object) =>
    element.refreshed!(notifier, (await net.request('nobody', undefined, { body: json('prose-request', body) })).request)
  t.is(await refresh({ roles: ['discoverable', 'discoverer'] }), undefined)
  t.regex(codeOf(notifier), /^[0-9a-f]{46}$/)
  t.like(notifier.record, { roles: 3 })
  t.is(await refresh({ roles: ['discoverer'] }), undefined)
  t.is(stateOf(notifier).announce, undefined)
  t.is(net.prose.size('codes'), 0)
  t.is(await refresh({ roles: ['king'] }), 400)
  t.is(await refresh({ device: sip('bob'), roles: ['discoverer'] }), 403)
  t.is(await refresh({}), undefined)
  const carol = await net.join('carol')
  const body = json('prose-request', { roles: ['discoverer'] })
  t.is(element.refreshed!(carol, (await net.request('nobody', undefined, { body })).request), 403)
})

// ---- codes

test('codes rotate with overlap: the new one is told, the old one counts for the grace period', async (t) => {
  const net = await scene({ code: { lifetime: 600, grace: 60 } })
  const alice = await net.join('alice')
  await net.join('bob')
  const first = codeOf(alice)
  await net.network.clock.advance(540_100)
  const second = codeOf(alice)
  t.not(second, first)
  t.is(alice.bodies.length, 2)
  t.is((await net.report('bob', [first])).status, 200)
  t.is((await net.report('bob', [second])).status, 200)
  await net.network.clock.advance(59_900)
  t.is((await net.report('bob', [first])).status, 404)
  t.is((await net.report('bob', [second])).status, 200)
  await net.network.clock.advance(60_000)
  t.is(net.prose.size('codes'), 2)
})

test('unsubscribing withdraws the code and every relation that rests on it; watchers are told', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const bob = await net.join('bob')
  const watcher = await net.watch('bob')
  const code = codeOf(alice)
  await net.report('bob', [code])
  t.deepEqual(names(watcher.last), [sip('alice')])
  alice.end('timeout')
  t.deepEqual(names(watcher.last), [])
  t.is((await net.report('bob', [code])).status, 404)
  t.is(net.prose.size('relations'), 0)
  await net.join('alice')
  await net.report('alice', [codeOf(bob)])
  const near = await net.watch('alice')
  t.deepEqual(names(near.last), [sip('bob')])
})

test('a discoverer that leaves has no list any more', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const bob = await net.join('bob')
  const watcher = await net.watch('bob')
  await net.report('bob', [codeOf(alice)])
  bob.end('timeout')
  t.deepEqual(names(watcher.last), [])
  t.is((await net.report('bob', [codeOf(alice)])).status, 403)
})

test('two subscriptions of one device: the code lives as long as one of them', async (t) => {
  const net = await scene()
  const first = await net.join('alice')
  const second = await net.join('alice')
  await net.join('bob')
  first.end('giveup')
  t.is((await net.report('bob', [codeOf(second)])).status, 200)
})

// ---- §3.2

test('a match: 200, the relation is directional and keeps first and last time', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.join('bob')
  t.is((await net.report('bob', [codeOf(alice)], [], { rssi: -70 })).status, 200)
  await net.network.clock.advance(10_000)
  await net.report('bob', [codeOf(alice)], [], { rssi: -60 })
  const list = (await net.watch('bob')).last as ProximityList
  t.deepEqual(list.proximate, [
    { device: sip('alice'), since: '2026-01-01T00:00:00.000Z', lastHeard: '2026-01-01T00:00:10.000Z', rssi: -60 },
  ])
  t.deepEqual(names((await net.watch('alice')).last), [])
})

test('a match is refused: not subscribed, not a discoverer, unknown reporter, nobody vouches, malformed', async (t) => {
  const net = await scene()
  const code = codeOf(await net.join('alice'))
  t.is((await net.report('bob', [code])).status, 403)
  await net.join('carol')
  t.is((await net.report('carol', [code])).status, 403)
  t.is((await net.report('nobody', [code])).status, 403)
  const body = json('prose-match', { heard: [] })
  t.is((await net.ask('MESSAGE', service, { body })).status, 403)
  t.is((await net.ask('MESSAGE', service, { asserted: sip('bob'), body: json('prose-match', {}) })).status, 400)
})

test('a match by alias counts for the device', async (t) => {
  const net = await scene()
  await net.join('alice')
  const bob = await net.join('bob')
  const heard = [{ code: codeOf(bob), at: '2026-01-01T00:00:00Z' }]
  t.is((await net.ask('MESSAGE', service, { asserted: 'tel:+4930111', body: json('prose-match', { heard }) })).status, 200)
  t.deepEqual(names((await net.watch('alice')).last), [sip('bob')])
})

test('unknown codes: none known is 404, some unknown is 200 with a Warning, an empty report is 200', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.join('bob')
  const unknown = 'f'.repeat(46)
  t.is((await net.report('bob', [unknown])).status, 404)
  const some = await net.report('bob', [unknown, codeOf(alice)])
  t.is(some.status, 200)
  t.regex(some.warning!, /1 of 2/)
  t.is((await net.report('bob', [])).status, 200)
})

test('lost removes, but not a code under which the peer is heard no more', async (t) => {
  const net = await scene({ code: { lifetime: 600, grace: 300 }, lifetime: 1000 })
  const alice = await net.join('alice')
  await net.join('bob')
  const watcher = await net.watch('bob')
  const first = codeOf(alice)
  await net.report('bob', [first])
  await net.network.clock.advance(300_100)
  await net.report('bob', [codeOf(alice)])
  await net.report('bob', [], [first])
  t.is(watcher.bodies.length, 2)
  await net.report('bob', [], [codeOf(alice)])
  t.deepEqual(names(watcher.last), [])
  t.is((await net.report('bob', [], [codeOf(alice)])).status, 200)
  t.is((await net.report('bob', [], ['0'.repeat(46)])).status, 404)
})

test('entries live until their lifetime after the last report', async (t) => {
  const net = await scene({ report: { refresh: 20 } })
  const alice = await net.join('alice')
  await net.join('bob')
  const watcher = await net.watch('bob')
  await net.report('bob', [codeOf(alice)])
  await net.network.clock.advance(40_000)
  await net.report('bob', [codeOf(alice)])
  t.is(watcher.bodies.length, 2, 'a refresh alone tells nobody')
  await net.network.clock.advance(59_000)
  t.deepEqual(names(watcher.last), [sip('alice')])
  await net.network.clock.advance(1100)
  t.deepEqual(names(watcher.last), [])
  t.is(net.prose.size('relations'), 0)
})

test('times: the future is now, what is too old does not count, an overtaken report changes nothing', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.join('bob')
  await net.network.clock.advance(100_000)
  const code = codeOf(alice)
  const at = async (time: string) =>
    (await net.ask('MESSAGE', service, { asserted: sip('bob'), body: json('prose-match', { heard: [{ code, at: time }] }) }))
      .status
  t.is(await at('2026-01-01T00:00:10Z'), 200)
  t.is(net.prose.size('relations'), 0)
  t.is(await at('2030-01-01T00:00:00Z'), 200)
  t.is(await at('2026-01-01T00:01:35Z'), 200)
  const list = (await net.watch('bob')).last as ProximityList
  t.is(list.proximate[0]!.lastHeard, '2026-01-01T00:01:40.000Z')
})

test('hearing oneself is no proximity', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  t.is((await net.report('alice', [codeOf(alice)])).status, 200)
  t.is(net.prose.size('relations'), 0)
})

test('mode listed: only codes on the list count; the list follows rotation and departure', async (t) => {
  const net = await scene({ mode: 'listed', monitors: { bob: ['alice'] }, code: { lifetime: 600, grace: 60 } })
  const bob = await net.join('bob')
  t.deepEqual(stateOf(bob).monitor, { mode: 'listed', codes: [] })
  const alice = await net.join('alice')
  const carol = await net.join('carol')
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(alice)])
  t.is((await net.report('bob', [codeOf(carol)])).status, 404)
  t.is((await net.report('bob', [codeOf(alice)])).status, 200)
  const first = codeOf(alice)
  await net.network.clock.advance(540_100)
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(alice), first])
  await net.network.clock.advance(60_000)
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(alice)])
  alice.end('timeout')
  t.deepEqual(stateOf(bob).monitor!.codes, [])
})

// ---- FIG 9

test('a trigger changes the monitor list of a device, durably; strangers are refused', async (t) => {
  const net = await scene({ mode: 'listed' })
  const alice = await net.join('alice')
  const bob = await net.join('bob')
  t.is((await net.trigger(sip('as'), { device: sip('alice'), application: 'chess', set: [sip('bob')] })).status, 200)
  t.deepEqual(stateOf(alice).monitor!.codes, [codeOf(bob)])
  t.is((await net.trigger(sip('eve'), { device: sip('alice'), set: [] })).status, 403)
  t.is((await net.trigger(sip('as'), { device: sip('bob'), set: [] })).status, 403)
  t.is((await net.trigger(sip('carol'), { device: sip('carol'), set: [] })).status, 403)
  t.is((await net.trigger(sip('as'), { set: [] })).status, 400)
  await net.restart()
  const again = net.notifiers('prose').find(({ resource }) => resource === sip('alice'))!
  t.deepEqual(stateOf(again).monitor!.codes, [codeOf(bob)])
  await net.trigger(sip('as'), { device: sip('alice'), add: [sip('carol')], remove: [sip('bob')] })
  t.deepEqual(stateOf(again).monitor!.codes, [])
  const carol = await net.join('carol')
  t.deepEqual(stateOf(again).monitor!.codes, [codeOf(carol)])
  await net.trigger(sip('as'), { device: sip('alice'), set: [] })
  t.deepEqual(stateOf(again).monitor!.codes, [])
})

// ---- §3.3

test('the list may be asked at the device itself, and fetched', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.join('bob')
  await net.report('bob', [codeOf(alice)])
  const fetched = await net.query('bob', undefined, { to: sip('bob'), expires: 0 })
  t.deepEqual(names(fetched.notifier!.last), [sip('alice')])
  t.false(fetched.notifier!.live)
  t.is(net.prose.size('watchers'), 0)
})

test('a pair, by Event parameter and by body', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const carol = await net.join('carol')
  await net.join('bob')
  const pair = await net.watch('bob', undefined, { event: `proximity;peer="<${sip('alice')}>"` })
  t.deepEqual(pair.last as ProximityPair, { device: sip('bob'), peer: sip('alice'), proximate: false })
  await net.report('bob', [codeOf(carol)])
  t.is(pair.bodies.length, 1, 'other peers are not its business')
  await net.report('bob', [codeOf(alice)])
  t.true((pair.last as ProximityPair).proximate)
  const byBody = await net.watch('bob', { peer: 'tel:+4930111' })
  t.deepEqual(byBody.last as ProximityPair, { device: sip('bob'), peer: sip('alice'), proximate: true })
})

test('questions that contradict themselves', async (t) => {
  const net = await scene()
  t.is((await net.query('bob', { peer: sip('alice'), peers: [sip('carol')] })).status, 400)
  t.is((await net.query('bob', undefined, { event: 'proximity;peer="what ever"' })).status, 400)
  t.is((await net.query('bob', { device: sip('alice') }, { to: sip('bob') })).status, 400)
  t.is((await net.query('bob', { peers: [] })).status, 400)
})

test('who may ask: the device, its application server; others learn nothing', async (t) => {
  const net = await scene()
  t.is((await net.query('as', { device: sip('alice') })).status, 200)
  t.is((await net.query('as', { device: sip('bob') })).status, 403)
  t.is((await net.query('bob', undefined, { to: sip('alice') })).status, 403)
  t.is((await net.query('bob', undefined, { to: sip('nobody') })).status, 403)
  t.is((await net.query('eve')).status, 403)
  t.is((await net.query('bob', undefined, { asserted: undefined })).status, 403)
})

test('mutual relations only: told when either side changes', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const bob = await net.join('bob')
  const watcher = await net.watch('bob', { mutual: true })
  await net.report('bob', [codeOf(alice)])
  t.deepEqual(names(watcher.last), [])
  await net.report('alice', [codeOf(bob)])
  t.deepEqual(names(watcher.last), [sip('alice')])
  await net.report('alice', [], [codeOf(bob)])
  t.deepEqual(names(watcher.last), [])
})

test('a set puts its peers on the monitor list and tells which are near', async (t) => {
  const net = await scene({ mode: 'listed' })
  const alice = await net.join('alice')
  const carol = await net.join('carol')
  const bob = await net.join('bob')
  t.is((await net.report('bob', [codeOf(alice)])).status, 404)
  const set = await net.watch('bob', { peers: ['tel:+4930111', sip('nobody')] })
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(alice)])
  await net.report('bob', [codeOf(alice)])
  t.deepEqual(names(set.last), [sip('alice')])
  const { element } = net.prose
  const body = json('proximity-query', { peers: [sip('carol')] })
  const { request } = await net.query('nobody', undefined, { body })
  t.is(element.refreshed!(set, request), undefined)
  t.deepEqual(names(set.last), [])
  t.deepEqual(stateOf(bob).monitor!.codes, [codeOf(carol)])
  set.end('timeout')
  t.deepEqual(stateOf(bob).monitor!.codes, [])
})

test('only a set can be given other peers by a refresh', async (t) => {
  const net = await scene()
  const list = await net.watch('bob')
  const refresh = async (body: object) =>
    net.prose.element.refreshed!(list, (await net.query('nobody', undefined, { body: json('proximity-query', body) })).request)
  t.is(await refresh({ peers: [sip('alice')] }), 403)
  t.is(await refresh({ peers: [] }), 400)
  t.is(await refresh({}), undefined)
})

// ---- announcing

test('when-monitored: a device broadcasts while somebody listens or has woken it', async (t) => {
  const net = await scene({ mode: 'listed', announce: 'when-monitored', monitors: { bob: ['alice'] } })
  const alice = await net.join('alice')
  t.false(stateOf(alice).announce!.active)
  const bob = await net.join('bob')
  t.true(stateOf(alice).announce!.active)
  bob.end('timeout')
  t.false(stateOf(alice).announce!.active)
  const carol = await net.join('carol')
  const quiet = await net.watch('bob', { peers: [sip('carol')] })
  t.false(stateOf(carol).announce!.active)
  const waking = await net.watch('bob', { peers: [sip('carol')], wake: true })
  t.true(stateOf(carol).announce!.active)
  quiet.end('timeout')
  t.true(stateOf(carol).announce!.active)
  waking.end('timeout')
  t.false(stateOf(carol).announce!.active)
})

// ---- §3.4

test('differences: full first, then consecutive changes, newest state wins', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  const carol = await net.join('carol')
  await net.join('bob')
  const watcher = await net.watch('bob', undefined, { accept: 'application/vnd.proxima.proximity-diff+json' })
  const last = (): ProximityDiff => watcher.last as ProximityDiff
  t.true(last().full)
  await net.report('bob', [codeOf(alice)])
  t.false(last().full)
  t.is(last().added[0]!.device, sip('alice'))
  await net.network.clock.advance(5000)
  await net.report('bob', [codeOf(alice)])
  await net.report('bob', [codeOf(carol)])
  t.is(last().refreshed[0]!.lastHeard, '2026-01-01T00:00:05.000Z')
  t.is(last().added[0]!.device, sip('carol'))
  watcher.slow = true
  await net.report('bob', [], [codeOf(carol)])
  await net.report('bob', [], [codeOf(alice)])
  watcher.catchUp()
  t.deepEqual([...last().removed].sort(), [sip('alice'), sip('carol')])
  t.is(last().version, 4)
})

// ---- permissions that change

test('a permission lost ends the subscription and everything that rests on it', async (t) => {
  const net = await scene()
  const alice = await net.join('alice')
  await net.join('bob')
  const watcher = await net.watch('bob')
  const server = await net.watch('as', { device: sip('alice') })
  await net.report('bob', [codeOf(alice)])
  await net.hss.set({ id: 'alice', permissions: { discoverable: false, discoverer: true } })
  await net.network.clock.settle()
  t.is(alice.reason, 'rejected')
  t.deepEqual(names(watcher.last), [])
  t.is(server.reason, 'rejected', 'the record no longer lists the application server')
  await net.hss.remove('bob')
  await net.network.clock.settle()
  t.is(watcher.reason, 'rejected')
  t.is(net.prose.size('devices'), 0)
})

test('a permission that stays keeps the subscription', async (t) => {
  const net = await scene()
  const bob = await net.join('bob')
  await net.hss.set({ id: 'bob', permissions: all, friends: ['alice'] })
  await net.network.clock.settle()
  t.true(bob.live)
})

test('503 while the HSS does not answer, and no code is left over', async (t) => {
  const net = await scene()
  net.network.deaf.add('hss')
  const refused = await net.request('alice')
  t.is(refused.status, 503)
  t.deepEqual(refused.fields.headers, [['Retry-After', '5']])
  net.network.deaf.clear()
  t.is((await net.request('alice')).status, 200)
})

// ---- restart

test('a restart loses nothing that was acknowledged', async (t) => {
  const net = await scene({ mode: 'listed', announce: 'when-monitored', code: { lifetime: 600, grace: 60 }, lifetime: 300 })
  const alice = codeOf(await net.join('alice'))
  await net.join('bob')
  await net.watch('bob', { peers: [sip('alice')], wake: true })
  await net.watch('bob', undefined, { event: `proximity;peer="${sip('alice')}"` })
  t.is((await net.report('bob', [alice], [], { rssi: -50 })).status, 200)
  await net.network.clock.advance(1000)
  await net.restart()
  const [a, b] = net.notifiers('prose')
  const [set, pair] = net.notifiers('proximity')
  t.is(codeOf(a!), alice)
  t.true(stateOf(a!).announce!.active)
  t.deepEqual(stateOf(b!).monitor!.codes, [alice])
  t.deepEqual((set!.last as ProximityList).proximate, [
    { device: sip('alice'), since: '2026-01-01T00:00:00.000Z', lastHeard: '2026-01-01T00:00:00.000Z', rssi: -50 },
  ])
  t.true((pair!.last as ProximityPair).proximate)
  await net.network.clock.advance(299_100)
  t.deepEqual(names(set!.last), [])
  t.false((pair!.last as ProximityPair).proximate)
  await net.network.clock.advance(240_000)
  t.not(codeOf(a!), alice, 'rotation goes on')
  t.deepEqual(stateOf(b!).monitor!.codes, [codeOf(a!), alice])
})

test('a restart after the code has expired gives a new one', async (t) => {
  const net = await scene({ code: { lifetime: 600, grace: 60 } })
  const alice = codeOf(await net.join('alice'))
  await net.prose.element.stop!()
  await net.network.clock.advance(700_000)
  await net.restart()
  t.not(codeOf(net.notifiers('prose')[0]!), alice)
})

test('a restart during the overlap keeps both codes', async (t) => {
  const net = await scene({ code: { lifetime: 600, grace: 60 } })
  const alice = await net.join('alice')
  await net.join('bob')
  const first = codeOf(alice)
  await net.network.clock.advance(540_100)
  const second = codeOf(alice)
  await net.restart()
  t.is(codeOf(net.notifiers('prose')[0]!), second)
  t.is((await net.report('bob', [first])).status, 200)
  await net.network.clock.advance(60_000)
  t.is((await net.report('bob', [first])).status, 404)
})

test('what nobody takes up after a restart goes: codes, relations, sets', async (t) => {
  const net = await scene({ lifetime: 1000 })
  const alice = await net.join('alice')
  const bob = await net.join('bob')
  const set = await net.watch('bob', { peers: [sip('alice')] })
  await net.report('bob', [codeOf(alice)])
  for (const gone of [alice, bob, set]) net.prose.notifiers.delete(gone)
  await net.restart()
  t.is(net.prose.size('codes'), 2)
  await net.network.clock.advance(10_100)
  t.is(net.prose.size('codes'), 0)
  t.is(net.prose.size('relations'), 0)
  const left = []
  for await (const [key] of net.network.store.scan('prose/')) left.push(key)
  t.deepEqual(left, [])
})

test('a permission lost while the server was down is noticed after the restart', async (t) => {
  const net = await scene()
  await net.join('alice')
  await net.prose.element.stop!()
  await net.hss.remove('alice')
  await net.restart()
  t.is(net.prose.notifiers.size, 0)
  t.is(net.prose.size('codes'), 0)
})

test('the store failing refuses what would not be durable', async (t) => {
  const net = await scene()
  const { store } = net.network
  const write = store.write
  store.write = () => Promise.reject(new Error('disk full'))
  t.is((await net.request('alice')).status, 500)
  t.is(net.prose.size('codes'), 0)
  store.write = write
  t.is((await net.request('alice')).status, 200)
})
