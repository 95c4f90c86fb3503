/** A datagram from anybody never brings back more than twice its bytes, however it is written, and never a second answer. */
import test, { type ExecutionContext } from 'ava'
import { requestText } from '../support/wire.ts'
import { domain, openStand, type Stand, UdpHand } from './stand.ts'

const shortest = (method: string, uri: string): string =>
  `${method} ${uri} SIP/2.0\nv:SIP/2.0/UDP a;rport;branch=z9hG4bKq\nf:sip:a@a;tag=1\nt:sip:a@a\ni:1\nCSeq:1 ${method}\nl:0\n\n`
const usual = (method: string, uri: string, lines: readonly string[] = [], body = ''): string =>
  requestText(method, uri, { via: '127.0.0.1:5099;rport', to: `sip:alice@${domain}`, lines, body })

const methods = [
  'OPTIONS',
  'REGISTER',
  'SUBSCRIBE',
  'MESSAGE',
  'INVITE',
  'PUBLISH',
  'NOTIFY',
  'BYE',
  'CANCEL',
  'REFER',
  'INFO',
  'NEW',
]
const places = [
  `sip:${domain}`,
  `sip:alice@${domain}`,
  `sip:prose@${domain}`,
  `sip:hss@${domain}`,
  'sip:a@elsewhere.invalid',
  'tel:+1',
]

const long = 'x'.repeat(3000)
const strange: readonly (readonly [what: string, datagram: string | Buffer])[] = [
  ...methods.flatMap((method) => places.map((uri) => [`the shortest ${method} ${uri}`, shortest(method, uri)] as const)),
  ...methods.flatMap((method) => places.map((uri) => [`a usual ${method} ${uri}`, usual(method, uri)] as const)),
  ['overload control offered', usual('OPTIONS', `sip:${domain}`).replace(';rport', ';rport;oc;oc-algo="loss"')],
  [
    'many short Vias',
    `OPTIONS sip:${domain} SIP/2.0\n${'v:SIP/2.0/UDP a\n'.repeat(200)}f:sip:a\nt:sip:a\ni:1\nCSeq:1 OPTIONS\n\n`,
  ],
  ['empty Vias', `OPTIONS sip:${domain} SIP/2.0\n${'v:\n'.repeat(200)}f:sip:a\nt:sip:a\ni:1\nCSeq:1 OPTIONS\n\n`],
  ['folded lines', usual('OPTIONS', `sip:${domain}`).replace('Call-ID: ', `Call-ID:${'\r\n '.repeat(500)}`)],
  ['an unknown version', usual('OPTIONS', `sip:${domain}`).replace('SIP/2.0\r\nVia', 'SIP/7.0\r\nVia')],
  ['a long method', usual('M'.repeat(64), `sip:${domain}`)],
  ['CSeq of another method', usual('OPTIONS', `sip:${domain}`).replace('1 OPTIONS', `1 ${long}`)],
  ['two CSeq', usual('OPTIONS', `sip:${domain}`, ['CSeq: 1 OPTIONS'])],
  ['no Call-ID', usual('OPTIONS', `sip:${domain}`).replace(/Call-ID.*\r\n/, '')],
  ['an unknown scheme', usual('OPTIONS', 'http://x/')],
  ['Proxy-Require', usual('OPTIONS', `sip:${domain}`, ['Proxy-Require: a,b,c,d,e,f'])],
  ['Require', usual('REGISTER', `sip:${domain}`, [`Require: ${'a,'.repeat(400)}b`])],
  ['Max-Forwards 0', usual('OPTIONS', `sip:alice@${domain}`).replace('Max-Forwards: 70', 'Max-Forwards: 0')],
  ['multi-byte text', usual('MESSAGE', `sip:alice@${domain}`, ['Subject: ☎'], '☎'.repeat(50))],
  ['bytes that are no UTF-8', Buffer.from(usual('OPTIONS', `sip:${domain}`).replace('call-1', 'ÿþýüûúùø'.repeat(30)), 'latin1')],
  ['STUN', Buffer.from('000100002112a442000102030405060708090a0b', 'hex')],
  ['STUN with what nobody knows', Buffer.from('000100042112a442000102030405060708090a0b7fff0000', 'hex')],
  ['STUN cut off', Buffer.from('000100082112a442000102030405060708090a0b7fff00ff', 'hex')],
  ['a keep-alive', '\r\n\r\n'],
  ['a NUL', Buffer.alloc(1)],
  [
    'a response to nothing',
    `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nFrom: <sip:a@b>\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n`,
  ],
]

let stand: Stand
test.before(async () => {
  stand = await openStand()
})
test.after.always(() => stand.close())

/** All that came back for it, once a later request of the same socket was answered: kept away from it by its own hand. */
async function backFor(t: ExecutionContext, datagram: string | Buffer): Promise<readonly Buffer[]> {
  const hand = await UdpHand.open(stand)
  t.teardown(() => hand.close())
  hand.send(datagram)
  await hand.ask('OPTIONS', `sip:${domain}`, { callId: 'sentinel', branch: `z9hG4bK-sentinel-${hand.port}` })
  return hand.raw.filter((bytes) => !bytes.includes('sentinel'))
}

test('one answer at most, and of at most twice the bytes', async (t) => {
  for (const [what, datagram] of strange) {
    const back = await backFor(t, datagram)
    const bytes = back.reduce((sum, each) => sum + each.length, 0)
    t.true(bytes <= 2 * Buffer.byteLength(datagram), `${what}: ${bytes} for ${Buffer.byteLength(datagram)}\n${back.join('\n')}`)
    t.true(back.length <= 1, `${what}: ${back.length} answers`)
  }
  t.is(stand.count('faults_total'), 0)
})

test('what a softphone writes is answered in full', async (t) => {
  for (const [method, uri, status, header] of [
    ['OPTIONS', `sip:${domain}`, '200', 'Allow: '],
    ['REGISTER', `sip:${domain}`, '401', 'WWW-Authenticate: '],
    ['SUBSCRIBE', `sip:alice@${domain}`, '407', 'Proxy-Authenticate: '],
    ['INVITE', `sip:alice@${domain}`, '407', 'Proxy-Authenticate: '],
  ] as const) {
    const [answer] = await backFor(t, usual(method, uri))
    t.true(answer?.toString().startsWith(`SIP/2.0 ${status}`) && answer.includes(header), `${method}: ${answer}`)
  }
})

test.serial('a refusal is not repeated, to nobody: an INVITE without credentials leaves nothing behind', async (t) => {
  const before = stand.count('server_transactions')
  const back = await backFor(t, usual('INVITE', `sip:alice@${domain}`).replace('z9hG4bK-INVITE-1', 'z9hG4bK-once'))
  t.is(back.length, 1)
  t.is(stand.count('server_transactions') - before, 1, 'the OPTIONS that was asked after it, and nothing else')
})

test('a small datagram with the branch of a large one does not bring back the large answer', async (t) => {
  const hand = await UdpHand.open(stand)
  t.teardown(() => hand.close())
  const digest = 'Digest username="alice", realm="localhost", nonce="x", uri="sip:localhost", response="y"'
  const large = hand.text('REGISTER', `sip:${domain}`, {
    callId: long,
    branch: 'z9hG4bK-large',
    to: `sip:alice@${domain}`,
    lines: [`Authorization: ${digest}`],
  })
  hand.send(large)
  await hand.until(() => hand.raw.length === 1)
  for (let i = 0; i < 10; i++) hand.send(large.replace(long, '1'))
  await hand.ask('OPTIONS', `sip:${domain}`, { callId: 'sentinel' })
  t.is(hand.raw.filter((bytes) => bytes.length > 3000).length, 1)
  hand.send(large)
  await hand.until(() => hand.raw.filter((bytes) => bytes.length > 3000).length === 2) // the same again has its answer again
  t.deepEqual(hand.raw.filter((bytes) => bytes.length > 3000)[0], hand.raw.at(-1))
})
