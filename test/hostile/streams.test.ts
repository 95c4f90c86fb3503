/** TCP peers that send too little, too much, nonsense or nothing: each is refused or left, and others are served meanwhile. */
import test from 'ava'
import { requestText } from '../support/wire.ts'
import { domain, isAlive, openStand, type Stand, TcpHand, UdpHand } from './stand.ts'

let stand: Stand
test.before(async () => {
  stand = await openStand()
})
test.after.always(() => stand.close())

const options = requestText('OPTIONS', `sip:${domain}`, { via: '127.0.0.1:5099', branch: 'z9hG4bK-whole' }).replace(
  '/UDP',
  '/TCP',
)

async function opened(t: { teardown(end: () => void): void }): Promise<TcpHand> {
  const hand = await TcpHand.open(stand.tcp)
  t.teardown(() => hand.close())
  return hand
}

test('one byte at a time is one message', async (t) => {
  const hand = await opened(t)
  for (const byte of Buffer.from(options)) hand.send(Buffer.from([byte]))
  await hand.until(() => hand.responses.length === 1)
  t.is(hand.responses[0]!.status, 200)
})

test('a message cut off by the end of the connection is nobody’s message', async (t) => {
  for (const length of [1, 20, options.length / 2, options.length - 1]) {
    const hand = await opened(t)
    hand.socket.end(options.slice(0, length))
    await hand.gone()
    t.is(hand.responses.length, 0)
  }
  t.true(await isAlive(stand))
})

test('half-closed: what was asked is answered before our side closes too', async (t) => {
  const hand = await opened(t)
  hand.socket.end(options)
  await hand.gone()
  t.deepEqual(
    hand.responses.map(({ status }) => status),
    [200],
  )
  t.true(await isAlive(stand))
})

test('a declared length beyond the limit ends the connection, before the bytes have come', async (t) => {
  for (const length of [65_536, 999_999_999]) {
    const hand = await opened(t)
    hand.send(options.replace('Content-Length: 0', `Content-Length: ${length}`))
    await hand.gone()
    t.false(hand.responses.some(({ status }) => status < 400))
  }
  t.true(await isAlive(stand))
})

test('a header without end ends the connection at the limit', async (t) => {
  const hand = await opened(t)
  hand.send(`OPTIONS sip:${domain} SIP/2.0\r\n`)
  const line = `X-Long: ${'x'.repeat(1000)}\r\n`
  for (let i = 0; i < 100; i++) hand.send(line)
  await hand.gone()
  t.false(hand.responses.some(({ status }) => status < 400))
})

test('more header fields than we read are refused with 513', async (t) => {
  const hand = await opened(t)
  hand.send(options.replace('Content-Length', `${'X: 1\r\n'.repeat(300)}Content-Length`))
  await hand.until(() => hand.responses.length > 0 || hand.closed)
  t.is(hand.responses[0]?.status, 513)
})

test('Content-Length missing, or twice with two values, leaves nothing to cut by', async (t) => {
  for (const [from, to] of [
    ['Content-Length: 0\r\n', ''],
    ['Content-Length: 0', 'Content-Length: 0\r\nContent-Length: 5'],
    ['Content-Length: 0', 'Content-Length: 0\r\nl: 5'],
    ['Content-Length: 0', 'Content-Length: -1'],
    ['Content-Length: 0', 'Content-Length: 0, 5'],
    ['Content-Length: 0', 'Content-Length: 0x10'],
    ['Content-Length: 0', 'Content-Length: '],
  ] as const) {
    const hand = await opened(t)
    hand.send(options.replace(from, to))
    await hand.gone()
    t.false(
      hand.responses.some(({ status }) => status < 400),
      to,
    )
  }
  t.true(await isAlive(stand))
})

test('Content-Length twice with one value is refused, and the stream goes on behind it', async (t) => {
  const hand = await opened(t)
  hand.send(options.replace('Content-Length: 0', 'Content-Length: 0\r\nContent-Length: 0'))
  hand.send(options.replace('z9hG4bK-whole', 'z9hG4bK-next').replace('call-1', 'call-2'))
  await hand.until(() => hand.responses.length === 2)
  t.deepEqual(
    hand.responses.map(({ status }) => status),
    [400, 200],
  )
})

test('a message hidden in the body of another is no message', async (t) => {
  const hand = await opened(t)
  const hidden = options.replace('call-1', 'hidden').replace('z9hG4bK-whole', 'z9hG4bK-hidden')
  hand.send(options.replace('Content-Length: 0\r\n\r\n', `Content-Length: ${hidden.length}\r\n\r\n${hidden}`))
  hand.send(options.replace('call-1', 'after').replace('z9hG4bK-whole', 'z9hG4bK-after'))
  await hand.until(() => hand.responses.length === 2)
  t.deepEqual(
    hand.responses.map(({ callId }) => callId),
    ['call-1', 'after'],
  )
})

test('noise: other protocols and random bytes get nothing, or the end', async (t) => {
  const noise = [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'SSH-2.0-x\r\n\r\n',
    Buffer.from('16030100c8010000c40303', 'hex'),
    Buffer.alloc(70_000, 0xff),
    Buffer.alloc(70_000),
    Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 7919) % 251)),
    '\r\n'.repeat(40_000),
  ]
  for (const bytes of noise) {
    const hand = await opened(t)
    hand.send(bytes)
    hand.socket.end()
    await hand.gone()
    t.false(hand.responses.some(({ status }) => status < 400))
  }
  t.is(stand.count('faults_total'), 0)
  t.true(await isAlive(stand))
})

test('who asks and never reads is shed, and costs no more than the backlog', async (t) => {
  const hand = await opened(t)
  hand.socket.pause()
  const ask = (): void => {
    for (let i = 0; i < 200 && !hand.closed; i++) hand.send(options)
    if (!hand.closed) setImmediate(ask)
  }
  hand.socket.on('error', () => undefined)
  ask()
  await hand.until(() => hand.closed)
  t.true(await isAlive(stand))
})

test.serial('many connections that send nothing: each is held, none is served worse, all go with their peers', async (t) => {
  const before = stand.count('connections')
  const hands = await Promise.all(Array.from({ length: 300 }, () => TcpHand.open(stand.tcp)))
  const asking = await opened(t)
  asking.send(options.replace('z9hG4bK-whole', 'z9hG4bK-many'))
  await asking.until(() => asking.responses.length === 1)
  t.is(asking.responses[0]!.status, 200)
  t.true(stand.count('connections') <= before + 1, 'a connection without a message is no flow yet')
  for (const hand of hands) hand.close()
  await Promise.all(hands.map((hand) => hand.gone()))
  const udp = await UdpHand.open(stand)
  t.teardown(() => udp.close())
  t.is((await udp.ask('OPTIONS', `sip:${domain}`)).status, 200)
})
