/** SUBSCRIBE to one's own address for what no element serves: every softphone's message-summary (RFC 6665 §8.3.2). */
import test from 'ava'
import { createPresence } from '../../../elements/presence/index.ts'
import { createRegistration } from '../../../elements/reg-event/index.ts'
import type { RequestParts } from '../../support/wire.ts'
import { PhonesScene, subscriber } from './phones-scene.ts'
import { answering, contactOf, RegistrarScene } from './registrar-scene.ts'

const bobs = 'sip:bob@localhost'

test('alone, a phone gets 489 and what is served, and not its own question back', async (t) => {
  const scene = await PhonesScene.open(t, { others: [createPresence('presence', {}), createRegistration('registration', {})] })
  for (const transport of ['UDP', 'TCP'] as const) {
    const phone = await scene.phone(transport)
    t.is((await phone.register('bob', `<sip:bob@${phone.at};transport=${transport}>`)).status, 200)
    const lines = ['Event: message-summary', `Contact: <sip:bob@${phone.at};transport=${transport}>`]
    const refused = await phone.as('bob', 'SUBSCRIBE', bobs, { lines })
    t.is(refused.status, 489)
    t.deepEqual(refused.list('Allow-Events'), ['presence', 'presence.winfo', 'reg'])
    t.regex(refused.text('Warning')!, /serves the event message-summary; expected one of presence, presence.winfo, reg/)
    t.is(phone.requests.length, 0)
    t.is((await phone.as('bob', 'REGISTER', 'sip:localhost', { lines: ['Contact: *', 'Expires: 0'] })).status, 200)
  }
  const phone = await scene.phone('UDP')
  t.is((await phone.register('bob', `<sip:bob@${phone.at}>`)).status, 200)
  const published = await phone.as('bob', 'PUBLISH', bobs, { lines: ['Event: message-summary'] })
  t.is(published.status, 489)
  t.deepEqual(published.list('Allow-Events'), ['presence'])
  t.regex(published.text('Warning')!, /no element takes the event message-summary; expected one of presence/)
})

test('another device of the user is asked, and it alone; somebody else’s question goes to all', async (t) => {
  const scene = await RegistrarScene.open()
  const [desk, mobile, eve] = [await scene.wire('10.0.5.1'), await scene.wire('10.0.5.2'), await scene.wire('10.0.5.3')]
  await scene.register(answering(desk), 'bob', contactOf('sip:bob@10.0.5.1', 1))
  await scene.register(answering(mobile), 'bob', contactOf('sip:bob@10.0.5.2', 2))
  const ask = (wire: typeof desk, from: string) =>
    scene.ask(wire, 'SUBSCRIBE', bobs, { from, contact: `<sip:x@${wire.here.host}>`, lines: ['Event: dialog'] })
  t.is((await ask(desk, bobs)).status, 200)
  t.deepEqual([desk.requests.length, mobile.requests.length], [0, 1])
  t.is((await ask(eve, 'sip:eve@localhost')).status, 200)
  t.deepEqual([desk.requests.length, mobile.requests.length], [1, 2])
  t.is((await scene.register(mobile, 'bob', `${contactOf('sip:bob@10.0.5.2', 2)};expires=0`)).status, 200)
  const refused = await ask(desk, bobs)
  t.is(refused.status, 489)
  t.is(refused.has('Allow-Events'), false, 'where no element serves any')
})

test('a user called by an address publishes, sees his watchers and his registration, and is watched', async (t) => {
  const others = [createPresence('presence', { watchers: 'everybody' }), createRegistration('registration', {})]
  const scene = await PhonesScene.open(t, { others })
  for (const [address, uri] of [
    ['192.0.2.5', 'sip:192.0.2.5'],
    ['2001:db8::9', 'sip:[2001:db8::9]'],
  ] as const) {
    await scene.hss.set({ ...subscriber('x'), id: address, password: `${address}-proxima` })
    const [phone, alice] = [await scene.phone('UDP'), await scene.phone('UDP')]
    const contact = `Contact: <sip:x@${phone.at}>`
    const as = (method: string, target: string, parts: RequestParts) => phone.as(address, method, target, { from: uri, ...parts })
    t.is((await as('REGISTER', uri, { to: uri, lines: [contact] })).status, 200)
    t.is((await alice.register('alice', `<sip:alice@${alice.at}>`)).status, 200)
    const body = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${uri}"><tuple id="here"><status/></tuple></presence>`
    const lines = ['Event: presence', 'Content-Type: application/pidf+xml']
    t.is((await as('PUBLISH', uri, { lines, body })).status, 200, uri)
    const other = await as('SUBSCRIBE', uri, { lines: ['Event: message-summary', contact] })
    t.deepEqual([other.status, other.list('Allow-Events')], [489, ['presence', 'presence.winfo', 'reg']])
    for (const event of ['presence.winfo', 'reg'])
      t.is((await as('SUBSCRIBE', uri, { lines: [`Event: ${event}`, contact] })).status, 200, `${uri} ${event}`)
    const written = `sip:${encodeURIComponent(address)}@localhost`
    t.is((await as('SUBSCRIBE', written, { lines: ['Event: reg', contact] })).status, 200, written)
    const watch = ['Event: presence', `Contact: <sip:alice@${alice.at}>`]
    t.is((await alice.as('alice', 'SUBSCRIBE', uri, { lines: watch })).status, 200)
    await scene.until(() => alice.requests.some(({ body }) => body.toString().includes('id="here"')))
    const bodies = (): string => phone.requests.map((request) => request.body.toString()).join('')
    await scene.until(() => bodies().includes('<watcher ') && bodies().includes(`aor="${uri}"`))
    t.regex(bodies(), /status="active"[^>]*>sip:alice@localhost/)
  }
  const eve = await scene.phone('UDP')
  t.is((await eve.register('eve', `<sip:eve@${eve.at}>`)).status, 200)
  const lines = ['Event: presence', `Contact: <sip:eve@${eve.at}>`]
  t.is((await eve.as('eve', 'SUBSCRIBE', 'sip:192.0.2.99', { lines })).status, 403, 'nobody is called so')
})
