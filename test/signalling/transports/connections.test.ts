/** Connections on real sockets: too many, too slow, half closed, and streams that cannot be cut. */
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { generate } from 'selfsigned'
import WebSocket from 'ws'
import { RealClock } from '../../../signalling/index.ts'
import { scene } from '../../support/connected.ts'
import { metric, requestText } from '../../support/wire.ts'

/** A connection and what came by it. */
class Peer {
  readonly socket: Socket
  text = ''
  ended = false
  constructor(port: number, first?: string) {
    this.socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true })
    if (first !== undefined) this.socket.write(Buffer.from(first, 'latin1'))
    this.socket.on('data', (data) => {
      this.text += data.toString()
    })
    this.socket.on('error', () => {
      this.ended = true
    })
    this.socket.on('close', () => {
      this.ended = true
    })
    this.socket.on('end', () => {
      this.ended = true
      this.socket.end()
    })
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** One with a branch of its own is another request: it has a Call-ID of its own (RFC 3261 §8.2.2.2). */
const message = (parts: Parameters<typeof requestText>[2] = {}): string =>
  requestText('MESSAGE', 'sip:agent@localhost', {
    via: '127.0.0.1:5099',
    callId: `call of ${parts.branch ?? 'one'}`.replaceAll(' ', '-'),
    ...parts,
  }).replace('/UDP', '/TCP')

test('one connection too many is ended, and the others go on', async (t) => {
  const { node, port } = await scene(t, { perSource: 2 })
  const peers = [new Peer(port('TCP')), new Peer(port('TCP'))]
  await until(() => metric(node, 'connections_of_peers') === 2)
  const third = new Peer(port('TCP'))
  await until(() => third.ended)
  t.is(third.text, '')
  t.is(metric(node, 'connections_refused_total'), 1)
  const refused = await new Promise<number | undefined>((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port('WS')}`, 'sip')
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode))
    socket.on('error', () => undefined)
  })
  t.is(refused, 503, 'the limit is one for all transports')
  peers[0]!.socket.write(message())
  await until(() => peers[0]!.text.startsWith('SIP/2.0 200'))
  for (const { socket } of peers) socket.destroy()
  await until(() => metric(node, 'connections_of_peers') === 0)
  t.pass()
})

test('an empty line behind a message is no message half way: the connection stays', async (t) => {
  const { node, clock, port } = await scene(t, { head: 5 })
  const sloppy = new Peer(port('TCP'))
  sloppy.socket.write(`${message()}\r\n`)
  await until(() => sloppy.text !== '')
  for (let second = 0; second < 20; second++) await clock.advance(1000)
  t.is(metric(node, 'connections_slow_total'), 0)
  sloppy.socket.write(message({ branch: 'z9hG4bK-second' }))
  await until(() => sloppy.text.split('SIP/2.0 200').length === 3 || sloppy.ended)
  t.false(sloppy.ended)
  sloppy.socket.destroy()
})

test('a message that comes by drops: the connection ends in time, and so does one that says nothing', async (t) => {
  const { node, clock, port } = await scene(t, { head: 5 })
  const [slow, mute, honest] = [new Peer(port('TCP')), new Peer(port('TCP')), new Peer(port('TCP'))]
  honest.socket.write(message())
  await until(() => honest.text !== '' && metric(node, 'connections_of_peers') === 3)
  for (let second = 0; second < 8; second++) {
    if (!slow.ended) slow.socket.write('M')
    await clock.advance(1000)
  }
  await until(() => slow.ended && mute.ended)
  t.is(metric(node, 'connections_slow_total'), 2)
  t.false(honest.ended)
  honest.socket.destroy()
})

test('silence ends a connection; a keep-alive keeps it, on WebSocket too', async (t) => {
  const { clock, node, port } = await scene(t, { idle: 10 })
  const [silentOne, lively] = [new Peer(port('TCP')), new Peer(port('TCP'))]
  const web = new WebSocket(`ws://127.0.0.1:${port('WS')}`, 'sip')
  let pongs = 0
  let closed = false
  web.on('message', () => pongs++)
  web.on('close', () => {
    closed = true
  })
  await new Promise((resolve) => web.on('open', resolve))
  silentOne.socket.write(message())
  await until(() => silentOne.text !== '')
  for (let round = 1; round <= 4; round++) {
    lively.socket.write('\r\n\r\n')
    web.send('\r\n\r\n')
    await until(() => lively.text.length === 2 * round && pongs === round)
    await clock.advance(5000)
  }
  await until(() => silentOne.ended)
  t.is(metric(node, 'connections_idle_total'), 1)
  t.false(lively.ended)
  await clock.advance(15_000)
  await until(() => lively.ended && closed)
  t.is(metric(node, 'connections_idle_total'), 3)
})

test('a WebSocket message in fragments ends in time or its connection does, whatever control frames come between', async (t) => {
  const { node, clock, port } = await scene(t, { head: 5 })
  const [slow, honest, many] = await Promise.all([1, 2, 3].map(() => webSocket(port('WS'))))
  for (const socket of [slow!, honest!, many!]) socket.send(requestText('OPTIONS', 'sip:localhost', { via: 'a.invalid' }))
  let answers = 0
  for (const socket of [slow!, honest!, many!]) socket.on('message', () => answers++)
  await until(() => answers === 3)
  slow!.send('MESSAGE sip:agent@', { fin: false })
  let pings = 0
  for (const socket of [slow!, honest!]) socket.on('pong', () => pings++)
  for (let second = 1; second <= 8 && slow!.readyState === WebSocket.OPEN; second++) {
    slow!.ping()
    honest!.ping()
    honest!.pong()
    await until(() => pings >= 2 * second || slow!.readyState !== WebSocket.OPEN)
    await clock.advance(1000)
  }
  await until(() => slow!.readyState === WebSocket.CLOSED)
  t.is(metric(node, 'connections_slow_total'), 1)
  t.is(honest!.readyState, WebSocket.OPEN)
  for (let piece = 0; piece < 1100; piece++) many!.send('M', { fin: false })
  await until(() => many!.readyState === WebSocket.CLOSED)
  const text = requestText('MESSAGE', 'sip:agent@localhost', { via: 'a.invalid' }).replace('/UDP', '/WS')
  honest!.send(text.slice(0, 100), { fin: false })
  honest!.send(text.slice(100))
  await until(() => answers === 4)
  honest!.terminate()
})

async function webSocket(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, 'sip')
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('open', resolve))
  return socket
}

test('half closed: what was asked is answered when the answer is there, and then our side closes', async (t) => {
  const { agent, port } = await scene(t)
  agent.answer = () => undefined
  agent.handle = (exchange) => {
    agent.got.push(exchange)
    return new Promise<void>((resolve) => {
      agent.answer = () => {
        exchange.reply(200)
        resolve()
      }
    })
  }
  const peer = new Peer(port('TCP'))
  peer.socket.end(message())
  await until(() => agent.got.length === 1)
  // Another connection's round trip, so that the end of the first has been seen.
  const other = new Peer(port('TCP'))
  other.socket.write('\r\n\r\n')
  await until(() => other.text === '\r\n')
  t.false(peer.ended)
  agent.answer(agent.got[0]!)
  await until(() => peer.ended)
  t.true(peer.text.startsWith('SIP/2.0 200'))
  other.socket.destroy()
})

for (const [what, text, status] of [
  ['no Content-Length', message().replace(/Content-Length: \d+\r\n/, ''), 400],
  ['two of them', message().replace('Content-Length: ', 'Content-Length: 7\r\nContent-Length: '), 400],
  ['one beyond the limit', message().replace(/Content-Length: \d+/, 'Content-Length: 1048577'), 513],
  ['a header without end', message().replace('\r\n\r\n', `\r\nX: ${'x'.repeat(70_000)}`), 513],
] as const) {
  test(`a stream with ${what} is answered ${status} once, and ended`, async (t) => {
    const { node, port } = await scene(t)
    const peer = new Peer(port('TCP'))
    peer.socket.write(text + message({ branch: 'z9hG4bK-behind' }))
    await until(() => peer.ended)
    t.is(peer.text.match(/^SIP\/2\.0 .*/gm)?.length, 1, peer.text)
    t.true(peer.text.startsWith(`SIP/2.0 ${status}`), peer.text)
    t.regex(peer.text, /^Warning: 399 /m)
    t.is(metric(node, 'framing_faults_total'), 1)
  })
}

test('a message too long, whose end is known: 513 by the listener it came to, and the connection stays', async (t) => {
  const { agent, node, port } = await scene(t)
  const peer = new Peer(port('TCP'))
  const long = message({ branch: 'z9hG4bK-long' }).replace(
    /Content-Length: \d+\r\n\r\n.*$/s,
    `Content-Length: 70000\r\n\r\n${'x'.repeat(70_000)}`,
  )
  peer.socket.write(long + message({ branch: 'z9hG4bK-behind' }))
  await until(() => agent.got.length === 1)
  await until(() => peer.text.includes('z9hG4bK-long') && /^SIP\/2\.0 513/m.test(peer.text))
  t.true(peer.text.includes(`Warning: 399 127.0.0.1:${port('TCP')} "a message of more than 65535 bytes"`), peer.text)
  await until(() => /^SIP\/2\.0 200/m.test(peer.text))
  t.false(peer.ended)
  t.is(metric(node, 'framing_faults_total'), 1)
  peer.socket.destroy()
})

test('a stream without a Via is ended without a word', async (t) => {
  const { node, port } = await scene(t)
  const peer = new Peer(port('TCP'))
  peer.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => peer.ended)
  t.is(peer.text, '')
  t.is(metric(node, 'framing_faults_total'), 1)
})

/** A listening end of a peer, and what came to it. */
async function listener(t: ExecutionContext): Promise<{ readonly port: number; readonly peers: readonly Incoming[] }> {
  const peers: Incoming[] = []
  const server = createServer((socket) => peers.push(new Incoming(socket)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const { socket } of peers) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, peers }
}

class Incoming {
  readonly socket: Socket
  text = ''
  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (data) => {
      this.text += data.toString()
    })
    socket.on('error', () => undefined)
  }
}

test('a response whose connection is gone goes to the port of its Via, at the address that the request came from', async (t) => {
  const { agent, port } = await scene(t)
  agent.answer = () => undefined
  let reply: () => void = () => undefined
  agent.handle = (exchange) => {
    agent.got.push(exchange)
    return new Promise<void>((resolve) => {
      reply = () => {
        exchange.reply(200)
        resolve()
      }
    })
  }
  const back = await listener(t)
  for (const via of [`127.0.0.1:${back.port}`, `192.0.2.1:${back.port}`]) {
    const peer = new Peer(port('TCP'))
    const before = agent.got.length
    peer.socket.write(message({ via, branch: `z9hG4bK-${via}` }))
    await until(() => agent.got.length > before)
    peer.socket.destroy()
    // Another connection's round trip, so that the end of the first has been seen.
    const other = new Peer(port('TCP'))
    other.socket.write('\r\n\r\n')
    await until(() => other.text === '\r\n')
    other.socket.destroy()
    reply()
    await until(() => back.peers.some(({ text }) => text.startsWith('SIP/2.0 200') && text.includes(`z9hG4bK-${via}`)))
  }
  t.pass()
})

test('a request that leaves by another socket than it came by names both in Record-Route (RFC 5658)', async (t) => {
  const { agent, port } = await scene(t)
  const far = await listener(t)
  agent.answer = (exchange) =>
    exchange.forward(
      { uri: `sip:bob@127.0.0.1:${far.port};transport=tcp` },
      { recordRoute: [`<${agent.host.flows.routeTo('agent', exchange.flow)}>`] },
    )
  const web = new WebSocket(`ws://127.0.0.1:${port('WS')}`, 'sip')
  t.teardown(() => web.terminate())
  await new Promise((resolve) => web.on('open', resolve))
  web.send(requestText('INVITE', 'sip:agent@localhost', { via: 'x.invalid' }).replace('/UDP', '/WS'))
  await until(() => far.peers[0]?.text.includes('\r\n\r\n') === true)
  const lines = far.peers[0]!.text.match(/^Record-Route: .*$/gm) ?? []
  t.is(lines.length, 2)
  t.true(lines[0]!.includes(`@127.0.0.1:${port('TCP')};transport=tcp;lr`), lines[0])
  t.true(lines[1]!.includes(`@127.0.0.1:${port('WS')};transport=ws;lr`), lines[1])
  t.regex(far.peers[0]!.text, /^Via: SIP\/2\.0\/TCP [^\r]*;alias\r$/m, 'RFC 5923: the peer may use the connection too')
})

for (const [what, trusted, alias, shared] of [
  ['that offers it and is trusted', ['127.0.0.1'], ';alias', true],
  ['that does not offer it', ['127.0.0.1'], '', false],
  ['that nobody trusts', [], ';alias', false],
] as const) {
  test(`a connection of a peer ${what} is ${shared ? '' : 'not '}used for requests to its port (RFC 5923)`, async (t) => {
    const { agent, node, port } = await scene(t, {}, { trusted })
    const far = await listener(t)
    const peer = new Peer(port('TCP'))
    t.teardown(() => void peer.socket.destroy())
    peer.socket.write(message({ via: `127.0.0.1:${far.port}`, branch: `z9hG4bK-first${alias}` }))
    await until(() => peer.text.includes('SIP/2.0 200'))
    const to = `sip:bob@127.0.0.1:${far.port};transport=tcp`
    void agent.host.send({ method: 'MESSAGE', to })
    const line = `MESSAGE ${to} SIP/2.0`
    await until(() => (shared ? peer.text : (far.peers[0]?.text ?? '')).includes(line))
    t.is(far.peers.length, shared ? 0 : 1)
    if (!shared) return
    peer.socket.destroy()
    await until(() => metric(node, 'connections_of_peers') === 0)
    void agent.host.send({ method: 'MESSAGE', to })
    await until(() => far.peers[0]?.text.includes(line) === true)
  })
}

for (const [compress, offered, agreed] of [
  [true, true, true],
  [true, false, false],
  [false, true, false],
] as const) {
  test(`WebSocket compression: ${compress ? 'on' : 'off'} here, ${offered ? '' : 'not '}offered there`, async (t) => {
    const { agent, port } = await scene(t, { compress })
    const web = new WebSocket(`ws://127.0.0.1:${port('WS')}`, 'sip', { perMessageDeflate: offered })
    t.teardown(() => web.terminate())
    const answers: string[] = []
    web.on('message', (data: Buffer) => answers.push(data.toString()))
    await new Promise((resolve) => web.on('open', resolve))
    t.is(web.extensions.includes('permessage-deflate'), agreed)
    agent.answer = (exchange) => exchange.reply(200, { headers: [['X-Long', 'x'.repeat(3000)]] })
    for (let i = 1; i <= 3; i++) {
      web.send(message({ branch: `z9hG4bK-${i}`, cseq: i, body: 'y'.repeat(3000) }).replace('/TCP', '/WS'))
      await until(() => answers.length === i)
    }
    t.true(answers.every((answer) => answer.startsWith('SIP/2.0 200') && answer.includes('x'.repeat(3000))))
    // What inflates to more than the longest message ends the connection, however small it came.
    let code = 0
    web.on('close', (why) => {
      code = why
    })
    web.send('z'.repeat(200_000))
    await until(() => code !== 0)
    t.is(code, 1009)
  })
}

test('a handshake that is never finished ends its connection: HTTP for WebSocket, and TLS', async (t) => {
  const clock = new RealClock((fault) => t.fail(String(fault)))
  const selfMade = await generate([{ name: 'commonName', value: 'localhost' }])
  const { node, port } = await scene(
    t,
    { head: 1 },
    {
      clock,
      tls: { certificate: selfMade.cert, key: selfMade.private },
      listen: (['WS', 'TLS', 'WSS'] as const).map((transport) => ({ transport, host: '127.0.0.1', port: 0 })),
    },
  )
  const peers = [
    new Peer(port('WS'), 'GET / HTTP/1.1\r\nHost: x'),
    new Peer(port('WS')),
    new Peer(port('TLS'), '\x16\x03\x01'),
    new Peer(port('TLS')),
    new Peer(port('WSS')),
  ]
  await until(() => peers.every(({ ended }) => ended))
  await until(() => metric(node, 'connections_of_peers') === 0)
  t.pass()
})
