/**
 * RFC 5118, the torture tests for IPv6: each case of its §4 as a message of ours, with the verdict that its section asks for,
 * by the parser and by a live proxy. Nothing is skipped.
 */
import test, { type ExecutionContext } from 'ava'
import { encode } from '../../signalling/messages/edit.ts'
import { plainIpv6 } from '../../signalling/messages/ipv6.ts'
import { SipRequest } from '../../signalling/messages/message.ts'
import { H } from '../../signalling/messages/names.ts'
import { scan } from '../../signalling/messages/scan.ts'
import { parseUri, sameUri } from '../../signalling/messages/uri.ts'
import { Wire } from '../support/wire.ts'
import { type Ground, play, proxying } from './ground.ts'

interface Parts {
  readonly uri?: string
  readonly method?: string
  readonly vias?: readonly string[]
  readonly contact?: string
  readonly body?: readonly string[]
}

function written({ uri = 'sip:[2001:db8::10]', method = 'OPTIONS', vias, contact, body = [] }: Parts): Buffer {
  const content = body.map((line) => `${line}\r\n`).join('')
  const lines = [
    `${method} ${uri} SIP/2.0`,
    ...(vias ?? ['SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bK-5118']).map((via) => `Via: ${via}`),
    'Max-Forwards: 70',
    'From: <sip:user@example.com>;tag=81x2',
    `To: <sip:user@example.com>`,
    'Call-ID: ipv6@torture',
    `CSeq: 8612 ${method}`,
    ...(contact === undefined ? [] : [`Contact: "Caller" <${contact}>`]),
    ...(content === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${content.length}`,
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${content}`)
}

function sound(t: ExecutionContext, bytes: Buffer): SipRequest {
  const message = scan(bytes)
  if (!(message instanceof SipRequest)) throw new Error('no request')
  t.is(message.fault, undefined)
  return message
}

/** From a trusted neighbour to the peer, which the plan has behind example.com and the like. */
async function forwarded(t: ExecutionContext, bytes: Buffer): Promise<{ copy: SipRequest; made: Ground }> {
  const made = await proxying()
  const { left, faults } = await play(made, bytes, made.neighbour)
  const [copy] = made.peer.requests
  t.truthy(copy, `forwarded; answered ${made.neighbour.statuses}`)
  const drop = [H.Via, H['Max-Forwards'], H['Record-Route']]
  t.is(encode(copy!, { drop }).toString(), encode(sound(t, bytes), { drop }).toString(), 'nothing else is touched')
  t.is(left + faults, 0)
  return { copy: copy!, made }
}

test('§4.1 a valid message with an IPv6 reference: its parts are read, and it is answered', async (t) => {
  const bytes = written({ method: 'REGISTER', contact: 'sip:caller@[2001:db8::1]' })
  const request = sound(t, bytes)
  t.is(request.uri.host, '2001:db8::10')
  t.is(request.uri.port, 0)
  t.is(request.via?.host, '2001:db8::9:1')
  t.is(request.contactUri?.host, '2001:db8::1')
  const made = await proxying()
  const { finals, left } = await play(made, bytes)
  t.deepEqual(finals, [404], 'sound, and not of our domains')
  t.is(left, 0)
})

test('§4.2 an IPv6 address without brackets is no host: 400', async (t) => {
  const bytes = written({ method: 'REGISTER', uri: 'sip:2001:db8::10', contact: 'sip:caller@[2001:db8::1]' })
  t.is(scan(bytes)?.fault?.status, 400)
  t.is(parseUri('sip:2001:db8::10'), undefined)
  const made = await proxying()
  const { finals, left } = await play(made, bytes)
  t.deepEqual(finals, [400])
  t.deepEqual(made.peer.arrivals, [])
  t.is(left, 0)
})

test('§4.3 a number within the brackets is no port, whatever was meant', async (t) => {
  const bytes = written({ method: 'REGISTER', uri: 'sip:[2001:db8::10:5070]', contact: 'sip:caller@[2001:db8::1]' })
  const request = sound(t, bytes)
  t.is(request.uri.host, '2001:db8::10:5070')
  t.is(request.uri.port, 0)
  t.deepEqual((await play(await proxying(), bytes)).finals, [404])
})

test('§4.4 a number behind the brackets is the port', async (t) => {
  const bytes = written({ method: 'REGISTER', uri: 'sip:[2001:db8::10]:5070', contact: 'sip:caller@[2001:db8::1]' })
  const request = sound(t, bytes)
  t.is(request.uri.host, '2001:db8::10')
  t.is(request.uri.port, 5070)
  t.deepEqual((await play(await proxying(), bytes)).finals, [404])
})

for (const received of ['[2001:db8::9:255]', '2001:db8::9:255'])
  test(`§4.5 received=${received} in a Via is read, and never believed`, async (t) => {
    const via = `SIP/2.0/UDP [2001:db8::9:1];received=${received};branch=z9hG4bKas3-111`
    const bytes = written({ method: 'BYE', uri: 'sip:user@example.com', vias: [via] })
    const request = sound(t, bytes)
    t.is(request.via?.host, '2001:db8::9:1')
    t.is(request.via?.branch, 'z9hG4bKas3-111')
    t.is(request.via?.parameters.get('received'), received)
    const { copy, made } = await forwarded(t, bytes)
    t.is(copy.vias[1]?.parameters.get('received'), made.neighbour.here.host, 'the source as we saw it')
    made.peer.answer(copy, 200)
    await made.lab.clock.advance(100)
  })

test('§4.6 IPv6 addresses in a session description are the peers’ affair', async (t) => {
  const body = [
    'v=0',
    'o=assistant 971731711378798081 0 IN IP6 2001:db8::20',
    's=Live video feed',
    'c=IN IP6 2001:db8::20',
    't=3338481189 3370017201',
    'm=audio 6000 RTP/AVP 2',
    'm=video 6024 RTP/AVP 107',
  ]
  const { copy } = await forwarded(
    t,
    written({ method: 'INVITE', uri: 'sip:user@example.com', contact: 'sip:caller@[2001:db8::20]', body }),
  )
  t.is(copy.body.toString(), body.map((line) => `${line}\r\n`).join(''))
})

test('§4.7 Vias of both families side by side', async (t) => {
  const vias = [
    'SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111',
    'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144',
    'SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200',
  ]
  const bytes = written({ method: 'BYE', uri: 'sip:user@example.net', vias })
  t.deepEqual(
    sound(t, bytes).vias.map((via) => [via?.host, via?.port]),
    [
      ['2001:db8::9:1', 6050],
      ['192.0.2.1', 0],
      ['2001:db8::9:255', 0],
    ],
  )
  const { copy, made } = await forwarded(t, bytes)
  t.deepEqual(copy.texts(H.Via).slice(2), vias.slice(1))
  made.peer.answer(copy, 200)
  await made.lab.clock.advance(100)
})

test('§4.8 addresses of both families in one session description', async (t) => {
  const body = [
    'v=0',
    'o=bob 280744730 28977631 IN IP4 host.example.com',
    's=',
    't=0 0',
    'm=audio 22334 RTP/AVP 0',
    'c=IN IP4 192.0.2.1',
    'm=video 6024 RTP/AVP 107',
    'c=IN IP6 2001:db8::1',
  ]
  const { copy } = await forwarded(
    t,
    written({ method: 'INVITE', uri: 'sip:user@example.com', contact: 'sip:bob@[2001:db8::9:1]', body }),
  )
  t.is(copy.body.toString(), body.map((line) => `${line}\r\n`).join(''))
})

test('§4.9 IPv4-mapped addresses in Via, Contact and body', async (t) => {
  const bytes = written({
    method: 'INVITE',
    uri: 'sip:user@example.com',
    vias: ['SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19', 'SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111'],
    contact: 'sip:ted@[::ffff:192.0.2.2]',
    body: ['v=0', 'o=a 1 0 IN IP6 ::ffff:192.0.2.2', 's=-', 'c=IN IP6 ::ffff:192.0.2.2', 't=0 0', 'm=audio 6000 RTP/AVP 2'],
  })
  const request = sound(t, bytes)
  t.is(request.via?.host, '::ffff:192.0.2.10')
  t.is(request.via?.port, 19_823)
  t.is(request.contactUri?.host, '::ffff:192.0.2.2')
  await forwarded(t, bytes)
})

test('§4.10 the third colon that RFC 3261’s grammar wrote is taken for two; elsewhere it is none', async (t) => {
  const odd = written({ uri: 'sip:user@[2001:db8:::192.0.2.1]' })
  const right = written({ uri: 'sip:user@[2001:db8::192.0.2.1]' })
  t.is(sound(t, odd).uri.host, sound(t, right).uri.host)
  for (const bytes of [odd, right]) t.deepEqual((await play(await proxying(), bytes)).finals, [407], 'sound: who asks?')
  for (const text of [
    '2001:db8:::1',
    '1::2::3',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::256.1.1.1',
    '::1.2.3',
    'fe80::1%eth0',
    '',
    ':',
    '1:',
    '::g',
    '127.0.0.1',
    '1:2:3:4:5:6:7::8',
    ' ::1',
    '::\t1',
  ]) {
    t.is(plainIpv6(text), undefined, text)
    t.is(parseUri(`sip:user@[${text}]`), undefined, text)
    t.is(scan(written({ uri: `sip:user@[${text}]` }))?.fault?.status, 400, text)
  }
})

test('one address in several spellings is one host (RFC 5952, RFC 5954 §4.2)', (t) => {
  for (const [text, plain] of [
    ['2001:DB8:0:0::0010', '2001:db8::10'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::FFFF:c000:020a', '::ffff:192.0.2.10'],
    ['1::', '1::'],
    ['::2:0:0:0', '::2:0:0:0'],
  ] as const) {
    t.is(plainIpv6(text), plain)
    t.is(plainIpv6(plain), plain)
    t.true(sameUri(parseUri(`sip:a@[${text}]:5060`)!, parseUri(`sip:a@[${plain}]:5060`)!))
  }
})

test('white space at an IPv6 Via is read as in any other (RFC 4475 §3.1.1.1)', async (t) => {
  const bytes = written({
    uri: 'sip:user@example.com',
    vias: ['SIP / 2.0\t/ UDP\r\n\t[2001:db8::9:1] : 6050 ;\tbranch = z9hG4bK-5118-white'],
  })
  const request = sound(t, bytes)
  t.deepEqual([request.via?.host, request.via?.port, request.via?.branch], ['2001:db8::9:1', 6050, 'z9hG4bK-5118-white'])
  const made = await proxying()
  const other = await Wire.at(made.lab, '2001:db8::9:1', 6050)
  other.send(bytes)
  await made.lab.clock.advance(1000)
  t.is(other.responses[0]?.status, 407)
})
