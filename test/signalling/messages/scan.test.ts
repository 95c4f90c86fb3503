/** Scanning: what RFC 3261 allows, and what clients send all the same (test/interop/README.md). */
import test from 'ava'
import { SipRequest, SipResponse } from '../../../signalling/messages/message.ts'
import { H, nameId, nameOf } from '../../../signalling/messages/names.ts'
import { scan } from '../../../signalling/messages/scan.ts'

const head = [
  'MESSAGE sip:bob@localhost SIP/2.0',
  'Via: SIP/2.0/UDP 10.0.0.2:5062;branch=z9hG4bK1;rport',
  'Max-Forwards: 70',
  'From: "Alice" <sip:alice@localhost>;tag=a1',
  'To: <sip:bob@localhost>',
  'Call-ID: c1@10.0.0.2',
  'CSeq: 7 MESSAGE',
]

function build(lines: readonly string[], body = '', end = '\r\n'): Buffer {
  return Buffer.from(`${lines.join(end)}${end}${end}${body}`)
}

function request(lines: readonly string[], body = '', end = '\r\n'): SipRequest {
  const message = scan(build(lines, body, end))
  if (!(message instanceof SipRequest)) throw new Error('no request')
  return message
}

function replaced(start: string, line: string): string[] {
  return head.map((each) => (each.startsWith(start) ? line : each))
}

test('a plain request is sound and readable', (t) => {
  const message = request([...head, 'Content-Type: text/plain', 'Content-Length: 2'], 'hi')
  t.is(message.fault, undefined)
  t.is(message.method, 'MESSAGE')
  t.is(message.uri.user, 'bob')
  t.deepEqual(message.cseq, { number: 7, method: 'MESSAGE' })
  t.is(message.from.display, 'Alice')
  t.deepEqual([message.fromTag, message.toTag], ['a1', ''])
  t.is(message.callId, 'c1@10.0.0.2')
  t.deepEqual(
    [message.via!.transport, message.via!.host, message.via!.port, message.via!.branch],
    ['UDP', '10.0.0.2', 5062, 'z9hG4bK1'],
  )
  t.is(message.via!.parameters.get('rport'), '')
  t.is(message.contentType, 'text/plain')
  t.is(message.body.toString(), 'hi')
  t.is(message.maxForwards, 70)
})

test('folded lines are one value', (t) => {
  const message = request([
    ...replaced('From', 'From: "Alice"\r\n <sip:alice@localhost>\r\n\t;tag=a1'),
    'Subject: one\r\n two\r\n   three',
  ])
  t.is(message.fault, undefined)
  t.is(message.fromTag, 'a1')
  t.is(message.text('Subject'), 'one two three')
})

test('names in any case and in compact form', (t) => {
  const message = request(
    [
      'MESSAGE sip:bob@localhost SIP/2.0',
      'v:SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1',
      'mAx-fORWARDS:70',
      'F:<sip:alice@localhost>;tag=a1',
      't:sip:bob@localhost',
      'I:c1',
      'cSEQ:    7    MESSAGE',
      'k:path',
      'o:tick',
      'm:<sip:alice@10.0.0.2>',
      'c:text/plain',
      'l:   2',
    ],
    'hi',
  )
  t.is(message.fault, undefined)
  t.is(message.callId, 'c1')
  t.is(message.event?.value, 'tick')
  t.deepEqual(message.list('Supported'), ['path'])
  t.is(message.contacts === '*' ? 0 : message.contacts?.length, 1)
  t.is(message.body.toString(), 'hi')
  for (const [short, long] of Object.entries({
    v: 'Via',
    f: 'From',
    t: 'To',
    i: 'Call-ID',
    m: 'Contact',
    l: 'Content-Length',
    c: 'Content-Type',
    o: 'Event',
    k: 'Supported',
    u: 'Allow-Events',
    e: 'Content-Encoding',
    r: 'Refer-To',
    s: 'Subject',
  })) {
    t.is(nameOf(nameId(short)), long)
    t.is(nameId(short.toUpperCase()), nameId(long.toLowerCase()))
  }
})

test('names that no header has are nobody’s, whatever objects have', (t) => {
  for (const name of ['X-Unknown', 'constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    t.is(nameId(name), 0)
    t.is(request(head).text(name), undefined)
    t.is(request([...head, `${name}: x`]).text(name.toUpperCase()), 'x')
  }
})

test('Via: joined by commas, behind other fields, bare, with flags', (t) => {
  const joined = request(
    replaced('Via', 'Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1, SIP/2.0/TCP host.example:5070;branch=z9hG4bK2'),
  )
  t.is(joined.fault, undefined)
  t.is(joined.via!.branch, 'z9hG4bK1')
  t.deepEqual(
    joined.vias.map((via) => [via!.transport, via!.host, via!.port]),
    [
      ['UDP', '10.0.0.2', 0],
      ['TCP', 'host.example', 5070],
    ],
  )
  const behind = request([head[0]!, ...head.slice(2), head[1]!])
  t.is(behind.fault, undefined)
  t.is(behind.via!.branch, 'z9hG4bK1')
  for (const [text, host, port] of [
    ['SIP/2.0/UDP 10.0.0.2', '10.0.0.2', 0],
    ['SIP/2.0/UDP  10.0.0.2:5060 ; rport ; alias;branch=x', '10.0.0.2', 5060],
    ['SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKx', 'df7jal23ls0d.invalid', 0],
    ['SIP/2.0/UDP [2001:db8::9:1]:5062;branch=x', '2001:db8::9:1', 5062],
    ['SIP/2.0/UDP host.example : 5063;branch=x', 'host.example', 5063],
    ['sip/2.0/udp 10.0.0.2;branch=x', '10.0.0.2', 0],
  ] as const) {
    const { via, fault } = request(replaced('Via', `Via: ${text}`))
    t.is(fault, undefined, text)
    t.deepEqual([via!.host, via!.port], [host, port], text)
  }
  for (const text of [
    'SIP/2.0/UDP',
    'SIP/2.0 10.0.0.2',
    'SIP/3.0/UDP 10.0.0.2',
    'SIP/2.0/UDP 10.0.0.2:99999',
    'SIP/2.0/UDP 10.0.0.2:',
    'SIP/2.0/UDP 10.0.0.2, nonsense',
    '',
  ]) {
    t.is(request(replaced('Via', `Via: ${text}`)).fault?.status, 400, text)
  }
})

test('fields that are missing', (t) => {
  t.is(request(head.filter((line) => !line.startsWith('Max-Forwards'))).fault, undefined)
  t.is(request(head.filter((line) => !line.startsWith('Max-Forwards'))).maxForwards, 70)
  for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) {
    const message = request(head.filter((line) => !line.startsWith(`${name}:`)))
    t.deepEqual(message.fault, { status: 400, text: `${name} is missing` })
    t.is(request(replaced(`${name}:`, `${name}:  `)).fault?.status, 400)
  }
})

test('a datagram without Content-Length has the body it has; one with less is cut; one with more is refused', (t) => {
  t.is(request(head, 'all of it').body.toString(), 'all of it')
  t.is(request([...head, 'Content-Length: 3'], 'all of it').body.toString(), 'all')
  t.is(request([...head, 'Content-Length:    9'], 'all of it').body.toString(), 'all of it')
  t.is(request([...head, 'Content-Length: 10'], 'all of it').fault?.status, 400)
  for (const length of ['-1', '1.5', '9x', '', '0x9', '99999999999999999999'])
    t.is(request([...head, `Content-Length: ${length}`], 'all of it').fault?.status, 400, length)
})

test('fields that may stand once stand once', (t) => {
  for (const line of ['Call-ID: other', 'CSeq: 8 MESSAGE', 'To: <sip:x@y>', 'f: <sip:x@y>;tag=1', 'Max-Forwards: 7']) {
    t.is(request([...head, line]).fault?.status, 400, line)
  }
  for (const line of ['Event: a', 'Expires: 5', 'Content-Type: text/plain', 'Content-Length: 0', 'Subscription-State: active']) {
    t.is(request([...head, line]).fault, undefined, line)
    t.is(request([...head, line, line]).fault?.status, 400, line)
  }
  t.is(request([...head, 'Contact: <sip:a@b>', 'Contact: <sip:c@d>', 'Route: <sip:x;lr>', 'Route: <sip:y;lr>']).fault, undefined)
})

test('line ends: CRLF, LF alone, empty lines in front', (t) => {
  const message = request([...head, 'Content-Length: 2'], 'hi', '\n')
  t.is(message.fault, undefined)
  t.is(message.body.toString(), 'hi')
  t.is(message.callId, 'c1@10.0.0.2')
  const late = scan(Buffer.concat([Buffer.from('\r\n\r\n'), build(head)]))
  t.is(late?.fault, undefined)
})

test('bare URIs in From, To and Contact; their parameters are of the field', (t) => {
  const message = request([
    ...head.filter((line) => !/^(From|To)/.test(line)),
    'From: sip:alice@localhost;tag=a1',
    'To: sip:bob@localhost;transport=x;tag=b1',
    'Contact: sip:alice@10.0.0.2:5062;expires=60',
  ])
  t.is(message.fault, undefined)
  t.deepEqual([message.fromTag, message.toTag], ['a1', 'b1'])
  t.is(message.to.uri.parameters.size, 0)
  const { contacts } = message
  t.is(contacts === '*' ? undefined : contacts?.[0]?.parameters.get('expires'), '60')
})

test('names of people: quotes, commas, brackets and UTF-8 in them', (t) => {
  for (const [text, display] of [
    ['"Bell, <Alexander> \\"G\\"" <sip:a@localhost>;tag=1', 'Bell, <Alexander> "G"'],
    ['"王小明" <sip:a@localhost>;tag=1', '王小明'],
    ['Grüße an <sip:a@localhost>;tag=1', 'Grüße an'],
    ['"tag=2;" <sip:a@localhost>;tag=1', 'tag=2;'],
    ['<sip:a@localhost;tag=2>;tag=1', ''],
    ['"" <sip:a@localhost> ; Tag = 1', ''],
  ] as const) {
    const message = request(replaced('From', `From: ${text}`))
    t.is(message.fault, undefined, text)
    t.is(message.from.display, display, text)
    t.is(message.fromTag, '1', text)
  }
  for (const text of ['"open <sip:a@localhost>;tag=1', '<sip:a@localhost;tag=1', 'nonsense', '<>'])
    t.is(request(replaced('From', `From: ${text}`)).fault?.status, 400, text)
})

test('CSeq is below 2^31 and names the method', (t) => {
  for (const [text, sound] of [
    ['0 MESSAGE', true],
    ['2147483647 MESSAGE', true],
    ['0007\tMESSAGE', true],
    ['2147483648 MESSAGE', false],
    ['-1 MESSAGE', false],
    ['7', false],
    ['7 message', false],
    ['7 INVITE', false],
    ['7 MESSAGE x', false],
  ] as const) {
    t.is(request(replaced('CSeq', `CSeq: ${text}`)).fault === undefined, sound, text)
  }
})

test('start lines', (t) => {
  t.is(scan(build(['MESSAGE sip:bob@localhost', ...head.slice(1)])), undefined)
  for (const [line, status] of [
    ['MESSAGE sip:bob@localhost SIP/3.0', 505],
    ['MESSAGE sip:bob@localhost SIP/2.0 ', 400],
    ['MESSAGE  sip:bob@localhost SIP/2.0', 400],
    ['MESSAGE sip:bob@localhost sip/2.0', undefined],
    ['MESSAGE bob SIP/2.0', 400],
    ['MESSAGE sip:bob@localhost?to=x SIP/2.0', 400],
    ['MESSAGE sip:bob@ SIP/2.0', 400],
  ] as const) {
    const message = scan(build([line, ...head.slice(1)]))
    t.is(message?.fault?.status, status, line)
  }
  const answer = scan(build(['SIP/2.0 200 Schön', ...head.slice(1)]))
  t.true(answer instanceof SipResponse && answer.status === 200 && answer.reason === 'Schön')
  for (const line of [
    'SIP/2.0 99 x',
    'SIP/2.0 700 x',
    'SIP/2.0 2000 x',
    'SIP/2.0 20 x',
    'SIP/1.0 200 OK',
    'SIP/2.0  200 OK',
    'SIP/2.0 abc x',
  ])
    t.is(scan(build([line, ...head.slice(1)])), undefined, line)
})

test('noise is nothing', (t) => {
  const stun = Buffer.from('000100002112a442b7e7a701bc34d686fa87dfae', 'hex')
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('\r\n\r\n'),
    Buffer.from('\0'),
    stun,
    Buffer.alloc(2000, 0xff),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  ])
    t.is(scan(bytes), undefined)
})

test('limits: size and number of header fields', (t) => {
  const many = [...head, ...Array.from({ length: 300 }, (_, i) => `X-${i}: ${i}`)]
  t.is(request(many).fault?.status, 513)
  t.is(scan(build(many), { limits: { size: 100_000, headers: 400 } })?.fault, undefined)
  t.is(scan(build(head, 'x'.repeat(70_000)))?.fault?.status, 513)
  t.is(scan(build(head, 'x'.repeat(500)), { limits: { size: 400, headers: 100 } })?.fault?.status, 513)
})

test('lists: routes, options, several credentials', (t) => {
  const message = request([
    ...head,
    'Route: <sip:a;lr>, "x, y" <sip:b,c@d;lr>',
    'Route: <sip:e;lr>;p="q,r"',
    'Require: path ,, outbound',
    'Authorization: Digest username="a", realm="x"',
    'Authorization: Digest username="a", realm="y"',
  ])
  t.deepEqual(
    message.routes!.map(({ uri }) => uri.text),
    ['sip:a;lr', 'sip:b,c@d;lr', 'sip:e;lr'],
  )
  t.deepEqual(message.list(H.Require), ['path', 'outbound'])
  t.is(message.texts(H.Authorization).length, 2)
  t.is(request([...head, 'Contact: *']).contacts, '*')
  t.is(request([...head, 'Contact: <sip:a@b>, nonsense']).contacts, undefined)
})
