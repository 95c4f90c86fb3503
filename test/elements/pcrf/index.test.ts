/** Policy as elements see it (SPEC §6.2): decisions that change, units of a quota, and a PCRF that does not answer. */
import test from 'ava'
import { createPcrf, type PcrfSettings } from '../../../elements/pcrf/index.ts'
import { writeBody } from '../../../elements/schemas/index.ts'
import { Policy, type PolicyRefusal } from '../../../elements/shared/clients/policy.ts'
import type { Element, Exchange, Host, Store } from '../../../signalling/index.ts'
import { memoryStore } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { metric } from '../../support/wire.ts'

/** An element that asks, with devices that use its service. */
class Asker implements Element {
  readonly name = 'push'
  readonly claims = [{ method: 'INFO' }]
  readonly users = new Set<string>()
  readonly denied: string[] = []
  policy!: Policy
  private readonly away: 'keep' | 'allow'
  constructor(away: 'keep' | 'allow') {
    this.away = away
  }
  start(host: Host): void {
    const { users, denied, away } = this
    this.policy = new Policy(host, {
      pcrf: 'sip:pcrf@localhost',
      service: 'push',
      away,
      users: () => users,
      uses: (device) => users.has(device),
      denied: (device, cause) => {
        users.delete(device)
        denied.push(`${device} ${cause}`)
      },
    })
    this.policy.start()
  }
  handle(exchange: Exchange): void {
    exchange.reply(200)
  }
  stop(): void {
    this.policy.stop()
  }
}

const alice = 'sip:alice@localhost'
const minute = 60_000

class Scene {
  readonly lab = new Lab()
  readonly store: Store = memoryStore(this.lab.clock)
  asker!: Asker
  pcrf!: ReturnType<typeof createPcrf>
  /** While true, the PCRF says nothing to anybody. */
  silent = false
  private readonly away: 'keep' | 'allow'
  constructor(away: 'keep' | 'allow') {
    this.away = away
  }
  async open(settings: PcrfSettings): Promise<this> {
    this.asker = new Asker(this.away)
    this.pcrf = createPcrf('pcrf', settings)
    const answer = this.pcrf.handle.bind(this.pcrf)
    this.pcrf.handle = (exchange) => (this.silent ? new Promise<void>(() => undefined) : answer(exchange))
    this.lab.trusted.push('10.0.1.1')
    await this.lab.serve(['localhost'], [this.pcrf, this.asker], this.store)
    await this.lab.clock.advance(10)
    return this
  }
  /** The node dies without a word, and another begins with its store. */
  async restart(settings: PcrfSettings): Promise<void> {
    await this.lab.stop()
    this.lab.nodes.length = 0
    await this.open(settings)
  }
  take(standing = false, device = alice): Promise<PolicyRefusal | undefined> {
    return this.lab.during(Promise.resolve(this.asker.policy.takeUnit(device, standing)), 50)
  }
  async takes(count: number): Promise<number> {
    let taken = 0
    for (let i = 0; i < count; i++) if ((await this.take()) === undefined) taken++
    return taken
  }
  refusal(device = alice): Promise<PolicyRefusal | undefined> {
    return this.lab.during(Promise.resolve(this.asker.policy.refusal(device)), 50)
  }
  metric(name: string): number {
    return metric(this.lab.nodes[0]!, name)
  }
}
const scene = (settings: PcrfSettings = {}, away: 'keep' | 'allow' = 'keep'): Promise<Scene> => new Scene(away).open(settings)

test('where a service is open nobody is asked', async (t) => {
  const net = await scene()
  const before = net.lab.tap.messages.length
  t.is(net.asker.policy.refusal(alice), undefined)
  t.is(net.asker.policy.takeUnit(alice, false), undefined)
  await net.lab.clock.advance(100)
  t.is(net.lab.tap.messages.length, before)
  t.is(net.metric('pcrf_leases'), 0)
  await net.lab.stop()
})

test('rules decide, and a refusal says which', async (t) => {
  const net = await scene({ rules: [{ name: 'not alice', subscribers: ['alice'], decision: 'deny' }] })
  t.deepEqual(await net.refusal(), { status: 403, cause: 'not alice' })
  t.is(await net.refusal('sip:bob@localhost'), undefined)
  t.is(net.metric('pcrf_leases'), 2)
  await net.lab.clock.advance(25_000)
  t.is(net.metric('pcrf_leases'), 0, 'nobody uses the service: nothing more is asked')
  await net.lab.stop()
})

test('rules that change reach those who use the service, and no others; also when it was open', async (t) => {
  const net = await scene()
  net.asker.users.add(alice).add('sip:bob@localhost')
  const rules = [{ name: 'no', subscribers: ['alice', 'carol'], decision: 'deny' }] as const
  net.pcrf.reload({ rules })
  await net.lab.clock.advance(100)
  t.deepEqual(net.asker.denied, [`${alice} no`])
  net.pcrf.reload({ rules: [{ name: 'nor bob', subscribers: ['bob'], decision: 'deny' }] })
  await net.lab.clock.advance(100)
  t.deepEqual(net.asker.denied, [`${alice} no`, 'sip:bob@localhost nor bob'])
  t.is(await net.refusal(), undefined, 'alice may again')
  net.pcrf.reload({})
  await net.lab.clock.advance(100)
  t.is(net.metric('pcrf_leases'), 0, 'open to all again')
  t.throws(() => net.pcrf.reload({ rules: [{ hours: 'noon' }] }), { message: /hours: noon/ })
  t.is(await net.refusal(), undefined, 'rules with a fault change nothing')
  await net.lab.stop()
})

test('a quota is used to its last unit and no further, in blocks', async (t) => {
  const net = await scene({ rules: [{ name: 'ten', quota: { count: 10 } }], block: { count: 4 } })
  net.asker.users.add(alice)
  t.is(await net.takes(10), 10)
  t.deepEqual(net.asker.denied, [])
  t.deepEqual(await net.take(), { status: 403, cause: 'ten: the quota is used up' })
  t.deepEqual(net.asker.denied, [`${alice} ten: the quota is used up`])
  t.is(await net.take(false, 'sip:bob@localhost'), undefined, 'each subscriber has his own')
  await net.lab.stop()
})

test('many at a time share the units', async (t) => {
  const net = await scene({ rules: [{ quota: { count: 25 } }], block: { count: 3 } })
  const all = Array.from({ length: 40 }, () => Promise.resolve(net.asker.policy.takeUnit(alice, false)))
  const answers = await net.lab.during(Promise.all(all), 2000)
  t.is(answers.filter((answer) => answer === undefined).length, 25)
  await net.lab.stop()
})

test('what was not used goes back when nobody uses the service any more', async (t) => {
  const net = await scene({ rules: [{ quota: { count: 10 } }], block: { count: 8 } })
  t.is(await net.takes(3), 3)
  await net.lab.clock.advance(25_000)
  t.is(net.metric('pcrf_leases'), 0)
  t.is(await net.takes(10), 7)
  await net.lab.stop()
})

test('over a kill what was granted counts as used, and nothing is granted twice', async (t) => {
  const settings = { rules: [{ quota: { count: 10 } }], block: { count: 4 } }
  const net = await scene(settings)
  t.is(await net.takes(1), 1)
  await net.restart(settings)
  t.is(await net.takes(10), 6, 'a block of four is gone with the process')
  await net.restart(settings)
  t.is(await net.takes(1), 0)
  await net.lab.stop()
})

test('a quota of a day begins anew at midnight of its zone', async (t) => {
  const rule = { quota: { count: 2, per: 'day' }, zone: 'Europe/Berlin' } as const
  const net = await scene({ rules: [rule] })
  t.is(await net.takes(3), 2)
  await net.lab.clock.advance(22 * 60 * minute) // 23:00 there is 22:00 UTC, where the lab begins at 0:00
  t.is(await net.takes(1), 0)
  await net.lab.clock.advance(60 * minute)
  t.is(await net.takes(3), 2)
  await net.lab.stop()
})

test('a quota of time ends the service when it is over, and stands still while nobody uses it', async (t) => {
  const net = await scene({ rules: [{ name: 'hour', quota: { seconds: 600 } }], block: { seconds: 100 } })
  net.asker.users.add(alice)
  t.is(await net.refusal(), undefined)
  await net.lab.clock.advance(5 * minute)
  t.deepEqual(net.asker.denied, [])
  net.asker.users.delete(alice)
  await net.lab.clock.advance(60 * minute)
  net.asker.users.add(alice)
  t.is(await net.refusal(), undefined)
  await net.lab.clock.advance(4 * minute)
  t.deepEqual(net.asker.denied, [], 'not yet')
  await net.lab.clock.advance(minute)
  t.deepEqual(net.asker.denied, [`${alice} hour: the quota is used up`])
  t.is((await net.refusal())?.status, 403)
  await net.lab.stop()
})

test('time of day alone changes decisions, to the minute', async (t) => {
  const net = await scene({ rules: [{ name: 'lunch', hours: '12:00-13:00', decision: 'deny' }] })
  net.asker.users.add(alice)
  t.is(await net.refusal(), undefined)
  await net.lab.clock.advance(12 * 60 * minute - 1000 - net.lab.clock.now())
  t.deepEqual(net.asker.denied, [])
  await net.lab.clock.advance(1100)
  t.deepEqual(net.asker.denied, [`${alice} lunch`])
  t.is((await net.refusal())?.status, 403)
  await net.lab.clock.advance(60 * minute)
  t.is(await net.refusal(), undefined)
  await net.lab.stop()
})

test('while the PCRF is silent: what was allowed goes on, new requests are told to come again', async (t) => {
  const rules = [{ quota: { count: 5 } }]
  const net = await scene({ rules, block: { count: 2 } })
  net.asker.users.add(alice)
  t.is(await net.takes(2), 2)
  net.silent = true
  const fresh = Promise.resolve(net.asker.policy.refusal('sip:bob@localhost'))
  t.deepEqual(await net.lab.during(fresh, 6000), { status: 503, cause: 'the PCRF does not answer now: come again later' })
  await net.lab.stop()

  const easy = await scene({ rules }, 'allow')
  easy.silent = true
  t.is(await easy.lab.during(Promise.resolve(easy.asker.policy.refusal(alice)), 6000), undefined)
  await easy.lab.stop()
})

test('nobody but elements may ask, and nothing is told of what is wrong with the question', async (t) => {
  const net = await scene({ rules: [{ quota: { count: 5 } }] })
  const stranger = await net.lab.agent('stranger')
  const body = writeBody('policy-query', { device: alice, service: 'push', lease: 'x' })
  const charge = writeBody('charging-event', {
    source: 'push/x',
    events: [{ number: 1, at: '2026-01-01T00:00:00Z', event: 'push', service: 'push' }],
  })
  const route = ['<sip:10.0.0.1;lr>']
  const asked = [
    { method: 'SUBSCRIBE', headers: [['Event', 'service-policy'] as const], body },
    { method: 'MESSAGE', body: charge },
    { method: 'MESSAGE', body: { type: 'text/plain', content: 'x' } },
  ]
  const send = (request: object, asserted: string) => {
    const sent = { method: 'MESSAGE', to: 'sip:pcrf@localhost', route, asserted, ...request }
    return net.lab.during(stranger.host.send(sent))
  }
  for (const request of asked) t.is((await send(request, 'sip:mallory@localhost')).status, 403)
  t.is(net.metric('pcrf_records'), 0)
  t.is((await send(asked[1]!, 'sip:push@localhost')).status, 200)
  t.is((await send(asked[2]!, 'sip:push@localhost')).status, 415)
  t.is(net.metric('pcrf_records'), 1)
  const malformed = writeBody('charging-event', { source: 'push', events: [] })
  t.is((await send({ body: malformed }, 'sip:push@localhost')).status, 400)
  await net.lab.stop()
})
