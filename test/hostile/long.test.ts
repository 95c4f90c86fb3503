/** What is too long for a datagram, on real sockets: by TCP where the peer listens, by UDP where not, 513 or giveup at last. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import WebSocket from 'ws'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { SipRequest, SipResponse } from '../../signalling/index.ts'
import { buildResponse, Framer } from '../../signalling/testing.ts'
import { scan } from '../../signalling/tools.ts'
import { until } from '../support/patience.ts'
import { requestText } from '../support/wire.ts'
import { domain, openStand, type Stand, TcpHand, UdpHand } from './stand.ts'

async function stand(t: ExecutionContext): Promise<Stand> {
  const opened = await openStand({}, { authenticate: 'none', registration: 'optional' })
  t.teardown(() => opened.close())
  return opened
}

interface Phone {
  readonly port: number
  /** Requests that came, each with the way that it came by. */
  readonly got: readonly (readonly [way: 'UDP' | 'TCP', request: SipRequest])[]
  send(bytes: string): void
  readonly responses: readonly SipResponse[]
}

/** A phone on UDP that also listens on TCP, if it does, and answers 200. */
async function phone(t: ExecutionContext, server: number, tcp: boolean): Promise<Phone> {
  const got: (readonly ['UDP' | 'TCP', SipRequest])[] = []
  const responses: SipResponse[] = []
  const udp: UdpSocket = createSocket('udp4')
  const port = await lastingPort() // for UDP and TCP
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve))
  const take = (way: 'UDP' | 'TCP', bytes: Buffer, answer: (bytes: Buffer) => void): void => {
    const message = scan(Buffer.from(bytes))
    if (message instanceof SipResponse) responses.push(message)
    if (!(message instanceof SipRequest)) return
    got.push([way, message])
    answer(buildResponse(message, 200, { toTag: 'phone' }))
  }
  udp.on('message', (bytes) => take('UDP', bytes, (answer) => udp.send(answer, server, '127.0.0.1')))
  t.teardown(() => udp.close())
  if (tcp) {
    const sockets: Socket[] = []
    const listener = createServer((socket) => {
      sockets.push(socket)
      const sink = { ping: () => undefined, broken: () => undefined }
      const framer = new Framer({ ...sink, message: (bytes) => take('TCP', bytes, (answer) => socket.write(answer)) }, 10_000_000)
      socket.on('data', (chunk: Buffer) => framer.push(chunk))
      socket.on('error', () => undefined)
    })
    await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve))
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
      listener.close()
    })
  }
  return { port, got, responses, send: (bytes) => udp.send(Buffer.from(bytes), server, '127.0.0.1') }
}

let serial = 0
function text(from: Phone, method: string, uri: string, lines: readonly string[] = [], body = ''): string {
  const number = ++serial
  const names = { via: `127.0.0.1:${from.port};rport`, branch: `z9hG4bK-l${number}`, callId: `long-${number}` }
  return requestText(method, uri, { ...names, from: 'sip:bob@localhost', to: uri, lines, body })
}
const register = async (who: Phone, parameter = ''): Promise<void> => {
  who.send(
    text(who, 'REGISTER', 'sip:localhost', [`Contact: <sip:bob@127.0.0.1:${who.port}${parameter}>`]).replace(
      'To: <sip:localhost>',
      'To: <sip:bob@localhost>',
    ),
  )
  await until('registered', () => who.responses.some(({ status }) => status === 200))
}
const pidf = (bytes: number): string =>
  `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@localhost"><tuple id="t"><status><basic>open</basic></status><note>${'n'.repeat(bytes)}</note></tuple></presence>`

for (const [name, tcp, parameter, way] of [
  ['listens on TCP too', true, '', 'TCP'],
  ['listens on UDP alone', false, '', 'UDP'],
  ['asks for UDP', true, ';transport=udp', 'UDP'],
] as const)
  test(`a phone that ${name}: long NOTIFYs and MESSAGEs come by ${way}, short ones by UDP`, async (t) => {
    const server = await stand(t)
    const bob = await phone(t, server.udp, tcp)
    await register(bob, parameter)
    const lines = ['Event: presence', 'Expires: 600', `Contact: <sip:bob@127.0.0.1:${bob.port}${parameter}>`]
    bob.send(text(bob, 'SUBSCRIBE', 'sip:bob@localhost', lines))
    await until('told', () => bob.got.length === 1)
    t.is(bob.got[0]![0], 'UDP')
    bob.send(text(bob, 'PUBLISH', 'sip:bob@localhost', ['Event: presence', 'Content-Type: application/pidf+xml'], pidf(3000)))
    await until('told what is long', () => bob.got.some(([, { body }]) => body.length > 3000))
    t.is(bob.got.at(-1)![0], way)
    const alice = await UdpHand.open(server)
    t.teardown(() => alice.close())
    const message = (bytes: number) =>
      alice.ask('MESSAGE', 'sip:bob@localhost', { lines: ['Content-Type: text/plain'], body: 'm'.repeat(bytes) })
    t.is((await message(2000)).status, 200)
    t.is(bob.got.at(-1)![0], way)
    t.is((await message(20)).status, 200)
    t.is(bob.got.at(-1)![0], 'UDP')
  })

test('a MESSAGE that no datagram carries: 513 with a Warning by UDP, 200 where the phone listens on TCP', async (t) => {
  const server = await stand(t)
  for (const [tcp, status] of [
    [false, 513],
    [true, 200],
  ] as const) {
    const bob = await phone(t, server.udp, tcp)
    await register(bob)
    const alice = await TcpHand.open(server.tcp)
    const callId = `big-${status}`
    const parts = { via: '127.0.0.1', callId, lines: ['Content-Type: text/plain'], body: 'm'.repeat(65_100) }
    alice.send(requestText('MESSAGE', 'sip:bob@localhost', { ...parts, branch: `z9hG4bK-${callId}` }).replace('/UDP', '/TCP'))
    await alice.until(() => alice.finalOf(callId, 1) !== undefined)
    const answer = alice.finalOf(callId, 1)!
    t.is(answer.status, status)
    if (status === 513) t.regex(answer.text('Warning')!, /more than a datagram carries: be reached by TCP, TLS or WebSocket/)
    t.is(bob.got.length, status === 200 ? 1 : 0)
    t.is(server.count('requests_too_long_total'), 1)
    alice.close()
    await new Promise<void>((resolve) => {
      bob.send(
        text(bob, 'REGISTER', 'sip:localhost', ['Contact: *', 'Expires: 0']).replace(
          'To: <sip:localhost>',
          'To: <sip:bob@localhost>',
        ),
      )
      void until('gone', () => server.count('proxy_users_registered') === 0).then(resolve)
    })
  }
})

test('a MESSAGE of 80 kB to 1 MB over WebSocket: 513, and the connection and its registration stay', async (t) => {
  const server = await stand(t)
  const web = new WebSocket(`ws://127.0.0.1:${server.ws}`, 'sip')
  t.teardown(() => web.terminate())
  const came: (SipRequest | SipResponse)[] = []
  let closed = false
  let code = 0
  web.on('close', (why) => {
    closed = true
    code = why
  })
  web.on('message', (data: Buffer) => {
    const message = scan(Buffer.from(data))
    if (message === undefined) return
    came.push(message)
    if (message instanceof SipRequest) web.send(buildResponse(message, 200, { toTag: 'web' }).toString())
  })
  await new Promise((resolve) => web.on('open', resolve))
  const send = (method: string, callId: string, parts: Parameters<typeof requestText>[2]): void =>
    web.send(
      requestText(method, 'sip:localhost', { via: 'x.invalid', branch: `z9hG4bK-${callId}`, callId, ...parts }).replace(
        '/UDP',
        '/WS',
      ),
    )
  const answer = async (callId: string): Promise<SipResponse> => {
    const find = () => came.find((each): each is SipResponse => each instanceof SipResponse && each.callId === callId)
    await until(`an answer to ${callId}`, () => find() !== undefined)
    return find()!
  }
  send('REGISTER', 'reg', { to: `sip:bob@${domain}`, lines: ['Contact: <sip:bob@x.invalid;transport=ws>'] })
  t.is((await answer('reg')).status, 200)
  for (const length of [80_000, 300_000, 1_000_000]) {
    const callId = `long-${length}`
    send('MESSAGE', callId, { to: 'sip:alice@localhost', lines: ['Content-Type: text/plain'], body: 'x'.repeat(length) })
    const refused = await answer(callId)
    t.is(refused.status, 513)
    t.regex(refused.text('Warning')!, /a message of more than 65535 bytes/)
  }
  send('OPTIONS', 'after', {})
  t.is((await answer('after')).status, 200)
  t.false(closed)
  const alice = await UdpHand.open(server)
  t.teardown(() => alice.close())
  t.is((await alice.ask('MESSAGE', 'sip:bob@localhost', { lines: ['Content-Type: text/plain'], body: 'hi' })).status, 200)
  t.true(came.some((each) => each instanceof SipRequest && each.body.toString() === 'hi'))
  send('MESSAGE', 'longest', { body: 'x'.repeat(2_000_000) })
  await until('it ends before all of that is held', () => closed)
  t.is(code, 1009)
})
