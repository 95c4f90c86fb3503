/** Devices that move: in their dialogs they are reached where they were heard last (RFC 3261 §12.2, RFC 6665 §4.1.2). */
import test, { type ExecutionContext } from 'ava'
import { createPresence } from '../../../elements/presence/index.ts'
import type { SipRequest, SipResponse } from '../../../signalling/index.ts'
import { H } from '../../../signalling/index.ts'
import { type Phone, PhonesScene, routesOf, subscriber } from './phones-scene.ts'

type Transport = 'UDP' | 'TCP'
const bobs = 'sip:bob@localhost'
const alices = 'sip:alice@localhost'

/** alice, by that transport and Contact, has called bob, and her way and Contact are as she left them. */
async function call(t: ExecutionContext, transport: Transport, contact?: string, registered?: string) {
  const scene = await PhonesScene.open(t, { others: [createPresence('presence', {})] })
  const [first, bob] = [await scene.phone(transport), await scene.phone('UDP')]
  const contactOf = (phone: Phone): string => contact ?? `sip:alice@${phone.at};transport=${transport.toLowerCase()}`
  bob.onRequest = (request) => {
    if (request.method !== 'ACK') bob.answer(request, 200, { toTag: 'bob', headers: [['Contact', `<sip:bob@${bob.at}>`]] })
  }
  const register = async (phone: Phone): Promise<void> => {
    t.is((await phone.register('alice', `<${registered ?? contactOf(phone)}>`)).status, 200)
  }
  await register(first)
  t.is((await bob.register('bob', `<sip:bob@${bob.at}>`)).status, 200)
  const named = { from: alices, fromTag: 'alice', callId: 'the-call' }
  const answer = await first.as('alice', 'INVITE', bobs, { ...named, lines: [`Contact: <${contactOf(first)}>`] })
  t.is(answer.status, 200)
  const invite = bob.requests.find(({ method }) => method === 'INVITE')!
  const inDialog = { ...named, to: bobs, toTag: 'bob' }
  first.send('ACK', `sip:bob@${bob.at}`, { ...inDialog, cseq: answer.cseq.number, lines: routesOf(answer) })
  await scene.until(() => bob.requests.some(({ method }) => method === 'ACK'))
  return {
    scene,
    first,
    bob,
    register,
    contactOf,
    /** A request of alice in the call, from that phone. */
    send: (phone: Phone, method: string): Promise<SipResponse> =>
      phone.as('alice', method, `sip:bob@${bob.at}`, {
        ...inDialog,
        lines: [...routesOf(answer), `Contact: <${contactOf(phone)}>`],
      }),
    /** bob hangs up, by the target that he knows. */
    bye: (target: string): Promise<SipResponse> =>
      bob.as('bob', 'BYE', target, {
        from: bobs,
        fromTag: 'bob',
        to: alices,
        toTag: 'alice',
        callId: 'the-call',
        lines: invite.list(H['Record-Route']).map((route) => `Route: ${route}`),
      }),
  }
}

const byes = (phone: Phone): number => phone.requests.filter(({ method }: SipRequest) => method === 'BYE').length

for (const transport of ['UDP', 'TCP'] as const) {
  for (const [how, registers, reinvites, contact] of [
    ['registers anew and sends re-INVITE', true, true, undefined],
    ['sends re-INVITE alone', false, true, undefined],
    ['registers the same Contact behind a NAT that gives another port', true, false, 'sip:alice@192.168.7.7:5060'],
    ['sends re-INVITE alone behind such a NAT', false, true, 'sip:alice@192.168.7.7:5060'],
  ] as const) {
    test(`by ${transport}, a caller who ${how} gets the BYE there`, async (t) => {
      const { scene, first, register, send, bye, contactOf } = await call(t, transport, contact)
      const second = await scene.phone(transport)
      if (registers) await register(second)
      if (reinvites) t.is((await send(second, 'INVITE')).status, 200)
      t.is((await bye(contactOf(second))).status, 200)
      t.deepEqual([byes(first), byes(second)], [0, 1])
    })
  }
  test(`by ${transport}, a caller who comes back to where the call began is found there again`, async (t) => {
    const { scene, first, send, bye, contactOf } = await call(t, transport, 'sip:alice@192.168.7.7:5060')
    const second = await scene.phone(transport)
    t.is((await send(second, 'INVITE')).status, 200)
    t.is((await send(first, 'UPDATE')).status, 200)
    t.is((await bye(contactOf(first))).status, 200)
    t.deepEqual([byes(first), byes(second)], [1, 0])
  })
  test(`by ${transport}, a Contact with ob keeps the flow of its dialog, whatever else is registered`, async (t) => {
    const { scene, first, register, bye } = await call(t, transport, 'sip:alice@192.168.7.7:5060;ob')
    const second = await scene.phone(transport)
    await register(second)
    t.is((await bye('sip:alice@192.168.7.7:5060;ob')).status, 200)
    t.deepEqual([byes(first), byes(second)], [1, 0])
  })
  test(`by ${transport}, NOTIFYs follow a refresh from elsewhere`, async (t) => {
    const { scene, first, bob, contactOf, register } = await call(t, transport)
    const subscribe = (phone: Phone, more: { toTag?: string; lines?: readonly string[]; uri?: string } = {}) =>
      phone.as('alice', 'SUBSCRIBE', more.uri ?? bobs, {
        fromTag: 'w',
        to: bobs,
        callId: 'watch',
        ...(more.toTag === undefined ? {} : { toTag: more.toTag }),
        lines: ['Event: presence', 'Expires: 600', `Contact: <${contactOf(phone)}>`, ...(more.lines ?? [])],
      })
    const made = await subscribe(first)
    t.is(made.status, 200)
    const second = await scene.phone(transport)
    const again = { toTag: made.toTag, lines: routesOf(made), uri: made.contactUri!.text }
    t.is((await subscribe(second, again)).status, 200)
    await scene.until(() => second.requests.some(({ method }) => method === 'NOTIFY'))
    const third = await scene.phone(transport)
    await register(third)
    t.is((await subscribe(third, again)).status, 200)
    await scene.until(() => third.requests.some(({ method }) => method === 'NOTIFY'))
    t.is(third.requests.find(({ method }) => method === 'NOTIFY')!.uriText, contactOf(third))
    t.is(bob.requests.filter(({ method }) => method === 'NOTIFY').length, 0)
  })
  test(`by ${transport}, who has unregistered may still hang up`, async (t) => {
    const { scene, first, bob, send } = await call(t, transport)
    t.is((await first.as('alice', 'REGISTER', 'sip:localhost', { lines: ['Contact: *', 'Expires: 0'] })).status, 200)
    const message = await first.ask('MESSAGE', bobs, { from: alices })
    t.is(message.status, 407, 'asked anew, for it is known by no registration')
    const refused = await first.as('alice', 'MESSAGE', bobs)
    t.is(refused.status, 403)
    t.regex(refused.text('Warning')!, /register first/)
    t.is((await send(first, 'BYE')).status, 200)
    t.true(byes(bob) > 0)
    t.is((await first.as('alice', 'BYE', bobs, { toTag: 'none' })).status, 403, 'a made-up dialog is none through us')
    t.is(scene.node.listening.length, 2)
  })
}

test('a subscriber that takes its route set from the NOTIFY can refresh by it', async (t) => {
  const scene = await PhonesScene.open(t)
  const [alice, bob] = [await scene.phone('TCP'), await scene.phone('UDP')]
  t.is((await alice.register('alice', `<sip:alice@${alice.at};transport=tcp>`)).status, 200)
  t.is((await bob.register('bob', `<sip:bob@${bob.at}>`)).status, 200)
  bob.onRequest = (request) => {
    if (request.method !== 'ACK') bob.answer(request, 200, { toTag: 'bob', headers: [['Contact', `<sip:bob@${bob.at}>`]] })
  }
  const dialog = { fromTag: 'a', callId: 'dialog-info' }
  const contact = `Contact: <sip:alice@${alice.at};transport=tcp>`
  const made = await alice.as('alice', 'SUBSCRIBE', bobs, { ...dialog, lines: ['Event: x-any', 'Expires: 60', contact] })
  t.is(made.status, 200)
  const subscribe = bob.requests.find(({ method }) => method === 'SUBSCRIBE')!
  const notified = await bob.as('bob', 'NOTIFY', `sip:alice@${alice.at};transport=tcp`, {
    fromTag: 'bob',
    to: alices,
    toTag: 'a',
    callId: 'dialog-info',
    lines: [
      ...subscribe.list(H['Record-Route']).map((route) => `Route: ${route}`),
      'Event: x-any',
      'Subscription-State: active;expires=60',
      `Contact: <sip:bob@${bob.at}>`,
    ],
  })
  t.is(notified.status, 200)
  const notify = alice.requests.find(({ method }) => method === 'NOTIFY')!
  const routes = notify.list(H['Record-Route'])
  t.is(routes.length, 2)
  const refreshed = await alice.as('alice', 'SUBSCRIBE', `sip:bob@${bob.at}`, {
    ...dialog,
    to: bobs,
    toTag: 'bob',
    lines: [...routes.map((route) => `Route: ${route}`), 'Event: x-any', 'Expires: 60', contact],
  })
  t.is(refreshed.status, 200)
  t.is(bob.requests.filter(({ method }) => method === 'SUBSCRIBE').length, 2)
})

test('several users on one connection: each is known by its own registration, anybody else is challenged', async (t) => {
  const scene = await PhonesScene.open(t)
  const phone = await scene.phone('TCP')
  for (const name of ['alice', 'bob']) t.is((await phone.register(name, `<sip:${name}@${phone.at};transport=tcp>`)).status, 200)
  for (const name of ['alice', 'bob', 'alice']) {
    const from = `sip:${name}@localhost`
    t.is((await phone.ask('MESSAGE', bobs, { from })).status, 200)
    t.is(phone.requests.at(-1)!.asserted[0]?.uri.text, from)
  }
  t.is((await phone.ask('MESSAGE', bobs, { from: 'sip:eve@localhost' })).status, 407)
  const anonymous = { from: 'sip:anonymous@anonymous.invalid' }
  t.is((await phone.ask('MESSAGE', bobs, anonymous)).status, 407, 'which of the two?')
  const preferred = await phone.ask('MESSAGE', bobs, { ...anonymous, lines: ['P-Preferred-Identity: <sip:bob@localhost>'] })
  t.is(preferred.status, 200)
  t.is(phone.requests.at(-1)!.asserted[0]?.uri.text, bobs)
})

test('a device that registers with other parameters than it has in its dialog is the same', async (t) => {
  const { scene, first, register, bye } = await call(
    t,
    'UDP',
    'sip:alice@192.168.7.7;transport=udp',
    'sip:alice@192.168.7.7:5060',
  )
  const second = await scene.phone('UDP')
  await register(second)
  t.is((await bye('sip:alice@192.168.7.7;transport=udp')).status, 200)
  t.deepEqual([byes(first), byes(second)], [0, 1])
})

test('where a device was heard is forgotten with the password that it used', async (t) => {
  const { scene, first, send, bye, contactOf } = await call(t, 'UDP', 'sip:alice@192.168.7.7:5060')
  const second = await scene.phone('UDP')
  t.is((await send(second, 'INVITE')).status, 200)
  await scene.hss.set(subscriber('alice', 'another'))
  await scene.clock.advance(500)
  t.is((await bye(contactOf(second))).status, 200)
  t.deepEqual([byes(first), byes(second)], [1, 0])
})
