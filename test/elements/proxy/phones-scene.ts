/** A proxy with its HSS on real sockets, in virtual time, and phones that are told word by word what to say. */
import { createSocket } from 'node:dgram'
import { createConnection, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ExecutionContext } from 'ava'
import { createHss, type Hss } from '../../../elements/hss/index.ts'
import { createProxy, type ProxySettings } from '../../../elements/proxy/index.ts'
import {
  compilePlan,
  createNode,
  type Element,
  H,
  type Log,
  memoryStore,
  type Node,
  SipRequest,
  SipResponse,
  type Store,
  silent,
  type TlsMaterial,
} from '../../../signalling/index.ts'
import {
  answerChallenge,
  buildResponse,
  Framer,
  ManualClock,
  type ResponseParts,
  seededIds,
} from '../../../signalling/testing.ts'
import { scan } from '../../../signalling/tools.ts'
import { type RequestParts, requestText } from '../../support/wire.ts'

type Transport = 'UDP' | 'TCP' | 'TLS'

export interface PhonesOptions {
  readonly proxy?: ProxySettings
  readonly others?: readonly Element[]
  readonly log?: Log
  /** HTTP to servers outside. */
  readonly http?: NonNullable<Parameters<typeof createNode>[0]['http']>
  /** Push identifiers by name. */
  readonly push?: Readonly<Record<string, string>>
  readonly store?: Store
  readonly clock?: ManualClock
  /** Listens for TLS too. */
  readonly tls?: TlsMaterial
  /** By name; `<name>-proxima` where none is given. */
  readonly passwords?: Readonly<Record<string, string>>
  /** A scene that has stopped, on whose ports this one listens. */
  readonly like?: PhonesScene
}

/** Users alice, bob and eve, each with the password `<name>-proxima`. */
export class PhonesScene {
  readonly clock: ManualClock
  readonly node: Node
  readonly hss: Hss
  private readonly ports: Readonly<Record<Transport, number>>
  private readonly t: ExecutionContext
  private constructor(t: ExecutionContext, clock: ManualClock, node: Node, hss: Hss) {
    this.t = t
    this.clock = clock
    this.node = node
    const port = (wanted: string): number => node.listening.find(({ transport }) => transport === wanted)?.port ?? 0
    this.ports = { UDP: port('UDP'), TCP: port('TCP'), TLS: port('TLS') }
    this.hss = hss
  }
  static async open(t: ExecutionContext, options: PhonesOptions = {}): Promise<PhonesScene> {
    const {
      proxy = {},
      others = [],
      log = silent,
      clock = new ManualClock(),
      passwords = {},
      push = {},
      http,
      like,
      tls,
    } = options
    const hss = createHss('hss', {
      servers: [{ uri: 'sip:as@localhost', application: 'chess' }],
      subscribers: ['alice', 'bob', 'eve'].map((name) => ({
        ...subscriber(name, passwords[name]),
        ...(push[name] === undefined ? {} : { push: [{ id: push[name] }] }),
      })),
    })
    const elements = [createProxy('proxy', proxy), hss, ...others]
    const claims = new Map(elements.map((element) => [element.name, element.claims]))
    const { plan } = compilePlan({ domains: ['localhost'], elements: claims, proxy: 'proxy', ownAddresses: [] })
    const node = createNode({
      name: 'phones',
      plan: plan!,
      elements,
      domains: ['localhost'],
      trusted: [],
      store: options.store ?? memoryStore(clock),
      clock,
      ids: seededIds(1),
      log,
      ...(tls === undefined ? {} : { tls }),
      ...(http === undefined ? {} : { http }),
      listen: [
        { transport: 'UDP', host: '127.0.0.1', port: like?.port('UDP') ?? 0 },
        { transport: 'TCP', host: '127.0.0.1', port: like?.port('TCP') ?? 0 },
        ...(tls === undefined ? [] : [{ transport: 'TLS', host: '127.0.0.1', port: 0 } as const]),
      ],
    })
    await node.start()
    t.teardown(() => node.stop(0))
    return new PhonesScene(t, clock, node, hss)
  }
  /** A socket, or a connection, of its own. */
  async phone(transport: Transport): Promise<Phone> {
    const port = this.port(transport)
    return transport === 'UDP' ? Phone.udp(this.t, this.clock, port) : Phone.tcp(this.t, this.clock, port, transport)
  }
  port(transport: Transport): number {
    return this.ports[transport]
  }
  until(isSo: () => boolean): Promise<void> {
    return until(this.clock, isSo)
  }
}

export function subscriber(name: string, password = `${name}-proxima`) {
  return { id: `sip:${name}@localhost`, password, permissions: { discoverable: true, discoverer: true } }
}

async function until(clock: ManualClock, isSo: () => boolean): Promise<void> {
  for (let turns = 0; !isSo(); turns++) {
    if (turns > 200_000) throw new Error('it never came to be so')
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (turns % 20 === 19) await clock.advance(10)
  }
}

let serial = 0

export class Phone {
  readonly got: (SipRequest | SipResponse)[] = []
  /** Host and port. */
  readonly at: string
  ended = false
  onRequest: (request: SipRequest) => void = (request) => {
    if (request.method !== 'ACK') this.answer(request, 200)
  }
  private readonly transport: Transport
  private readonly clock: ManualClock
  private readonly transmit: (bytes: Buffer) => void
  close: () => void

  private constructor(
    transport: Transport,
    clock: ManualClock,
    port: number,
    transmit: (bytes: Buffer) => void,
    close: () => void,
  ) {
    this.transport = transport
    this.clock = clock
    this.at = `127.0.0.1:${port}`
    this.transmit = transmit
    this.close = close
  }
  static async udp(t: ExecutionContext, clock: ManualClock, port: number): Promise<Phone> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    const phone = new Phone(
      'UDP',
      clock,
      socket.address().port,
      (bytes) => socket.send(bytes, port, '127.0.0.1'),
      () => undefined,
    )
    socket.on('message', (bytes) => phone.take(bytes))
    t.teardown(() => socket.close())
    return phone
  }
  static async tcp(t: ExecutionContext, clock: ManualClock, port: number, transport: 'TCP' | 'TLS'): Promise<Phone> {
    const tls = transport === 'TLS'
    const socket: Socket = tls
      ? connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
      : createConnection({ host: '127.0.0.1', port })
    await new Promise((resolve) => socket.once(tls ? 'secureConnect' : 'connect', resolve))
    const phone = new Phone(
      transport,
      clock,
      socket.localPort ?? 0,
      (bytes) => socket.write(bytes),
      () => void socket.destroy(),
    )
    const framer = new Framer(
      { message: (bytes) => phone.take(bytes), ping: () => undefined, broken: (why) => t.fail(why) },
      65_535,
    )
    socket.on('data', (bytes) => framer.push(bytes))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      phone.ended = true
    })
    t.teardown(() => void socket.destroy())
    return phone
  }
  private take(bytes: Buffer): void {
    const message = scan(Buffer.from(bytes))
    if (message === undefined) return
    this.got.push(message)
    if (message instanceof SipRequest) this.onRequest(message)
  }
  answer(request: SipRequest, status: number, parts: ResponseParts = {}): void {
    this.transmit(
      buildResponse(request, status, { toTag: `at-${this.at.slice(this.at.indexOf(':') + 1)}`, recordRoute: true, ...parts }),
    )
  }
  send(method: string, uri: string, parts: RequestParts = {}): void {
    const text = requestText(method, uri, { branch: `z9hG4bK-${++serial}`, callId: `call-${serial}`, cseq: serial, ...parts })
    this.transmit(Buffer.from(text.replace(/SIP\/2\.0\/UDP [^;]*/, `SIP/2.0/${this.transport} ${this.at};rport`)))
  }
  /** Sends it and gives its final answer. */
  async ask(method: string, uri: string, parts: RequestParts = {}): Promise<SipResponse> {
    const cseq = ++serial
    this.send(method, uri, { cseq, callId: `call-${cseq}`, ...parts })
    const wanted = parts.cseq ?? cseq
    const find = (): SipResponse | undefined =>
      this.got.find(
        (each): each is SipResponse => each instanceof SipResponse && each.status >= 200 && each.cseq.number === wanted,
      )
    await until(this.clock, () => find() !== undefined)
    return find()!
  }
  /** As `ask`, by `name`, who answers a challenge with that password. */
  async as(
    name: string,
    method: string,
    uri: string,
    parts: RequestParts = {},
    password = `${name}-proxima`,
  ): Promise<SipResponse> {
    const from = `sip:${name}@localhost`
    const named = { from, callId: `call-${++serial}`, ...(method === 'REGISTER' ? { to: from } : {}), ...parts }
    const first = await this.ask(method, uri, named)
    if (first.status !== 401 && first.status !== 407) return first
    if (method === 'INVITE') this.send('ACK', uri, { ...named, cseq: first.cseq.number, branch: first.via!.branch! })
    const proxy = first.status === 407
    const challenges = first.texts(proxy ? H['Proxy-Authenticate'] : H['WWW-Authenticate'])
    const value = answerChallenge(challenges, { user: name, password }, method, uri, 'cnonce')!
    const lines = [...(parts.lines ?? []), `${proxy ? 'Proxy-Authorization' : 'Authorization'}: ${value}`]
    return this.ask(method, uri, { ...named, lines })
  }
  register(name: string, contact: string, lines: readonly string[] = [], password?: string): Promise<SipResponse> {
    const parts = { callId: `reg-${name}`, lines: [`Contact: ${contact}`, 'Expires: 600', ...lines] }
    return this.as(name, 'REGISTER', 'sip:localhost', parts, password)
  }
  get requests(): readonly SipRequest[] {
    return this.got.filter((each): each is SipRequest => each instanceof SipRequest)
  }
  clear(): void {
    this.got.length = 0
  }
}

/** Route lines of the caller for requests in the dialog that this response made. */
export function routesOf(response: SipResponse): string[] {
  return response
    .list(H['Record-Route'])
    .toReversed()
    .map((value) => `Route: ${value}`)
}
