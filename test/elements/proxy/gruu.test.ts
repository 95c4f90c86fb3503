/** GRUUs (RFC 5627): URIs that lead to one instance, public and temporary. */
import test from 'ava'
import { createRegistration } from '../../../elements/reg-event/index.ts'
import type { SipResponse } from '../../../signalling/index.ts'
import { answering, contactOf, parameterOf, RegistrarScene } from './registrar-scene.ts'

const gruu = ['Supported: gruu']
const urn = 'urn:uuid:00000001-0000-4000-8000-000000000000'

function temporaryOf(answer: SipResponse, host = '10.0.5.1'): string {
  const contact = answer.texts('Contact').find((text) => text.includes(host)) ?? ''
  return parameterOf(contact, 'temp-gruu') ?? ''
}

async function twoDevices() {
  const scene = await RegistrarScene.open()
  const [one, two, from] = [await scene.wire('10.0.5.1'), await scene.wire('10.0.5.2'), await scene.wire('10.0.5.9')]
  const first = await scene.register(answering(one), 'bob', contactOf('sip:bob@10.0.5.1', 1), { lines: gruu })
  const second = await scene.register(answering(two), 'bob', contactOf('sip:bob@10.0.5.2', 2), { lines: gruu })
  return { scene, one, two, from, first, second }
}

test('both GRUUs stand in the Contact of who asks, beside what it gave', async (t) => {
  const { scene, one, first } = await twoDevices()
  const contact = first.text('Contact')!
  t.true(
    contact.startsWith(`<sip:bob@10.0.5.1>;+sip.instance="<${urn}>";pub-gruu="sip:bob@localhost;gr=${urn}";temp-gruu="sip:tg-`),
  )
  t.regex(temporaryOf(first), /^sip:tg-[\w-]{22}@localhost;gr$/)
  const plain = await scene.register(one, 'bob', contactOf('sip:bob@10.0.5.1', 1))
  t.false(
    plain.texts('Contact').some((text) => text.includes('gruu')),
    'who does not ask is told none',
  )
  const none = await scene.register(one, 'eve', '<sip:eve@10.0.5.1>;pub-gruu="sip:king@localhost;gr=x"', { lines: gruu })
  t.is(none.text('Contact'), '<sip:eve@10.0.5.1>;expires=3600', 'no instance, no GRUU; and nobody makes one up')
})

test('a GRUU leads to its device alone, the plain address to all', async (t) => {
  const { scene, one, two, from, first, second } = await twoDevices()
  for (const [uri, wanted] of [
    [`sip:bob@localhost;gr=${urn}`, [1, 0]],
    [`sip:bob@localhost;gr=${urn.toUpperCase()}`, [1, 0]],
    [temporaryOf(first), [1, 0]],
    [temporaryOf(second), [1, 0]],
    [temporaryOf(second, '10.0.5.2'), [0, 1]],
    ['sip:bob@localhost', [1, 1]],
  ] as const) {
    one.clear()
    two.clear()
    t.is((await scene.message(from, uri)).status, 200, uri)
    t.deepEqual([one.requests.length, two.requests.length], wanted, uri)
  }
  t.is(one.requests[0]!.uriText, 'sip:bob@10.0.5.1')
})

test('by one flow of the device at a time', async (t) => {
  const { scene, one, two, from } = await twoDevices()
  for (const [wire, regId] of [
    [one, 1],
    [two, 2],
  ] as const)
    await scene.register(wire, 'eve', contactOf(`sip:eve@${wire.here.host}`, 1, regId), { lines: gruu })
  t.is((await scene.message(from, `sip:eve@localhost;gr=${urn}`)).status, 200)
  t.deepEqual([one.requests.length, two.requests.length], [0, 1])
})

test('temporary GRUUs of one device do not look related, and all of them lead there', async (t) => {
  const { scene, one, from } = await twoDevices()
  const seen = new Set<string>()
  for (let i = 0; i < 20; i++)
    seen.add(temporaryOf(await scene.register(one, 'bob', contactOf('sip:bob@10.0.5.1', 1), { lines: gruu })))
  t.is(seen.size, 20)
  const alike = [...seen].map((uri) => uri.slice(0, 'sip:tg-'.length + 3))
  t.true(new Set(alike).size > 15, 'no common beginning')
  for (const uri of seen) t.is((await scene.message(from, uri)).status, 200)
})

test('they end with the registration, and with another Call-ID; the public one stays the same', async (t) => {
  const { scene, one, from, first } = await twoDevices()
  const contact = contactOf('sip:bob@10.0.5.1', 1)
  const temporary = temporaryOf(first)
  await scene.register(one, 'bob', contact, { lines: [] })
  t.is((await scene.message(from, temporary)).status, 200, 'a refresh without the option keeps them')
  const renewed = await scene.register(one, 'bob', contact, { lines: gruu, callId: 'another' })
  t.is((await scene.message(from, temporary)).status, 404)
  t.is((await scene.message(from, temporaryOf(renewed))).status, 200)
  await scene.register(one, 'bob', `${contact};expires=0`, { lines: gruu, callId: 'another' })
  t.is((await scene.message(from, temporaryOf(renewed))).status, 404)
  t.is((await scene.message(from, `sip:bob@localhost;gr=${urn}`)).status, 480)
  await scene.register(one, 'bob', contact, { lines: gruu })
  t.is((await scene.message(from, `sip:bob@localhost;gr=${urn}`)).status, 200)
})

test('they survive a restart of the server', async (t) => {
  const { scene, one, from, first } = await twoDevices()
  await scene.restart()
  one.clear()
  for (const uri of [temporaryOf(first), `sip:bob@localhost;gr=${urn}`]) t.is((await scene.message(from, uri)).status, 200, uri)
  t.is(one.requests.length, 2)
})

test('what nobody gave out leads nowhere', async (t) => {
  const { scene, from, first } = await twoDevices()
  const temporary = temporaryOf(first)
  const touched = temporary.replace(/tg-(.)/, (_all, c: string) => `tg-${c === 'A' ? 'B' : 'A'}`)
  for (const uri of [touched, 'sip:tg-x@localhost;gr', 'sip:bob@localhost;gr'])
    t.is((await scene.message(from, uri)).status, 404, uri)
  t.is((await scene.ask(from, 'PUBLISH', `sip:bob@localhost;gr=${urn}`, { lines: ['Event: presence'] })).status, 489)
  for (const uri of ['sip:bob@localhost;gr=urn:uuid:9', 'sip:bob@localhost;gr=%00%ff'])
    t.is((await scene.message(from, uri)).status, 480, uri)
})

test('a GRUU is no Contact, and odd instances cannot break out of the header', async (t) => {
  const { scene, one } = await twoDevices()
  t.is((await scene.register(one, 'bob', `<sip:bob@localhost;gr=${urn}>`)).status, 403)
  const answer = await scene.register(one, 'odd', '<sip:odd@10.0.5.1>;+sip.instance="<urn:x:a;b=c?d ,é>"', { lines: gruu })
  t.false(answer.text('Contact')!.includes('gruu'), 'a space is in no URN')
  const escaped = await scene.register(one, 'even', '<sip:even@10.0.5.1>;+sip.instance="<urn:x:a;b=c?d,é>"', { lines: gruu })
  t.is(parameterOf(escaped.text('Contact')!, 'pub-gruu'), 'sip:even@localhost;gr=urn:x:a%3Bb%3Dc%3Fd%2C%C3%A9')
  answering(one)
  t.is((await scene.message(one, 'sip:even@localhost;gr=urn:x:a%3Bb%3Dc%3Fd%2C%C3%A9')).status, 200)
})

test('in a dialog a GRUU becomes the Contact it stands for now, though its device has moved', async (t) => {
  const { scene, one, two, from } = await twoDevices()
  one.onRequest = (request) =>
    one.answer(request, 200, {
      recordRoute: true,
      headers: [['Contact', `<sip:bob@localhost;gr=${urn}>`]],
    })
  const invited = await scene.ask(from, 'REFER', `sip:bob@localhost;gr=${urn}`, {
    from: 'sip:x@elsewhere.example',
    callId: 'd',
    contact: '<sip:x@10.0.5.9>',
    lines: ['Refer-To: <sip:y@localhost>'],
  })
  t.is(invited.status, 200)
  const routes = invited.list('Record-Route').reverse()
  const inDialog = (): Promise<SipResponse> =>
    scene.ask(from, 'INFO', `sip:bob@localhost;gr=${urn}`, {
      from: 'sip:x@elsewhere.example',
      callId: 'd',
      toTag: 'at-10.0.5.1',
      lines: routes.map((route) => `Route: ${route}`),
    })
  one.clear()
  t.is((await inDialog()).status, 200)
  t.is(one.requests[0]!.uriText, 'sip:bob@10.0.5.1')
  one.clear()
  two.clear()
  await scene.register(one, 'bob', `${contactOf('sip:bob@10.0.5.1', 1)};expires=0`)
  await scene.register(answering(two), 'bob', contactOf('sip:bob@10.0.5.2:5060', 1))
  one.clear()
  two.clear()
  t.is((await inDialog()).status, 200)
  t.deepEqual([one.requests.length, two.requests.map(({ uriText }) => uriText)], [0, ['sip:bob@10.0.5.2:5060']])
})

test('a NOTIFY to a watcher whose Contact is a GRUU comes as to its Contact', async (t) => {
  const scene = await RegistrarScene.open({}, () => [createRegistration('registration', {})])
  const wire = answering(await scene.wire('10.0.5.1'))
  await scene.register(wire, 'bob', contactOf('sip:bob@10.0.5.1:5060', 1), { lines: gruu })
  const watched = await scene.ask(wire, 'SUBSCRIBE', 'sip:bob@localhost', {
    from: 'sip:bob@localhost',
    contact: `<sip:bob@localhost;gr=${urn}>`,
    lines: ['Event: reg'],
  })
  t.is(watched.status, 200)
  await scene.register(wire, 'bob', '<sip:more@10.0.5.1>')
  t.deepEqual(
    wire.requests.map(({ method, uriText }) => `${method} ${uriText}`),
    ['NOTIFY sip:bob@10.0.5.1:5060', 'NOTIFY sip:bob@10.0.5.1:5060'],
  )
})
