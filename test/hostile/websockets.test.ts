/** WebSocket peers that break RFC 6455 or RFC 7118, by hand-made frames on a raw socket. */
import { randomBytes } from 'node:crypto'
import test from 'ava'
import { requestText } from '../support/wire.ts'
import { domain, isAlive, openStand, type Stand, TcpHand } from './stand.ts'

let stand: Stand
test.before(async () => {
  stand = await openStand()
})
test.after.always(() => stand.close())

const options = requestText('OPTIONS', `sip:${domain}`, { via: 'x.invalid', branch: 'z9hG4bK-ws' }).replace('/UDP', '/WS')

/** A connection that has asked for the upgrade and had an answer. */
async function upgrade(t: { teardown(end: () => void): void }, lines: readonly string[]): Promise<TcpHand> {
  const hand = await TcpHand.open(stand.ws)
  t.teardown(() => hand.close())
  const key = randomBytes(16).toString('base64')
  const usual = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${key}`]
  hand.send(`GET / HTTP/1.1\r\nHost: localhost\r\n${[...usual, ...lines].join('\r\n')}\r\n\r\n`)
  await hand.until(() => hand.said.includes('\r\n\r\n'))
  return hand
}
const sip = ['Sec-WebSocket-Protocol: sip']

interface FrameOptions {
  readonly opcode?: number
  readonly fin?: boolean
  readonly masked?: boolean
  readonly reserved?: boolean
  /** Declared, where it is not that of the payload. */
  readonly length?: bigint
}

function frame(
  payload: string | Buffer,
  { opcode = 1, fin = true, masked = true, reserved = false, length }: FrameOptions = {},
): Buffer {
  const bytes = Buffer.from(payload)
  const size = length ?? BigInt(bytes.length)
  const head = Buffer.alloc(10)
  head[0] = (fin ? 128 : 0) | (reserved ? 64 : 0) | opcode
  head[1] = (masked ? 128 : 0) | 127
  head.writeBigUInt64BE(size, 2)
  const mask = Buffer.from([1, 2, 3, 4])
  const body = masked ? Buffer.from(bytes.map((byte, i) => byte ^ mask[i % 4]!)) : bytes
  return Buffer.concat([head, ...(masked ? [mask] : []), body])
}
/** The same, with the shortest form of the length that RFC 6455 §5.2 demands. */
function shortFrame(payload: string, options: FrameOptions = {}): Buffer {
  const long = frame(payload, options)
  const size = Buffer.byteLength(payload)
  const head =
    size < 126
      ? Buffer.from([long[0]!, (long[1]! & 128) | size])
      : Buffer.from([long[0]!, (long[1]! & 128) | 126, size >> 8, size & 255])
  return Buffer.concat([head, long.subarray(10)])
}

test('without subprotocol sip there is no connection', async (t) => {
  for (const lines of [
    [],
    ['Sec-WebSocket-Protocol: chat'],
    ['Sec-WebSocket-Protocol: sipp, xsip'],
    ['Sec-WebSocket-Protocol: '],
  ]) {
    const hand = await upgrade(t, lines)
    await hand.gone()
    t.regex(hand.said, /^HTTP\/1\.1 400 /, String(lines))
  }
  const plain = await TcpHand.open(stand.ws)
  t.teardown(() => plain.close())
  plain.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await plain.gone()
  t.regex(plain.said, /^HTTP\/1\.1 426 /)
})

test('a message in fragments, with a ping between them, and in a binary frame', async (t) => {
  for (const [what, frames] of [
    [
      'text in three',
      [
        frame(options.slice(0, 9), { fin: false }),
        shortFrame('?', { opcode: 9 }),
        frame(options.slice(9, 100), { opcode: 0, fin: false }),
        frame(options.slice(100), { opcode: 0 }),
      ],
    ],
    ['binary', [shortFrame(options, { opcode: 2 })]],
    [
      'in a frame for each byte',
      [...options].map((character, i) => shortFrame(character, { opcode: i === 0 ? 1 : 0, fin: i === options.length - 1 })),
    ],
  ] as const) {
    const hand = await upgrade(t, sip)
    for (const each of frames) hand.send(each)
    await hand.until(() => /SIP\/2\.0 200 OK/.test(hand.said))
    t.pass(what)
  }
})

test('frames that RFC 6455 forbids end the connection', async (t) => {
  for (const [what, bytes] of [
    ['not masked', shortFrame(options, { masked: false })],
    ['a reserved bit', shortFrame(options, { reserved: true })],
    ['an unknown opcode', shortFrame(options, { opcode: 3 })],
    ['a continuation of nothing', shortFrame(options, { opcode: 0 })],
    ['a text within a fragmented text', Buffer.concat([frame('x', { fin: false }), frame('y')])],
    ['a ping of 200 bytes', frame('x'.repeat(200), { opcode: 9 })],
    ['a ping in fragments', frame('x', { opcode: 9, fin: false })],
    ['a length of 2^40', frame('x', { length: 2n ** 40n })],
    ['a length of 2^63', frame('x', { length: 2n ** 63n })],
    ['more than a message may have', frame('x'.repeat(65_536))],
    ['text that is no UTF-8', frame(Buffer.from([0xff, 0xfe, 0xc0]))],
    ['a close of one byte', frame('x', { opcode: 8 })],
  ] as const) {
    const hand = await upgrade(t, sip)
    hand.send(bytes)
    await hand.gone()
    t.notRegex(hand.said, /SIP\/2\.0/, what)
  }
  const hand = await upgrade(t, sip)
  hand.send(frame('x'.repeat(40_000), { fin: false }))
  hand.send(frame('x'.repeat(40_000), { opcode: 0 })) // together too much
  await hand.gone()
  t.is(stand.count('faults_total'), 0)
  t.true(await isAlive(stand))
})

test('what is no SIP in a frame is noise, and the connection stays', async (t) => {
  const hand = await upgrade(t, sip)
  for (const text of ['hello', '', '\0', '\r\n\r\n', '{"a":1}', 'SIP/2.0', 'x'.repeat(5000)]) hand.send(frame(text))
  hand.send(frame(`${options}${options}`)) // one message a frame: the rest is padding of its body
  hand.send(frame(options.replace('call-1', 'call-2').replace('bK-ws', 'bK-ws2')))
  await hand.until(() => /call-2/.test(hand.said))
  t.is(hand.said.match(/SIP\/2\.0 200 OK/g)?.length, 2)
})
