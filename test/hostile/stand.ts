/** A live node on real sockets in this process, with everything that the default network has, and hands to molest it. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import { createHss } from '../../elements/hss/index.ts'
import { createPresence } from '../../elements/presence/index.ts'
import { createProse } from '../../elements/prose/index.ts'
import { createProxy } from '../../elements/proxy/index.ts'
import { createRegistration } from '../../elements/reg-event/index.ts'
import {
  compilePlan,
  createNode,
  memoryStore,
  type Node,
  type NodeOptions,
  RealClock,
  randomIds,
  SipRequest,
  SipResponse,
  silent,
} from '../../signalling/index.ts'
import { answerChallenge, buildResponse, Framer } from '../../signalling/testing.ts'
import { scan } from '../../signalling/tools.ts'
import { metric, type RequestParts, requestText } from '../support/wire.ts'

export const domain = 'localhost'
export const users = ['alice', 'bob', 'carol'] as const

export interface Stand {
  readonly node: Node
  readonly udp: number
  readonly tcp: number
  readonly ws: number
  count(name: string): number
  close(): Promise<void>
}

/** Starts it; password of each user is `<name>-secret`. */
export async function openStand(
  options: Partial<NodeOptions> = {},
  proxy: Parameters<typeof createProxy>[1] = {},
): Promise<Stand> {
  const clock = new RealClock((fault) => {
    throw fault
  })
  const subscribers = users.map((user) => ({
    id: `sip:${user}@${domain}`,
    password: `${user}-secret`,
    permissions: { discoverable: true, discoverer: true },
  }))
  const names = ['proxy', 'hss', 'prose', 'presence', 'registration']
  const elements = [
    createProxy('proxy', proxy),
    createHss('hss', { subscribers, askers: names, proxies: ['proxy'] }),
    createProse('prose', {}),
    createPresence('presence', {}),
    createRegistration('registration', { registrar: 'proxy', askers: names }),
  ]
  const domains = [domain, '127.0.0.1']
  const { plan, faults } = compilePlan({
    domains,
    elements: new Map(elements.map(({ name, claims }) => [name, claims])),
    proxy: 'proxy',
    ownAddresses: [],
  })
  if (plan === undefined) throw new Error(JSON.stringify(faults))
  const store = memoryStore(clock)
  const node = createNode({
    name: 'hostile',
    plan,
    elements,
    domains,
    trusted: [],
    store,
    clock,
    ids: randomIds(),
    log: silent,
    udp: 'dgram',
    listen: [
      { transport: 'UDP', host: '127.0.0.1', port: 0 },
      { transport: 'TCP', host: '127.0.0.1', port: 0 },
      { transport: 'WS', host: '127.0.0.1', port: 0 },
    ],
    ...options,
  })
  await node.start()
  const port = (name: string): number => node.listening.find(({ transport }) => transport === name)?.port ?? 0
  return {
    node,
    udp: port('UDP'),
    tcp: port('TCP'),
    ws: port('WS'),
    count: (name) => metric(node, name),
    async close() {
      await node.stop(0)
      await store.close()
    },
  }
}

type Message = SipRequest | SipResponse

/** What comes to one end, and a way to wait until something has. */
abstract class Hand {
  readonly messages: Message[] = []
  readonly raw: Buffer[] = []
  private readonly watchers = new Set<() => void>()

  protected take(bytes: Buffer): void {
    this.raw.push(Buffer.from(bytes))
    const message = scan(bytes)
    if (message !== undefined) this.messages.push(message)
    this.look()
  }
  protected look(): void {
    for (const watcher of this.watchers) watcher()
  }
  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (!isSo()) return
        this.watchers.delete(watcher)
        resolve()
      }
      this.watchers.add(watcher)
      watcher()
    })
  }
  get responses(): readonly SipResponse[] {
    return this.messages.filter((each): each is SipResponse => each instanceof SipResponse)
  }
  get requests(): readonly SipRequest[] {
    return this.messages.filter((each): each is SipRequest => each instanceof SipRequest)
  }
  forget(): void {
    this.messages.length = 0
    this.raw.length = 0
  }
  finalOf(callId: string, cseq: number): SipResponse | undefined {
    return this.responses.find((each) => each.callId === callId && each.cseq.number === cseq && each.status >= 200)
  }
}

let serial = 0

/** A user agent without scruples over UDP: what it sends is what it is told. */
export class UdpHand extends Hand {
  readonly port: number
  private readonly socket: UdpSocket
  private readonly server: number

  private constructor(socket: UdpSocket, server: number) {
    super()
    this.socket = socket
    this.server = server
    this.port = socket.address().port
    socket.on('message', (bytes) => this.take(bytes))
  }
  static open({ udp }: { readonly udp: number }, host = '127.0.0.1'): Promise<UdpHand> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    return new Promise((resolve) => socket.bind(0, host, () => resolve(new UdpHand(socket, udp))))
  }
  send(bytes: string | Uint8Array): void {
    this.socket.send(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, this.server, this.socket.address().address)
  }
  text(method: string, uri: string, parts: RequestParts = {}): string {
    const number = ++serial
    const own = { via: `127.0.0.1:${this.port};rport`, branch: `z9hG4bK-h${number}`, callId: `hand-${number}` }
    return requestText(method, uri, { ...own, ...parts })
  }
  /** From now on every request gets that answer at once. */
  answer(status: number): void {
    this.socket.on('message', (bytes) => {
      const request = scan(bytes)
      if (request instanceof SipRequest) this.send(buildResponse(request, status, { toTag: 'hand' }))
    })
  }
  /** Sends a request and waits for its final answer; what was sent before it on this socket has then been read too. */
  async ask(method: string, uri: string, parts: RequestParts = {}): Promise<SipResponse> {
    for (;;) {
      const request = scan(Buffer.from(this.text(method, uri, parts)))
      if (!(request instanceof SipRequest)) throw new Error('no request')
      const response = await this.transact(request.bytes)
      if (response.status !== 503) return response
      this.messages.splice(0, this.messages.length, ...this.messages.filter((each) => each !== response)) // overload control: again
    }
  }
  async transact(bytes: Buffer): Promise<SipResponse> {
    const request = scan(bytes) as SipRequest
    const { callId, cseq } = request
    this.send(bytes)
    const repeat = setInterval(() => this.send(bytes), 500) // a kernel may drop what is flooded
    await this.until(() => this.finalOf(callId, cseq.number) !== undefined)
    clearInterval(repeat)
    return this.finalOf(callId, cseq.number)!
  }
  /** The same, and once more with the answer to the challenge that comes. */
  async askAs(user: string, method: string, uri: string, parts: RequestParts = {}): Promise<SipResponse> {
    const named = { from: `sip:${user}@${domain}`, callId: `${user}-${++serial}`, ...parts }
    const first = await this.ask(method, uri, named)
    const proxy = first.status === 407
    if (first.status !== 401 && !proxy) return first
    const wanted = first.texts(proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate')
    const answer = answerChallenge(wanted, { user, password: `${user}-secret` }, method, uri, 'hand')
    const line = `${proxy ? 'Proxy-Authorization' : 'Authorization'}: ${answer}`
    return this.ask(method, uri, { ...named, cseq: (parts.cseq ?? 1) + 1, lines: [line, ...(parts.lines ?? [])] })
  }
  register(user: string, lines: readonly string[] = []): Promise<SipResponse> {
    const contact = `Contact: <sip:${user}@127.0.0.1:${this.port}>`
    const aor = `sip:${user}@${domain}`
    return this.askAs(user, 'REGISTER', `sip:${domain}`, { to: aor, lines: [contact, ...lines] })
  }
  close(): void {
    this.socket.close()
  }
}

/** A bare TCP connection. */
export class TcpHand extends Hand {
  readonly socket: Socket
  closed = false
  /** All that came, a character an octet. */
  said = ''

  private constructor(socket: Socket) {
    super()
    this.socket = socket
    const framer = new Framer({ message: (bytes) => this.take(bytes), ping: () => undefined, broken: () => undefined }, 1_000_000)
    socket.on('data', (chunk: Buffer) => {
      this.said += chunk.toString('latin1')
      framer.push(chunk)
      this.look()
    })
    socket.on('error', () => undefined) // told by close
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      this.closed = true
      this.look()
    })
  }
  static open(port: number): Promise<TcpHand> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new TcpHand(socket)))
    })
  }
  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }
  gone(): Promise<void> {
    return this.until(() => this.closed)
  }
  close(): void {
    this.socket.destroy()
  }
}

/** The node still serves somebody decent: an OPTIONS over UDP. */
export async function isAlive(stand: Stand): Promise<boolean> {
  const hand = await UdpHand.open(stand)
  const { status } = await hand.ask('OPTIONS', `sip:${domain}`)
  hand.close()
  return status === 200
}
