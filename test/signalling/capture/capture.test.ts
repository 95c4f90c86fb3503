import test from 'ava'
import { fanTap } from '../../../signalling/capture/fan.ts'
import { masked } from '../../../signalling/capture/mask.ts'
import { memoryTap } from '../../../signalling/capture/memory.ts'
import type { TappedMessage } from '../../../signalling/capture/tap.ts'
import { alice, proxy, report, sip, subscription } from './capture-messages.ts'

const message = (text: string): TappedMessage => {
  const bytes = Buffer.from(text)
  return { at: 0, transport: 'UDP', from: alice, to: proxy, direction: 'in', bytes }
}
const texts = (messages: readonly TappedMessage[]): string[] => messages.map(({ bytes }) => Buffer.from(bytes).toString())
const mask = (text: string): string => Buffer.from(masked(Buffer.from(text))).toString()

test('the memory tap keeps the last messages, oldest first, as copies', (t) => {
  const tap = memoryTap(3)
  const bytes = Buffer.from('1')
  tap.message({ ...message(''), bytes })
  bytes[0] = 0
  t.deepEqual(texts(tap.messages), ['1'])
  for (const text of ['2', '3', '4', '5']) tap.message(message(text))
  t.deepEqual(texts(tap.messages), ['3', '4', '5'])
  tap.clear()
  t.deepEqual(tap.messages, [])
  const none = memoryTap(0)
  none.message(message('1'))
  t.deepEqual(none.messages, [])
})

test('a fan hands each message to all its taps and closes them', async (t) => {
  let closed = 0
  const [first, second] = [memoryTap(9), { ...memoryTap(9), close: async () => void closed++ }]
  const fan = fanTap([first, second])
  fan?.message(message('a'))
  t.deepEqual(texts(first.messages), ['a'])
  await fan?.close?.()
  t.is(closed, 1)
  t.is(fanTap([]), undefined)
  t.is(fanTap([first]), first)
})

test('masking stars digest responses of every spelling and leaves the rest', (t) => {
  const head = [
    'REGISTER sip:localhost SIP/2.0',
    'Subject: response="stays"',
    'Authorization: Digest username="alice", realm="localhost", nonce="n1", uri="sip:localhost",',
    ' response="0123456789abcdef", algorithm=MD5, cnonce = "a\\"b", qop=auth, nc=00000001',
    'PROXY-AUTHORIZATION : Digest username="alice",Response=abc,opaque="o"',
    'Content-Length: 0',
    '',
    '',
  ]
  const expected = [...head]
  expected[3] = ' response="****************", algorithm=MD5, cnonce = "****", qop=auth, nc=00000001'
  expected[4] = 'PROXY-AUTHORIZATION : Digest username="alice",Response=***,opaque="o"'
  t.is(mask(head.join('\r\n')), expected.join('\r\n'))
})

test('masking finds a digest response folded around its equals sign, other schemes, and passwords in URIs', (t) => {
  const head = [
    'MESSAGE sip:bob:s3cret@localhost SIP/2.0',
    'Authorization: Digest username="alice", realm="response", response',
    '\t= ',
    '  "0123", cnonce=',
    ' "45"',
    'Authorization: Bearer eyJhbGciOi.x-y_z==',
    'Proxy-Authorization:',
    ' basic YWxpY2U6',
    ' c2VjcmV0',
    'Authentication-Info: rspauth',
    ' ="67", nextnonce="n"',
    'From: "sip" <SIP:al%20ice:p%40ss;w@localhost>;tag=a:b@c',
    'Call-ID: a:b@c',
    'Call-Info: <https://user:hush@localhost/x>',
    'X: sip:alice@localhost:5060',
    '',
    '<pres:carol:own@localhost>',
  ]
  const expected = [...head]
  expected[0] = 'MESSAGE sip:bob:******@localhost SIP/2.0'
  expected[3] = '  "****", cnonce='
  expected[4] = ' "**"'
  expected[5] = 'Authorization: Bearer ******************'
  expected[7] = ' basic ********'
  expected[8] = ' ********'
  expected[10] = ' ="**", nextnonce="n"'
  expected[11] = 'From: "sip" <SIP:al%20ice:********@localhost>;tag=a:b@c'
  expected[13] = 'Call-Info: <https://user:****@localhost/x>'
  expected[16] = '<pres:carol:***@localhost>'
  t.is(mask(head.join('\r\n')), expected.join('\r\n'))
  for (const odd of ['sip:', 'sip::', 'sip:a:', '"proof":[1', '"proof":{"', 'response="', 'Authorization:'])
    t.is(mask(`X: y\r\n\r\n${odd.repeat(6000)}`).length, 8 + 6000 * odd.length, 'and does not take for ever')
})

test('masking finds secrets behind empty lines, in messages within messages, and tokens of push services', (t) => {
  const long = 'p'.repeat(400)
  for (const [text, expected] of [
    ['\r\n\r\nREGISTER sip:a SIP/2.0\r\nAuthorization: Digest response="abc"\r\n\r\n', /response="\*\*\*"/],
    ['\r\nMESSAGE sip:a SIP/2.0\r\nX: y\r\n\r\n{"proof":"abc"}', /"proof":"\*\*\*"/],
    ['NOTIFY sip:a SIP/2.0\r\n\r\nSIP/2.0 200 OK\r\nAuthorization: Bearer abc\r\n', /Bearer \*\*\*/],
    [`MESSAGE sip:a:${long}@b SIP/2.0\r\n\r\n`, /sip:a:\*{400}@b/],
    ['REGISTER sip:a SIP/2.0\r\nContact: <sip:a@b;pn-prid=abc;pn-param="de">\r\n\r\n', /pn-prid=\*\*\*;pn-param="\*\*"/],
    ['INVITE sip:a SIP/2.0\r\n\r\nk=clear:abc\r\na=crypto:1 AES inline:abc|2^20', /k=\*{9}\r\na=crypto:1 AES inline:\*\*\*\|/],
  ] as const) {
    t.regex(mask(text), expected)
    t.is(mask(text).length, text.length)
  }
})

test('masking stars codewords and proofs in bodies, whatever their values, and keeps every length', (t) => {
  const body =
    '{"codeword":"Grüße \\"x\\"","a":"codeword","proof": {"k":["s",12]},"codewords":1,"nested":{"proof":-1.5},"z":"open"}'
  const text = sip({ start: 'MESSAGE sip:a SIP/2.0', method: 'MESSAGE', body }).toString()
  const result = mask(text)
  t.is(Buffer.byteLength(result), Buffer.byteLength(text))
  t.is(
    result.slice(result.indexOf('{')),
    '{"codeword":"*************","a":"codeword","proof": {"*":["*",99]},"codewords":1,"nested":{"proof":-9.9},"z":"open"}',
  )
  for (const cut of ['{"proof":', '{"proof":"', '{"proof":"a\\', '{"proof":[['])
    t.is(mask(`A\r\n\r\n${cut}`).length, 5 + cut.length)
})

test('masking touches no bytes but its own copy, and copies nothing that has no secret', (t) => {
  const [request] = report(0)
  const before = Buffer.from(request!.bytes).toString()
  const copy = masked(request!.bytes)
  t.is(Buffer.from(request!.bytes).toString(), before)
  t.true(Buffer.from(copy).toString().endsWith('"proof":"*******"}'))
  const [plain] = subscription(0, 'UDP', alice, proxy)
  t.is(masked(plain!.bytes), plain!.bytes)
})
