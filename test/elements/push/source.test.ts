/** Source of a Push (SPEC §5.2, A1): nobody sends in another's name, in From or in that of a CPIM message. */
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import test from 'ava'
import { PushScene } from './scene.ts'

const bobId = '0a17c5d2e8b9f604'

function cpim(from: string, content = 'hello', type = 'text/plain'): string {
  return [`From: <sip:${from}@localhost>`, '', `Content-Type: ${type}`, '', content].join('\r\n')
}

const codings = {
  identity: (text: string) => text,
  deflate: (text: string) => deflateSync(text).toString('latin1'),
  'Deflate ': (text: string) => deflateRawSync(text).toString('latin1'),
} as const

test('A1: From of a CPIM message is read beneath each Content-Encoding', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  for (const [coding, packed] of Object.entries(codings)) {
    const send = (from: string) =>
      scene.answer(packed(cpim(from)), {
        type: 'message/cpim',
        bodyAs: 'latin1',
        lines: ['Privacy: id', `Content-Encoding: ${coding}`],
      })
    const { status, text } = await send('carol').then((answer) => ({ status: answer.status, text: answer.text('Warning') }))
    t.is(status, 403, coding)
    t.regex(text!, /source: /)
    t.is((await send('alice')).status, 200, coding)
  }
  t.is(phone.got.length, 3)
})

test('A1, A12: what cannot be unpacked is no CPIM message and no receipt: 415, and the device gets nothing', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  const send = (body: string, type: string, ...fields: readonly string[]) =>
    scene.answer(body, { type, bodyAs: 'latin1', lines: fields.map((value) => `Content-Encoding: ${value}`) })
  const packed = gzipSync(cpim('alice')).toString('latin1')
  for (const type of ['message/cpim', 'message/imdn+xml', 'Message/CPIM; charset=utf-8']) {
    t.is((await send(packed, type, 'gzip')).status, 415, type)
    t.is((await send(cpim('alice'), type, 'identity', 'deflate')).status, 415, type)
    t.is((await send(cpim('alice'), type, 'deflate')).status, 415, type)
    t.is((await send(packed, type, 'gzip')).text('Accept-Encoding'), 'identity, deflate')
  }
  t.is(phone.got.length, 0)
  t.is((await send(packed, 'text/plain', 'gzip')).status, 200, 'other content is between users')
  const { decisions } = scene.server
  t.true(decisions.about([bobId]).some(({ rule }) => rule === 'content-encoding'))
})

test('A12: a forged receipt in a packed CPIM message goes to nobody', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  const xml = '<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>m1</message-id></imdn>'
  for (const [coding, packed] of Object.entries(codings)) {
    const lines = [`Content-Encoding: ${coding}`]
    const body = packed(cpim('alice', xml, 'message/imdn+xml'))
    t.is((await scene.answer(body, { type: 'message/cpim', bodyAs: 'latin1', lines })).status, 403, coding)
  }
  t.is(phone.got.length, 0)
})

test('A1: of whom nobody vouches, and of applications, From of the CPIM message is no other name', async (t) => {
  const application = { id: 'org.example.open', anonymous: true, push: '0d90c5d2e8b9f604' }
  const scene = await PushScene.open({ applications: [application] })
  const guest = 'guest@elsewhere.example'
  const send = (named: string, more: readonly string[] = []): Promise<number> => {
    const body = `From: <sip:${named}>\r\n\r\nContent-Type: text/plain\r\n\r\nhello`
    const lines = [`Push-Application: ${application.id}`, ...more]
    return scene.push(body, { type: 'message/cpim', asserted: false, lines, from: `sip:${guest}` })
  }
  t.is(await send('carol@localhost'), 403)
  t.is(await send(guest), 202)
  const asserted = [`P-Asserted-Identity: <sip:${application.push}@push.localhost;user=push>`]
  t.is(await send('carol@localhost', asserted), 403)
  t.is(await send(guest, asserted), 403)
  t.is(await send(`${application.push}@push.localhost`, asserted), 202)
})
