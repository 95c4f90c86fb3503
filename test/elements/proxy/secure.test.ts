/** `sips:` (RFC 5630): it arrives by TLS and goes on by TLS, or is refused; it never becomes `sip:`. */
import test, { type ExecutionContext } from 'ava'
import { generate } from 'selfsigned'
import { createPresence } from '../../../elements/presence/index.ts'
import { H } from '../../../signalling/index.ts'
import { type Phone, PhonesScene, routesOf } from './phones-scene.ts'

async function scene(t: ExecutionContext) {
  const { cert: certificate, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 })
  const scene = await PhonesScene.open(t, { tls: { certificate, key }, others: [createPresence('presence', {})] })
  const [alice, bob, eve] = [await scene.phone('TLS'), await scene.phone('TLS'), await scene.phone('UDP')]
  return { scene, alice, bob, eve }
}
const register = (phone: Phone, name: string, scheme: string, transport: string) =>
  phone.register(name, `<${scheme}:${name}@${phone.at};transport=${transport}>`)

test('by TLS it goes on by TLS, as sips: though the Contact is sip:, in its dialog too', async (t) => {
  const { alice, bob } = await scene(t)
  t.is((await register(alice, 'alice', 'sips', 'tcp')).status, 200)
  t.is((await register(bob, 'bob', 'sip', 'tls')).status, 200)
  bob.onRequest = (request) => {
    if (request.method !== 'ACK') bob.answer(request, 200, { toTag: 'bob', headers: [['Contact', `<sips:bob@${bob.at}>`]] })
  }
  const dialog = { fromTag: 'a', callId: 'secure' }
  const contact = `Contact: <sips:alice@${alice.at}>`
  const answer = await alice.as('alice', 'INVITE', 'sips:bob@localhost', { ...dialog, lines: [contact] })
  t.is(answer.status, 200)
  const invite = bob.requests[0]!
  t.is(invite.uriText, `sips:bob@${bob.at}`)
  const recorded = invite.list(H['Record-Route'])
  t.is(recorded.length, 2)
  for (const route of recorded) t.regex(route, /^<sips:proxy\.[^;]*;lr>$/)
  const bye = await alice.as('alice', 'BYE', `sips:bob@${bob.at}`, {
    ...dialog,
    to: 'sips:bob@localhost',
    toTag: 'bob',
    lines: routesOf(answer),
  })
  t.is(bye.status, 200)
  t.is(bob.requests.at(-1)!.uriText, `sips:bob@${bob.at}`)
})

test('an element of ours says sips: in its Contact, and tells by TLS', async (t) => {
  const { scene: phones, alice, bob } = await scene(t)
  t.is((await register(alice, 'alice', 'sips', 'tcp')).status, 200)
  t.is((await register(bob, 'bob', 'sip', 'tls')).status, 200)
  const contact = `Contact: <sips:alice@${alice.at}>`
  const made = await alice.as('alice', 'SUBSCRIBE', 'sips:bob@localhost', { lines: ['Event: presence', 'Expires: 60', contact] })
  t.is(made.status, 200)
  t.regex(made.text('Contact')!, /^<sips:presence@/)
  await phones.until(() => alice.requests.length > 0)
  t.regex(alice.requests[0]!.text('Contact')!, /^<sips:presence@/)
  t.is(alice.requests[0]!.uriText, `sips:alice@${alice.at}`)
})

test('by UDP it is refused, with the way out, and ends nothing', async (t) => {
  const { alice, bob, eve } = await scene(t)
  t.is((await register(bob, 'bob', 'sip', 'tls')).status, 200)
  t.is((await register(eve, 'eve', 'sip', 'udp')).status, 200)
  for (const method of ['MESSAGE', 'INVITE', 'OPTIONS']) {
    const refused = await eve.ask(method, 'sips:bob@localhost', { from: 'sip:eve@localhost' })
    t.is(refused.status, 480, method)
    t.regex(refused.text('Warning')!, /sips: goes by TLS or WSS alone, and this came by UDP; expected/)
  }
  t.is((await eve.ask('REGISTER', 'sips:localhost', { from: 'sip:eve@localhost', to: 'sip:eve@localhost' })).status, 480)
  t.is(bob.requests.length, 0)
  t.is((await register(alice, 'alice', 'sip', 'tls')).status, 200)
  const away = await alice.as('alice', 'MESSAGE', 'sips:eve@localhost')
  t.is(away.status, 480)
  t.regex(away.text('Warning')!, /no Contact of this user is reached by TLS/)
  t.is(eve.requests.length, 0)
  t.is((await alice.as('alice', 'MESSAGE', 'sip:eve@localhost')).status, 200)
})

test('a sips: Contact on an insecure flow is refused, in REGISTER and in what makes a dialog', async (t) => {
  const { eve, bob } = await scene(t)
  const refused = await register(eve, 'eve', 'sips', 'tcp')
  t.is(refused.status, 403)
  t.regex(
    refused.text('Warning')!,
    /a sips: Contact is reached by TLS or WSS alone, and this came by UDP; expected a sip: Contact/,
  )
  t.is((await register(eve, 'eve', 'sip', 'udp')).status, 200)
  t.is((await register(bob, 'bob', 'sips', 'tcp')).status, 200)
  const invite = await eve.as('eve', 'INVITE', 'sip:bob@localhost', { lines: [`Contact: <sips:eve@${eve.at}>`] })
  t.is(invite.status, 403)
  t.is(bob.requests.length, 0)
  t.is((await eve.as('eve', 'MESSAGE', 'sip:bob@localhost')).status, 200)
  t.is(bob.requests[0]!.uriText, `sips:bob@${bob.at};transport=tcp`, 'its Contact as it stands')
})

test('a callee by TLS whose Contact is sips: talks with a caller by UDP: they were promised nothing', async (t) => {
  const { scene: phones, bob, eve } = await scene(t)
  t.is((await register(eve, 'eve', 'sip', 'udp')).status, 200)
  t.is((await register(bob, 'bob', 'sips', 'tls')).status, 200)
  bob.onRequest = (request) => {
    if (request.method !== 'ACK') bob.answer(request, 200, { toTag: 'bob', headers: [['Contact', `<sips:bob@${bob.at}>`]] })
  }
  const dialog = { fromTag: 'e', callId: 'mixed' }
  const answer = await eve.as('eve', 'INVITE', 'sip:bob@localhost', { ...dialog, lines: [`Contact: <sip:eve@${eve.at}>`] })
  t.is(answer.status, 200)
  const inDialog = { ...dialog, to: 'sip:bob@localhost', toTag: 'bob', lines: routesOf(answer) }
  eve.send('ACK', `sips:bob@${bob.at}`, { ...inDialog, cseq: answer.cseq.number })
  await phones.until(() => bob.requests.some(({ method }) => method === 'ACK'))
  t.is((await eve.as('eve', 'BYE', `sips:bob@${bob.at}`, inDialog)).status, 200)
  const forged = { ...inDialog, lines: ['Route: <sip:localhost;lr>'] }
  t.is((await eve.as('eve', 'INFO', `sips:bob@localhost`, forged)).status, 480, 'a dialog that is none')
})

test('a secure dialog goes on by TLS alone, whoever brings its routes', async (t) => {
  const { alice, bob, eve } = await scene(t)
  t.is((await register(alice, 'alice', 'sips', 'tcp')).status, 200)
  t.is((await register(bob, 'bob', 'sips', 'tcp')).status, 200)
  bob.onRequest = (request) => bob.answer(request, 200, { toTag: 'bob', headers: [['Contact', `<sips:bob@${bob.at}>`]] })
  const dialog = { from: 'sip:alice@localhost', fromTag: 'a', callId: 'kept' }
  const answer = await alice.as('alice', 'INVITE', 'sips:bob@localhost', {
    ...dialog,
    lines: [`Contact: <sips:alice@${alice.at}>`],
  })
  t.is(answer.status, 200)
  const bye = { ...dialog, to: 'sip:bob@localhost', toTag: 'bob', lines: routesOf(answer) }
  t.is((await eve.ask('BYE', `sips:bob@${bob.at}`, bye)).status, 480)
  t.is((await alice.as('alice', 'BYE', `sips:bob@${bob.at}`, bye)).status, 200)
})
