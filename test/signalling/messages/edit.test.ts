/** Splicing and building: what is not edited stays byte for byte, and no value makes a header field of its own. */
import test from 'ava'
import { quote } from '../../../signalling/messages/address.ts'
import { buildRequest, buildResponse, headerLines, inline, warning } from '../../../signalling/messages/build.ts'
import { dropList, type Edit, encode } from '../../../signalling/messages/edit.ts'
import { SipRequest, SipResponse } from '../../../signalling/messages/message.ts'
import { H } from '../../../signalling/messages/names.ts'
import { scan } from '../../../signalling/messages/scan.ts'

const text = [
  'MESSAGE sip:bob@localhost SIP/2.0',
  'v:  SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1 ,\tSIP/2.0/TCP 10.0.0.3;branch=z9hG4bK2',
  'Via: SIP/2.0/UDP 10.0.0.4;branch=z9hG4bK3',
  'fROM  : "A\tB"  <sip:a@localhost> ; tag=1',
  'To: <sip:bob@localhost>',
  'X-Odd:   folded',
  '   line  ',
  'Call-ID: c1',
  'CSeq: 1   MESSAGE',
  'Max-Forwards:    0070',
  'x-odd: again',
  'P-Asserted-Identity: <sip:king@localhost>',
  'l: 4',
  '',
  '\u0001ü\n',
].join('\r\n')

function sound(bytes: Buffer | string = text): SipRequest {
  const message = scan(Buffer.from(bytes as string))
  if (!(message instanceof SipRequest) || message.fault !== undefined) throw new Error(`not sound: ${message?.fault?.text}`)
  return message
}

function edited(edit: Edit): string {
  return encode(sound(), edit).toString()
}

test('no edit, no change', (t) => {
  t.is(edited({}), text)
  t.is(encode(sound(`\r\n\r\n${text}`), {}).toString(), text, 'but empty lines in front go')
})

test('each edit changes its own lines and no others', (t) => {
  t.is(edited({ uri: 'sip:c@d' }), text.replace('sip:bob@localhost SIP', 'sip:c@d SIP'))
  t.is(edited({ maxForwards: 69 }), text.replace('Max-Forwards:    0070', 'Max-Forwards: 69'))
  t.is(edited({ top: 'Via: x\r\n' }), text.replace('SIP/2.0\r\nv:', 'SIP/2.0\r\nVia: x\r\nv:'))
  t.is(edited({ bottom: 'Z: z\r\n' }), text.replace('l: 4\r\n', 'l: 4\r\nZ: z\r\n'))
  t.is(edited({ drop: [H.Via] }), text.replace(/v:.*\r\nVia:.*\r\n/, ''))
  t.is(edited({ dropNames: ['x-odd'] }), text.replace('X-Odd:   folded\r\n   line  \r\n', '').replace('x-odd: again\r\n', ''))
  t.is(edited({ via: { text: 'SIP/2.0/UDP new' } }), text.replace('SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1 ', 'SIP/2.0/UDP new'))
})

test('another body brings its own length, and drops what was said of the old one where that is asked', (t) => {
  const drop = [H['Content-Length'], H['Content-Type']]
  t.is(
    edited({ body: 'ü!', drop, bottom: 'Content-Type: a/b\r\n' }),
    `${text.split('l: 4')[0]}Content-Type: a/b\r\nContent-Length: 3\r\n\r\nü!`,
  )
  t.is(scanned(encode(sound(), { body: '', drop })).body.length, 0)
})

test('popping a Via takes one value, and the line with its last', (t) => {
  const once = encode(sound(), { via: 'pop' })
  t.deepEqual(
    scanned(once).vias.map((via) => via!.host),
    ['10.0.0.3', '10.0.0.4'],
  )
  const twice = encode(scanned(once), { via: 'pop' })
  t.is(twice.toString(), text.replace(/v:.*\r\n/, ''))
  t.is(encode(scanned(twice), { via: 'pop' }).toString(), text.replace(/v:.*\r\nVia:.*\r\n/, ''))
})

function scanned(bytes: Buffer): SipRequest {
  return scan(bytes) as SipRequest
}

test('a missing Max-Forwards or Content-Length is added', (t) => {
  const bare = sound(text.replace('Max-Forwards:    0070\r\n', '').replace('l: 4\r\n', ''))
  const copy = scanned(encode(bare, { maxForwards: 69 }))
  t.is(copy.fault, undefined)
  t.is(copy.maxForwards, 69)
  t.is(copy.text('Content-Length'), '4')
  t.is(copy.body.toString(), '\u0001ü\n')
})

test('octets behind the body are left behind', (t) => {
  t.is(encode(sound(`${text}INVITE sip:x SIP/2.0\r\n`), {}).toString(), text)
})

test('bytes that are no UTF-8 pass untouched', (t) => {
  const bytes = Buffer.concat([Buffer.from(text.replace('\u0001ü\n', '')), Buffer.from([0xff, 0xfe, 0x00, 0x80])])
  const odd = Buffer.from(bytes.toString('latin1').replace('king', 'k\xffng'), 'latin1')
  t.deepEqual(encode(scanned(odd), {}), odd)
})

test('dropList tells names with a number from those without', (t) => {
  t.deepEqual(dropList(['via', 'X-Odd', 'v', 'toString']), { drop: [H.Via, H.Via], dropNames: ['x-odd', 'tostring'] })
})

test('a response echoes what RFC 3261 §8.2.6 says, as it came', (t) => {
  const response = scan(buildResponse(sound(), 200, { toTag: 'us', headers: [['X-New', '1']], body: 'yes' }))
  if (!(response instanceof SipResponse)) return t.fail()
  t.is(response.fault, undefined)
  t.deepEqual(
    response.vias.map((via) => via!.branch),
    ['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK3'],
  )
  t.is(response.text('From'), '"A\tB"  <sip:a@localhost> ; tag=1')
  t.is(response.toTag, 'us')
  t.deepEqual([response.callId, response.cseq.number, response.reason, response.body.toString()], ['c1', 1, 'OK', 'yes'])
  t.false(response.has('P-Asserted-Identity'))
})

test('what is echoed has the bytes of the request, UTF-8 or not', (t) => {
  const odd = Buffer.from(
    text.replace('l: 4', 'l: 3').replace('c1', 'c\xff1').replace('"A\tB"', '"\xc3\xbc\xfe"').replace('z9hG4bK1', 'z9hG4bK\x80'),
    'latin1',
  )
  const request = scan(odd) as SipRequest
  t.is(request.fault, undefined)
  const answer = buildResponse(request, 400, { reason: 'Schön', headers: [['Warning', 'grün']], body: 'blau ä', toTag: 'us' })
  for (const part of ['c\xff1', '"\xc3\xbc\xfe"', 'z9hG4bK\x80']) t.true(answer.includes(Buffer.from(part, 'latin1')), part)
  for (const part of ['400 Schön\r\n', 'Warning: grün\r\n', '\r\n\r\nblau ä']) t.true(answer.includes(part), part)
})

test('a To tag is added once, wherever the parameters stand', (t) => {
  for (const [to, expected] of [
    ['<sip:b@c>', '<sip:b@c>;tag=us'],
    ['sip:b@c;x=1', 'sip:b@c;x=1;tag=us'],
    ['<sip:b@c>;tag=theirs', '<sip:b@c>;tag=theirs'],
    ['<sip:b@c> ;\r\n TAG = theirs', '<sip:b@c> ; TAG = theirs'],
    ['<sip:b@c;tag=uri>', '<sip:b@c;tag=uri>;tag=us'],
    ['"x;tag=1" <sip:b@c>', '"x;tag=1" <sip:b@c>;tag=us'],
  ] as const) {
    const request = sound(text.replace('To: <sip:bob@localhost>', `To: ${to}`))
    t.is((scan(buildResponse(request, 404, { toTag: 'us' })) as SipResponse).text('To'), expected)
  }
})

test('no value ends its line: header injection is impossible', (t) => {
  const evil = 'x\r\nX-Injected: yes\r\n\r\nbody\nX-More: 1\rX-Last: 2\0'
  const built = scan(
    buildRequest('MESSAGE', 'sip:b@c', [
      ['Via', 'SIP/2.0/UDP h;branch=z9hG4bK1'],
      ['From', `<sip:a@b>;tag=${evil}`],
      ['To', `${quote(evil)} <sip:b@c>`],
      ['Call-ID', evil],
      ['CSeq', '1 MESSAGE'],
      ['Warning', warning('me', evil)],
      ['Subject', evil],
    ]),
  )
  t.true(built instanceof SipRequest)
  t.deepEqual(
    built!.headers.map(([name]) => name),
    ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Warning', 'Subject', 'Content-Length'],
  )
  t.is(built!.body.length, 0)
  const answered = scan(buildResponse(sound(), 400, { reason: evil, toTag: 't', headers: [['Warning', warning('me', evil)]] }))
  t.true(answered instanceof SipResponse)
  t.false(answered!.has('X-Injected'))
  t.is(headerLines([['A', evil]]).split('\n').length, 2)
  t.false(/[\r\n\0]/.test(inline(evil)))
})

test('a body may be bytes', (t) => {
  const bytes = Uint8Array.from([0, 255, 13, 10, 13, 10, 128])
  const built = scan(buildRequest('MESSAGE', 'sip:b@c', [['Via', 'SIP/2.0/UDP h']], bytes))!
  t.deepEqual(new Uint8Array(built.body), bytes)
  t.is(built.text('Content-Length'), '7')
})
