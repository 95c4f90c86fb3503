/** Requests for devices that sleep (SPEC §5.8): INVITE waits with 100 alone, requests of a dialog by the PURR; pn-* are seen by nobody. */
import test, { type ExecutionContext } from 'ava'
import { MemoryPushService } from '../../../dialplans/flows/stage/push-service.ts'
import { createPush } from '../../../elements/push/index.ts'
import { createRegistration } from '../../../elements/reg-event/index.ts'
import { type Element, type Exchange, memoryStore, SipRequest, SipResponse } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { metric } from '../../support/wire.ts'
import { type Phone, PhonesScene, routesOf } from './phones-scene.ts'

const day = 86_400
const instance = '+sip.instance="<urn:uuid:00000000-0000-4000-8000-000000000001>"'
const pushServer = { element: 'push', flags: '0000', wakes: ['webpush'] }

/** A Push server played by the test: registers all, and keeps those waiting who ask for a wake. */
class AskedServer implements Element {
  readonly name: string
  readonly claims: Element['claims']
  wakes = 0
  private answer: (() => void) | undefined

  constructor(name: string) {
    this.name = name
    this.claims = [
      { method: 'REGISTER', user: name },
      { method: 'MESSAGE', user: name },
    ]
  }
  start(): void {}
  async handle(exchange: Exchange): Promise<void> {
    if (exchange.request.method !== 'MESSAGE') return exchange.reply(200)
    this.wakes++
    await new Promise<void>((resolve) => {
      this.answer = resolve
    })
    exchange.reply(202)
  }
  /** Answers the wake that waits. */
  release(): void {
    this.answer?.()
  }
}

async function open(t: ExecutionContext, servers?: readonly AskedServer[]) {
  const service = new MemoryPushService()
  const clock = new ManualClock()
  const store = memoryStore(clock)
  const others = servers ?? [createPush('push', {}), createRegistration('registration', {})]
  const numbered = [pushServer, { ...pushServer, element: 'other', flags: '0001' }].slice(0, servers?.length ?? 1)
  const push = { bob: '0a17c5d2e8b9f604' }
  const scene = await PhonesScene.open(t, { http: service, push, others, clock, store, proxy: { push: numbered } })
  const waking = `;pn-provider=webpush;pn-prid=${encodeURIComponent(service.endpoint('bob'))}`
  const register = async (phone: Phone, seconds = day): Promise<SipResponse> =>
    phone.register('bob', `<sip:bob@${phone.at};ob${waking}>;${instance};reg-id=1;expires=${seconds}`, [
      'Supported: outbound, path',
    ])
  const alice = await scene.phone('UDP')
  t.is((await alice.register('alice', `<sip:alice@${alice.at}>`)).status, 200)
  const statuses = (): readonly number[] =>
    alice.got.flatMap((one) =>
      one instanceof SipResponse && one.cseq.method === 'INVITE' && one.status !== 407 ? one.status : [],
    )
  /** Bob on a connection that has gone since. */
  const asleep = async (): Promise<SipResponse> => {
    const bob = await scene.phone('TCP')
    const answer = await register(bob)
    t.is(answer.status, 200)
    bob.close()
    await scene.until(() => bob.ended)
    return answer
  }
  return { alice, asleep, register, scene, service, statuses, store }
}

function invites(phone: Phone): readonly SipRequest[] {
  return phone.got.filter((one): one is SipRequest => one instanceof SipRequest && one.method === 'INVITE')
}

test('INVITE wakes a device whose connection is gone, and waits: 100 alone, then it rings by the new connection, once', async (t) => {
  const { alice, asleep, register, scene, service, statuses } = await open(t)
  await asleep()
  void alice.as('alice', 'INVITE', 'sip:bob@localhost', { lines: [`Contact: <sip:alice@${alice.at}>`] })
  await scene.until(() => service.received.length === 1)
  t.is(service.received[0]!.headers['urgency'], 'high')
  await scene.clock.advance(5000)
  t.deepEqual([...new Set(statuses())], [100])
  const bob = await scene.phone('TCP')
  t.is((await register(bob)).status, 200)
  await scene.until(() => statuses().includes(200))
  t.is(invites(bob).length, 1)
  t.false(/pn-/.test(invites(bob)[0]!.uriText), 'its Request-URI is without them')
  t.deepEqual([...new Set(statuses())], [100, 200])
  await scene.clock.advance(30_000)
  t.is(service.received.length, 1)
})

test('INVITE for a device that does not wake: 480 after 20 s; where nobody can wake it, at once', async (t) => {
  const { alice, asleep, scene, service, statuses } = await open(t)
  await asleep()
  const waiting = alice.as('alice', 'INVITE', 'sip:bob@localhost', { lines: [`Contact: <sip:alice@${alice.at}>`] })
  await scene.until(() => service.received.length === 1)
  await scene.clock.advance(19_000)
  t.deepEqual([...new Set(statuses())], [100])
  await scene.clock.advance(1_000)
  t.is((await waiting).status, 480)
  service.answerWith({ status: 410 })
  await scene.clock.advance(10_000)
  void alice.as('alice', 'INVITE', 'sip:bob@localhost', { lines: [`Contact: <sip:alice@${alice.at}>`] })
  await scene.until(() => service.received.length === 2)
  await scene.clock.advance(25_000)
  const before = scene.clock.now()
  t.is((await alice.as('alice', 'INVITE', 'sip:bob@localhost', { lines: [`Contact: <sip:alice@${alice.at}>`] })).status, 480)
  t.true(scene.clock.now() - before < 10_000)
  t.is(service.received.length, 2)
})

test('the Push server of the user alone is asked, and only for calls that still wait when their turn comes', async (t) => {
  const [own, other] = [new AskedServer('push'), new AskedServer('other')]
  const { alice, asleep, scene } = await open(t, [own, other])
  await asleep()
  const invite = () => alice.as('alice', 'INVITE', 'sip:bob@localhost', { lines: [`Contact: <sip:alice@${alice.at}>`] })
  const calls = [invite(), invite()]
  await scene.until(() => metric(scene.node, 'proxy_requests_for_sleepers') === 2)
  await scene.clock.advance(20_000)
  t.deepEqual(
    (await Promise.all(calls)).map(({ status }) => status),
    [480, 480],
  )
  own.release()
  await scene.clock.advance(1000)
  t.is(own.wakes, 1, 'the second call is over')
  t.is(other.wakes, 0)
})

test('a caller who cancels while the device sleeps gets 487, and nobody rings later', async (t) => {
  const { alice, asleep, register, scene, service, statuses } = await open(t)
  await asleep()
  const names = { callId: 'to-cancel', branch: 'z9hG4bK-to-cancel', cseq: 77, from: 'sip:alice@localhost' }
  alice.send('INVITE', 'sip:bob@localhost', { ...names, lines: [`Contact: <sip:alice@${alice.at}>`] })
  await scene.until(() => service.received.length === 1)
  alice.send('CANCEL', 'sip:bob@localhost', names)
  await scene.until(() => statuses().includes(487))
  const bob = await scene.phone('TCP')
  t.is((await register(bob)).status, 200)
  await scene.clock.advance(1000)
  t.is(invites(bob).length, 0)
})

test('pn-purr: a request of a dialog wakes the device, and goes by the connection that it has then', async (t) => {
  const { alice, asleep, register, scene, service } = await open(t)
  const registered = await asleep()
  const [caps = ''] = registered.texts('Feature-Caps')
  const [, purr = ''] = /;\+sip\.pnspurr="([^"]*)"/.exec(caps) ?? []
  t.regex(purr, /^[\w-]{22}$/)
  const bob = await scene.phone('TCP')
  t.true((await register(bob)).texts('Feature-Caps')[0]!.includes(purr), 'it stays')
  const contact = `sip:bob@${bob.at};ob;pn-purr=${purr}`
  bob.onRequest = (request) => {
    if (request.method !== 'ACK') bob.answer(request, 200, { headers: [['Contact', `<${contact}>`]] })
  }
  const answer = await alice.as('alice', 'INVITE', 'sip:bob@localhost', {
    callId: 'dialog',
    lines: [`Contact: <sip:alice@${alice.at}>`],
  })
  t.is(answer.status, 200)
  const toTag = answer.toTag
  bob.close()
  await scene.until(() => bob.ended)
  await scene.clock.advance(60_000)
  const before = service.received.length
  const within = { callId: 'dialog', to: 'sip:bob@localhost', toTag, lines: routesOf(answer) }
  const bye = alice.as('alice', 'BYE', contact, within)
  await scene.until(() => service.received.length === before + 1)
  const again = await scene.phone('TCP')
  const byes: SipRequest[] = []
  again.onRequest = (request) => {
    byes.push(request)
    again.answer(request, 200)
  }
  t.is((await register(again)).status, 200)
  t.is((await bye).status, 200)
  t.deepEqual(
    byes.map(({ method }) => method),
    ['BYE'],
  )
  t.is(service.received.length, before + 1)
  t.is(
    (await alice.as('alice', 'BYE', contact.replace(purr, 'A'.repeat(22)), { ...within, callId: 'other' })).status,
    430,
    'another PURR wakes nobody',
  )
})

test('a device behind a datagram is asked at once, and woken beside; where it registers elsewhere, it is asked there', async (t) => {
  const { alice, register, scene, service } = await open(t)
  const [first, second] = [await scene.phone('UDP'), await scene.phone('UDP')]
  first.onRequest = () => undefined
  t.is((await register(first)).status, 200)
  await scene.clock.advance(60_000)
  const answer = alice.as('alice', 'INVITE', 'sip:bob@localhost', { lines: [`Contact: <sip:alice@${alice.at}>`] })
  await scene.until(() => service.received.length === 1 && invites(first).length > 0)
  t.is((await register(second)).status, 200)
  t.is((await answer).status, 200)
  t.is(invites(second).length, 1)
})

test('pn-* are shown to nobody else: not to watchers of reg, other devices, nor in Request-URIs', async (t) => {
  const { alice, register, scene, store } = await open(t)
  const bob = await scene.phone('TCP')
  const own = await register(bob)
  t.regex(own.text('Contact')!, /;pn-provider=webpush;pn-prid=https/)
  const other = await scene.phone('UDP')
  const answer = await other.register('bob', `<sip:bob@${other.at}>`)
  t.is(answer.texts('Contact').length, 2)
  t.false(/pn-/.test(answer.texts('Contact').join()))
  t.is(
    (
      await other.as('bob', 'SUBSCRIBE', 'sip:bob@localhost', {
        lines: ['Event: reg', 'Expires: 60', `Contact: <sip:bob@${other.at}>`],
      })
    ).status,
    200,
  )
  await scene.until(() => other.got.some((one) => one instanceof SipRequest && one.method === 'NOTIFY'))
  const notify = other.got.find((one): one is SipRequest => one instanceof SipRequest && one.method === 'NOTIFY')!
  t.true(notify.body.toString().includes(`sip:bob@${bob.at}`))
  t.false(/pn-|push\.example/.test(notify.body.toString()))
  t.is((await alice.as('alice', 'MESSAGE', 'sip:bob@localhost')).status, 200)
  const records: string[] = []
  for await (const [key, { value }] of store.scan('')) if (JSON.stringify(value).includes('push.example')) records.push(key)
  t.true(
    records.every((key) => key.startsWith('bindings/') || key.startsWith('push/push/device/')),
    records.join(),
  )
})

test('pn-* are in no record of a client that registers one identifier; it goes when its device registers otherwise', async (t) => {
  const { scene, service, store } = await open(t)
  const bob = await scene.phone('TCP')
  const waking = `;pn-provider=webpush;pn-prid=${encodeURIComponent(service.endpoint('bob'))}`
  const contact = `<sip:bob@${bob.at};transport=tcp${waking}>`
  const registered = await bob.as('bob', 'REGISTER', 'sip:push.localhost', {
    to: 'sip:0a17c5d2e8b9f604@push.localhost;user=push',
    lines: [`Contact: ${contact};expires=${day}`],
  })
  t.is(registered.status, 200)
  const records: string[] = []
  for await (const [key, { value }] of store.scan('push-clients/')) records.push(`${key} ${JSON.stringify(value)}`)
  t.is(records.length, 1)
  t.false(/pn-prid|push\.example/.test(records.join()), records.join())
  t.is(metric(scene.node, 'proxy_push_clients'), 1)
  t.is((await bob.register('bob', `${contact};expires=${day}`)).status, 200)
  t.is(metric(scene.node, 'proxy_push_clients'), 0)
})

test('a device that is woken and comes from another port takes the place of its former Contact, without reg-id too', async (t) => {
  const { scene, service } = await open(t)
  const waking = `;pn-provider=webpush;pn-prid=${encodeURIComponent(service.endpoint('bob'))}`
  for (const parameter of [`;${instance}`, '']) {
    const [first, second] = [await scene.phone('UDP'), await scene.phone('UDP')]
    const contact = ({ at }: Phone): string => `<sip:bob@${at}${waking}>${parameter};expires=${day}`
    t.is((await first.register('bob', contact(first))).status, 200)
    const answer = await second.register('bob', contact(second))
    const own = answer.texts('Contact').filter((value) => value.includes('+sip.instance') === (parameter !== ''))
    t.is(own.length, 1)
    t.true(own[0]!.includes(second.at))
  }
})
