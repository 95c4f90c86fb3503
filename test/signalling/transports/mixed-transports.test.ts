/** Calls and messages between user agents of different transports and address families, on real sockets. */
import { createSocket } from 'node:dgram'
import { createConnection } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import WebSocket from 'ws'
import { createHss } from '../../../elements/hss/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import {
  compilePlan,
  createNode,
  memoryStore,
  type Node,
  RealClock,
  randomIds,
  SipRequest,
  SipResponse,
  silent,
} from '../../../signalling/index.ts'
import { buildResponse } from '../../../signalling/messages/build.ts'
import { H } from '../../../signalling/messages/names.ts'
import { scan } from '../../../signalling/tools.ts'
import { Framer } from '../../../signalling/transports/framing.ts'
import { type RequestParts, requestText } from '../../support/wire.ts'

const places = {
  'UDP 4': { transport: 'UDP', host: '127.0.0.1' },
  'TCP 4': { transport: 'TCP', host: '127.0.0.1' },
  'WS 4': { transport: 'WS', host: '127.0.0.1' },
  'UDP 6': { transport: 'UDP', host: '::1' },
  'TCP 6': { transport: 'TCP', host: '::1' },
  'WS 6': { transport: 'WS', host: '::1' },
} as const
type Way = keyof typeof places
const ways = Object.keys(places) as readonly Way[]

let node: Node
test.before(async () => {
  const clock = new RealClock((fault) => {
    throw fault
  })
  const elements = [createProxy('proxy', { authenticate: 'none', registration: 'optional' }), createHss('hss', { open: true })]
  const claims = new Map(elements.map((element) => [element.name, element.claims]))
  const { plan } = compilePlan({ domains: ['localhost'], elements: claims, proxy: 'proxy', ownAddresses: [] })
  node = createNode({
    name: 'mixed',
    plan: plan!,
    elements,
    domains: ['localhost'],
    trusted: [],
    store: memoryStore(clock),
    clock,
    ids: randomIds(),
    log: silent,
    listen: Object.values(places).map((place) => ({ ...place, port: 0 })),
  })
  await node.start()
})
test.after.always(() => node.stop(0))

let serial = 0

/** A softphone on one transport: what it got, and how it answers. */
class Phone {
  readonly got: (SipRequest | SipResponse)[] = []
  readonly user: string
  readonly way: Way
  contact = ''
  onRequest: (request: SipRequest) => void = (request) => this.send(buildResponse(request, 200, { toTag: this.user }))
  onFrame: (bytes: Buffer, binary: boolean) => void = () => undefined
  private transmit: (bytes: Buffer) => void = () => undefined
  private via = ''

  private constructor(user: string, way: Way) {
    this.user = user
    this.way = way
  }
  static async open(t: ExecutionContext, user: string, way: Way): Promise<Phone> {
    const phone = new Phone(`${user}${++serial}`, way)
    await phone.connect(t)
    const from = `sip:${phone.user}@localhost`
    const registered = await phone.ask('REGISTER', 'sip:localhost', {
      from,
      to: from,
      lines: [`Contact: <${phone.contact}>`, 'Expires: 600'],
    })
    t.is(registered.status, 200, phone.way)
    return phone
  }
  private async connect(t: ExecutionContext): Promise<void> {
    const { transport, host } = places[this.way]
    const { port } = node.listening.find((each) => each.transport === transport && each.host === host)!
    const take = (bytes: Buffer): void => this.take(bytes)
    let own = 0
    if (transport === 'UDP') {
      const socket = createSocket(host === '::1' ? 'udp6' : 'udp4')
      await new Promise<void>((resolve) => socket.bind(0, host, resolve))
      socket.on('message', take)
      t.teardown(() => socket.close())
      own = socket.address().port
      this.transmit = (bytes) => socket.send(bytes, port, host)
    } else if (transport === 'TCP') {
      const socket = createConnection({ host, port })
      await new Promise((resolve) => socket.once('connect', resolve))
      const framer = new Framer({ message: take, ping: () => undefined, broken: (why) => t.fail(why) }, 65_535)
      socket.on('data', (bytes) => framer.push(bytes))
      t.teardown(() => void socket.destroy())
      own = socket.localPort ?? 0
      this.transmit = (bytes) => socket.write(bytes)
    } else {
      const socket = new WebSocket(`ws://${host === '::1' ? '[::1]' : host}:${port}`, 'sip')
      await new Promise((resolve) => socket.once('open', resolve))
      socket.on('message', (bytes: Buffer, binary) => {
        this.onFrame(bytes, binary)
        take(bytes)
      })
      t.teardown(() => socket.terminate())
      this.transmit = (bytes) => socket.send(bytes)
    }
    const at = host === '::1' ? `[::1]:${own}` : `${host}:${own}`
    this.via = transport === 'WS' ? `SIP/2.0/WS ${this.user}.invalid` : `SIP/2.0/${transport} ${at}`
    const place = transport === 'WS' ? `${this.user}.invalid;transport=ws` : `${at};transport=${transport.toLowerCase()}`
    this.contact = `sip:${this.user}@${place}`
  }
  private take(bytes: Buffer): void {
    const message = scan(bytes)
    if (message === undefined) return
    this.got.push(message)
    if (message instanceof SipRequest) this.onRequest(message)
  }
  send(bytes: Buffer): void {
    this.transmit(bytes)
  }
  write(method: string, uri: string, parts: RequestParts = {}): void {
    const text = requestText(method, uri, {
      from: `sip:${this.user}@localhost`,
      branch: `z9hG4bK-${++serial}`,
      callId: `call-${this.user}`,
      ...parts,
    })
    this.send(Buffer.from(text.replace(/SIP\/2\.0\/UDP [^;]*/, `${this.via};rport`)))
  }
  async ask(method: string, uri: string, parts: RequestParts = {}): Promise<SipResponse> {
    const before = this.got.length
    this.write(method, uri, parts)
    const final = (): SipResponse | undefined =>
      this.got.slice(before).find((each): each is SipResponse => each instanceof SipResponse && each.status >= 200)
    await until(() => final() !== undefined)
    return final()!
  }
  request(method: string): SipRequest | undefined {
    return this.got.find((each): each is SipRequest => each instanceof SipRequest && each.method === method)
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>((resolve) => setImmediate(resolve))
}

for (const from of ways) {
  for (const to of ways) {
    if (from === to) continue
    test(`a MESSAGE from ${from} to ${to} and back`, async (t) => {
      const [alice, bob] = [await Phone.open(t, 'alice', from), await Phone.open(t, 'bob', to)]
      for (const [sender, receiver] of [
        [alice, bob],
        [bob, alice],
      ] as const) {
        const answer = await sender.ask('MESSAGE', `sip:${receiver.user}@localhost`, { body: 'hello', callId: sender.user })
        t.is(answer.status, 200)
        const { host } = places[sender.way]
        t.is(answer.via?.parameters.get('received'), host)
        t.true(Number(answer.via?.parameters.get('rport')) > 0)
        const message = receiver.request('MESSAGE')!
        t.is(message.via?.host, places[receiver.way].host)
        t.is(message.uriText, receiver.contact)
      }
    })
  }
}

for (const [from, to] of [
  ['UDP 4', 'WS 6'],
  ['WS 4', 'TCP 6'],
  ['TCP 4', 'UDP 6'],
  ['UDP 4', 'UDP 6'],
  ['TCP 4', 'WS 4'],
] as const) {
  test(`a call from ${from} to ${to}: either end can send in its dialog`, async (t) => {
    const [alice, bob] = [await Phone.open(t, 'alice', from), await Phone.open(t, 'bob', to)]
    bob.onRequest = (request) => {
      if (request.method === 'ACK') return
      const headers = [['Contact', `<${bob.contact}>`]] as const
      bob.send(buildResponse(request, 200, { toTag: 'bob', recordRoute: true, headers }))
    }
    const bobs = `sip:${bob.user}@localhost`
    const answer = await alice.ask('INVITE', bobs, { lines: [`Contact: <${alice.contact}>`] })
    t.is(answer.status, 200)
    const invite = bob.request('INVITE')!
    const recorded = invite.recordRoutes!
    t.is(recorded.length, 2, 'one for each socket')
    t.is(recorded[0]!.uri.host, places[to].host)
    t.is(recorded[1]!.uri.host, places[from].host)
    for (const [i, way] of [to, from].entries()) {
      const { transport } = places[way]
      t.is(recorded[i]!.uri.parameters.get('transport'), transport === 'UDP' ? undefined : transport.toLowerCase())
    }
    const dialog = { to: bobs, toTag: 'bob' }
    const routes = answer.list(H['Record-Route']).reverse()
    alice.write('ACK', bob.contact, { ...dialog, lines: routes.map((route) => `Route: ${route}`) })
    await until(() => bob.request('ACK') !== undefined)
    const info = await alice.ask('INFO', bob.contact, { ...dialog, cseq: 2, lines: routes.map((route) => `Route: ${route}`) })
    t.is(info.status, 200)
    const bye = await bob.ask('BYE', alice.contact, {
      from: bobs,
      fromTag: 'bob',
      to: `sip:${alice.user}@localhost`,
      toTag: invite.fromTag,
      callId: invite.callId,
      lines: invite.list(H['Record-Route']).map((route) => `Route: ${route}`),
    })
    t.is(bye.status, 200)
    t.is(alice.request('BYE')?.uriText, alice.contact)
  })
}

test('a body that is no UTF-8 reaches a WebSocket in a binary frame, and its connection lives (RFC 6455 §8.1)', async (t) => {
  const [alice, bob] = [await Phone.open(t, 'alice', 'UDP 4'), await Phone.open(t, 'bob', 'WS 4')]
  const frames: { readonly binary: boolean; readonly bytes: Buffer }[] = []
  bob.onFrame = (bytes, binary) => {
    if (bytes.toString('latin1').startsWith('MESSAGE')) frames.push({ bytes, binary })
  }
  const bobs = `sip:${bob.user}@localhost`
  const send = alice.send.bind(alice)
  const said = [Buffer.from([0x68, 0xff, 0xc3, 0x28]), Buffer.from('grüß')]
  for (const [i, body] of said.entries()) {
    const letters = 'x'.repeat(body.length)
    alice.send = (bytes) => send(Buffer.concat([bytes.subarray(0, -body.length), body]))
    const answer = await alice.ask('MESSAGE', bobs, { callId: `${alice.user}-${i}`, body: letters })
    t.is(answer.status, 200)
  }
  t.deepEqual(
    frames.map(({ binary }) => binary),
    [true, false],
  )
  t.deepEqual(
    frames.map(({ bytes }, i) => bytes.subarray(-said[i]!.length)),
    said,
  )
})
