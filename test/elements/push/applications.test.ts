/** Applications of a Push server and their rules (SPEC §5.2, §5.4). */
import test from 'ava'
import { PushScene } from './scene.ts'

const chat = { id: 'org.example.chat' }
const named = (id: string): { lines: string[] } => ({ lines: [`Push-Application: ${id}`] })
const cpim = (type: string): string => ['From: <sip:alice@localhost>', '', `Content-Type: ${type}`, '', 'hello'].join('\r\n')

test('PF1: an unknown application is refused, configured ones or not, and counted; a message without one passes where there are none', async (t) => {
  const scene = await PushScene.open()
  t.is(await scene.push('plain'), 202)
  const refused = await scene.answer('named', named('org.example.nobody'))
  t.is(refused.status, 403)
  t.regex(refused.text('Warning')!, /application: org\.example\.nobody is unknown here/)
  t.is(scene.metric('refused_application_total'), 1)
})

test('with applications a message without one is for the default of its type, in CPIM too; with no default it is refused', async (t) => {
  const scene = await PushScene.open({
    applications: [
      { ...chat, default: ['text/plain'], sending: 'priority' },
      { id: 'org.example.pictures', default: ['image/*', 'message/cpim'], sending: 'min-delay' },
    ],
  })
  t.is(await scene.push('hello'), 202)
  t.is(await scene.push('hello', { type: 'image/png' }), 202)
  t.is(await scene.push(cpim('text/plain; charset=utf-8'), { type: 'message/cpim' }), 202)
  t.is(await scene.push('hello', { type: 'audio/amr' }), 403)
  const wishes = ['NS: imdn <urn:ietf:params:imdn>', 'imdn.Message-ID: m1', 'imdn.Disposition-Notification: display']
  const asking = ['From: <sip:bob@localhost>', ...wishes, '', 'Content-Type: text/plain', '', 'hello'].join('\r\n')
  const lines = ['P-Asserted-Identity: <sip:0a17c5d2e8b9f604@push.localhost;user=push>']
  t.is(await scene.push(asking, { type: 'message/cpim', user: '0b90c5d2e8b9f604', asserted: false, lines }), 202)
  t.is(await scene.push('<message-id>m1</message-id>', { type: 'message/imdn+xml' }), 202, 'receipts are nobody’s')
  t.deepEqual(scene.applicationsWaiting(), ['org.example.chat', 'org.example.pictures', 'org.example.chat', ''])
})

test('P7: a service of RFC 6050 stands for its application; one that nobody has is passed over', async (t) => {
  const services = ['urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg']
  const scene = await PushScene.open({
    applications: [
      { ...chat, services },
      { id: 'org.example.text', default: ['text/plain'] },
    ],
  })
  t.is(await scene.push('1', { lines: [`P-Preferred-Service: ${services[0]}`] }), 202)
  t.is(await scene.push('2', { lines: [`P-Asserted-Service: ${services[0]}`] }), 202)
  t.is(await scene.push('3', { lines: ['P-Preferred-Service: urn:urn-7:3gpp-service.ims.icsi.mmtel'] }), 202)
  t.is(await scene.push('4', { lines: [`P-Preferred-Service: ${services[0]}`, 'Push-Application: org.example.text'] }), 202)
  const [first, second] = [chat.id, 'org.example.text']
  t.deepEqual(scene.applicationsWaiting(), [first, first, second, second])
})

test('P47: source and application are optional: `app` of the URI names one too, and the header goes before', async (t) => {
  const scene = await PushScene.open({ applications: [chat, { id: 'org.example.text', default: ['text/plain'] }] })
  t.is(await scene.push('1', { uriParameters: ';app=org.example.chat' }), 202)
  t.is(await scene.push('2', { uriParameters: ';app=org.example.chat', ...named('org.example.text') }), 202)
  t.is(await scene.push('3'), 202)
  t.deepEqual(scene.applicationsWaiting(), ['org.example.chat', 'org.example.text', 'org.example.text'])
})

test('P17: an application identifier is a name, a kind of application, or a media type', async (t) => {
  const ids = ['org.example.chat', 'kind:image.viewer', 'image/png']
  const scene = await PushScene.open({ applications: ids.map((id) => ({ id })) })
  for (const id of ids) t.is(await scene.push(id, named(id)), 202)
  t.deepEqual(scene.applicationsWaiting(), ids)
})

test('PF2, P18: nobody sends before approval or consent, nor after revocation, which is counted apart, over a restart too', async (t) => {
  const scene = await PushScene.open()
  const { applications } = scene.server
  const send = (): Promise<number> => scene.push('hello', named(chat.id))
  const requested = await applications.step(chat.id, 'request', { name: 'Chat' })
  t.like(requested, { application: { state: 'requested', push: undefined }, token: undefined })
  t.is(await send(), 403)
  t.is(scene.metric('refused_application_total'), 1)
  t.like(await applications.step(chat.id, 'consent'), { fault: 'state' }, 'it was not invited')
  const approved = await applications.step(chat.id, 'approve', { sending: 'priority', types: ['text/plain'] })
  t.like(approved, { application: { state: 'approved', name: 'Chat', sending: 'priority' } })
  if (approved.fault !== undefined) throw new Error(approved.text)
  t.regex(approved.application.push!, /^0[\da-f]{15}$/, 'with the flag bits of this server')
  t.is(applications.ofToken(approved.token!)?.id, chat.id)
  t.is(applications.ofToken('another-token-of-some-length'), undefined)
  t.is(await send(), 202)
  await scene.restart()
  t.is(await send(), 202)
  t.is(scene.server.applications.ofToken(approved.token!)?.id, chat.id)
  await scene.server.applications.step(chat.id, 'revoke')
  t.is(scene.server.applications.ofToken(approved.token!), undefined)
  t.is(await send(), 403)
  t.is(scene.metric('refused_application_revoked_total'), 1)
  await scene.restart()
  t.is(await send(), 403)
  const again = await scene.server.applications.step(chat.id, 'request')
  t.like(again, { application: { state: 'requested', push: approved.application.push } })
})

test('P18: by invitation the same: identifier and token come with consent', async (t) => {
  const scene = await PushScene.open()
  const { applications } = scene.server
  t.like(await applications.step(chat.id, 'approve'), { fault: 'unknown' })
  t.like(await applications.step(chat.id, 'invite'), { application: { state: 'invited', push: undefined }, token: undefined })
  t.like(await applications.step(chat.id, 'approve'), { fault: 'state' })
  t.is(await scene.push('hello', named(chat.id)), 403)
  const consented = await applications.step(chat.id, 'consent')
  t.true(consented.fault === undefined && consented.token !== undefined && consented.application.push !== undefined)
  t.is(await scene.push('hello', named(chat.id)), 202)
})

test('applications of the dialplan: what was changed while it ran stays, until the dialplan says otherwise or no more', async (t) => {
  const scene = await PushScene.open({ applications: [{ ...chat, token: 'a-token-of-the-dialplan' }] })
  const before = scene.server.applications.ofToken('a-token-of-the-dialplan')
  t.is(before?.id, chat.id)
  await scene.server.applications.step(chat.id, 'revoke')
  await scene.restart()
  t.is(scene.server.applications.get(chat.id)?.state, 'revoked')
  await scene.restart({ applications: [{ ...chat, name: 'Chat' }] })
  t.like(scene.server.applications.get(chat.id), { state: 'approved', name: 'Chat', push: before?.push })
  await scene.restart({})
  t.is(scene.server.applications.get(chat.id), undefined)
})

test('PF3: a media type that is not in its rule, 415 with those that are', async (t) => {
  const scene = await PushScene.open({ applications: [{ ...chat, types: ['text/plain', 'image/*'] }] })
  t.is(await scene.push('hello', { ...named(chat.id), type: 'image/png' }), 202)
  t.is(await scene.push(cpim('text/plain'), { ...named(chat.id), type: 'message/cpim' }), 202)
  const refused = await scene.answer('hello', { ...named(chat.id), type: 'text/html' })
  t.is(refused.status, 415)
  t.is(refused.text('Accept'), 'text/plain, image/*')
  t.is(await scene.push(cpim('text/html'), { ...named(chat.id), type: 'message/cpim' }), 415)
  t.is(scene.metric('refused_media_type_total'), 2)
})

test('PF4: over its size, or over the server’s, 413', async (t) => {
  const scene = await PushScene.open({ maxBytes: 20, applications: [{ ...chat, maxBytes: 10 }, { id: 'org.example.long' }] })
  t.is(await scene.push('0123456789', named(chat.id)), 202)
  t.is(await scene.push('0123456789a', named(chat.id)), 413)
  t.is(await scene.push('0123456789a', named('org.example.long')), 202)
  t.is(await scene.push('0123456789'.repeat(3), named('org.example.long')), 413)
  t.is(scene.metric('refused_size_total'), 2)
  const plain = await PushScene.open({ maxBytes: 20 })
  t.is(await plain.push('0123456789'.repeat(3)), 413)
})

test('PF5: over its rate, 503 with limit, used and reset; what is refused is not counted; then it goes on', async (t) => {
  const scene = await PushScene.open({ applications: [{ ...chat, rate: { rate: 0.1, burst: 2 } }, { id: 'org.example.other' }] })
  const send = (): Promise<number> => scene.push('hello', named(chat.id), 0.1)
  t.deepEqual([await send(), await send()], [202, 202])
  const refused = await scene.answer('hello', named(chat.id), 0.1)
  t.is(refused.status, 503)
  t.is(refused.text('Retry-After'), '10')
  t.regex(refused.text('Warning')!, /rate: limit 2, used 2, reset in 10 s/)
  t.is(await scene.push('hello', named('org.example.other')), 202, 'others are not slowed')
  for (let i = 0; i < 20; i++) await send()
  await scene.pass(10)
  t.is(await send(), 202)
  t.is(scene.metric('refused_rate_total'), 21)
})

test('PF5: over its rate for one recipient, by any of his names', async (t) => {
  const scene = await PushScene.open({ applications: [{ ...chat, perRecipient: { rate: 0.01, burst: 1 } }] })
  t.is(await scene.push('hello', named(chat.id)), 202)
  t.is(await scene.push('hello', { ...named(chat.id), user: 'bob.b' }), 503)
  t.is(await scene.push('hello', { ...named(chat.id), user: '0b90c5d2e8b9f604' }), 202, 'others have their own')
  await scene.pass(100)
  t.is(await scene.push('hello', named(chat.id)), 202)
})

test('a source for whom nobody vouches sends for applications that take anonymous ones alone', async (t) => {
  const scene = await PushScene.open({ applications: [chat, { id: 'org.example.open', anonymous: true }] })
  t.is(await scene.push('hello', { ...named(chat.id), asserted: false }), 403)
  t.is(scene.metric('refused_anonymous_total'), 1)
  t.is(await scene.push('hello', { ...named('org.example.open'), asserted: false }), 202)
})

test('P19: what waits goes by class: priority, min-delay, authenticate; the last is shed first where the store is nearly full', async (t) => {
  const applications = (['authenticate', 'min-delay', 'priority'] as const).map((sending) => ({
    id: `org.example.${sending}`,
    sending,
  }))
  const scene = await PushScene.open({ applications, store: { inAll: 20 } })
  const send = (sending: string): Promise<number> => scene.push(sending, named(`org.example.${sending}`), 0.1)
  for (let i = 0; i < 18; i++) t.is(await send('authenticate'), 202)
  t.deepEqual([await send('authenticate'), await send('min-delay'), await send('min-delay')], [503, 202, 503])
  t.deepEqual([await send('priority'), await send('priority')], [202, 503])
  const phone = await scene.phone()
  await scene.register(phone)
  await scene.pass(5)
  t.deepEqual(phone.got.slice(0, 3), ['priority', 'min-delay', 'authenticate'])
  t.is(phone.got.length, 20)
})

test('P19: lowest delay is not held back by others for a device that is asleep', async (t) => {
  const scene = await PushScene.open({
    applications: [
      { ...chat, default: ['text/plain'] },
      { id: 'org.example.alarm', sending: 'min-delay' },
    ],
  })
  const phone = await scene.phone()
  await scene.register(phone)
  phone.answer = 480
  t.is(await scene.push('held'), 202)
  await scene.pass(30)
  phone.answer = 200
  const before = phone.got.length
  t.is(await scene.push('alarm', named('org.example.alarm')), 200)
  t.is(phone.got[before], 'alarm', 'it goes at once, while the other one pauses')
})
