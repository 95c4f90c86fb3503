import test from 'ava'
import { currentSource, generateSources } from '../../../elements/schemas/generate.ts'
import { type BodyName, faultOf, mediaType, readBody, writeBody } from '../../../elements/schemas/index.ts'
import { requestOf } from '../../support/requests.ts'

const code = 'ab'.repeat(23)

test('types of bodies and settings are those that the schemas give', async (t) => {
  const sources = await generateSources()
  t.true(sources.length > 2)
  for (const { file, text } of sources) t.is(currentSource(file), text, `${file}: run npm run types`)
})

test('a body is read and written, unknown members ignored', (t) => {
  const body = writeBody('prose-match', { heard: [{ code, at: '2026-01-01T00:00:00Z' }] })
  t.is(body.type, 'application/vnd.proxima.prose-match+json')
  const request = requestOf('MESSAGE', 'sip:prose@localhost', { body })
  t.deepEqual(readBody(request, 'prose-match').value, { heard: [{ code, at: '2026-01-01T00:00:00Z' }] })
  const extra = { type: body.type, content: JSON.stringify({ heard: [], colour: 'green' }) }
  t.is(readBody(requestOf('MESSAGE', 'sip:prose@localhost', { body: extra }), 'prose-match').fault, undefined)
})

const faulty: readonly [BodyName, unknown, RegExp][] = [
  ['prose-match', { heard: [{ code: 'x', at: '2026-01-01T00:00:00Z' }] }, /^\/heard\/0\/code must match pattern/],
  ['prose-match', { heard: [{ code, at: 'yesterday' }] }, /^\/heard\/0\/at must be a time of RFC 3339/],
  ['prose-match', { heard: [{ code, at: '2026-13-41T00:00:00Z' }] }, /^\/heard\/0\/at must be a time of RFC 3339/],
  ['prose-match', {}, /^the body must have required property 'heard'/],
  ['prose-match', [], /^the body must be object/],
  ['prose-request', { roles: ['king'] }, /^\/roles\/0 must be one of discoverable, discoverer/],
  ['prose-request', { device: 'no uri' }, /^\/device must be a URI or an IP address/],
  ['prose-monitor', { add: [] }, /required property 'device'/],
  ['proximity-query', { peers: [] }, /^\/peers must NOT have fewer than 1 items/],
  ['privacy-profile', { rules: [{ id: 'x', mode: 'allow', sealed: 'Apfelbaum' }] }, /^\/rules\/0\/sealed must match pattern/],
  ['privacy-profiles', { version: 1, profiles: [{ target: 'sip:a@b', rules: [] }] }, /^\/profiles\/0 must have .* 'version'/],
  ['subscription-data', { version: 1, records: [{ id: 'sip:a@b' }] }, /^\/records\/0 must have required property 'permissions'/],
]
for (const [name, value, expected] of faulty) {
  test(`${name} ${JSON.stringify(value)} is refused with the pointer and what was expected`, (t) => {
    t.regex(faultOf(name, value) ?? '', expected)
    const body = { type: mediaType(name), content: JSON.stringify(value) }
    const { fault } = readBody(requestOf('MESSAGE', 'sip:prose@localhost', { body }), name)
    t.is(fault?.status, 400)
    t.regex(fault?.warning ?? '', expected)
  })
}

test('identifiers may be SIP, tel and other URIs, and IP addresses', (t) => {
  for (const device of ['sip:a@b', 'tel:+4930123', 'msn:a@b', '192.0.2.1', '2001:db8::1']) {
    t.is(faultOf('prose-request', { device }), undefined, device)
  }
})

test('what is no JSON, another type, encoded or missing is refused', (t) => {
  const read = (type: string, content: string) =>
    readBody(requestOf('MESSAGE', 'sip:prose@localhost', { body: { type, content } }), 'prose-match').fault
  t.is(read(mediaType('prose-match'), '{')?.status, 400)
  t.is(read('application/json', '{}')?.status, 415)
  t.is(readBody(requestOf('MESSAGE', 'sip:prose@localhost'), 'prose-match').fault?.status, 400)
})

test('multi-byte text survives', (t) => {
  const body = writeBody('prose-request', { application: 'Свои рядом 🛰' })
  t.is(readBody(requestOf('SUBSCRIBE', 'sip:prose@localhost', { body }), 'prose-request').value?.application, 'Свои рядом 🛰')
})

test('a body that is not UTF-8 is 400', (t) => {
  const name = mediaType('proximity-query')
  for (const bytes of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]]) {
    const content = Buffer.concat([Buffer.from('{"application":"'), Buffer.from(bytes), Buffer.from('"}')])
    const { fault } = readBody(requestOf('MESSAGE', 'sip:prose@localhost', { body: { type: name, content } }), 'proximity-query')
    t.deepEqual(fault, { status: 400, warning: 'the body is not UTF-8' })
  }
})
