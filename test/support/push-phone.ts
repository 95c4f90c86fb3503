/** A Push client with one connection to a server process, over TCP or WebSocket, and nothing else: where it listens, nobody should come. */

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'
import WebSocket from 'ws'
import { SipRequest, SipResponse } from '../../signalling/index.ts'
import { answerChallenge, buildResponse, Framer } from '../../signalling/testing.ts'
import { scan } from '../../signalling/tools.ts'
import { until } from './patience.ts'
import { type RequestParts, requestText } from './wire.ts'

/** One connection. */
interface Line {
  send(bytes: Buffer): void
  /** Ends it without a word: over TCP by a reset. */
  drop(): void
}

interface PushPhoneOptions {
  readonly transport: 'tcp' | 'ws'
  readonly port: number
  readonly user: string
  /** Its Push identifier. */
  readonly id: string
}

let serial = 0

export class PushPhone {
  /** MESSAGEs that it got, repeats among them. */
  readonly got: SipRequest[] = []
  /** Status of its answers; undefined: it answers nothing. */
  answer: number | undefined = 200
  /** Connections that came to the address in its Contact. */
  calledBack = 0
  private readonly options: PushPhoneOptions
  private readonly responses: SipResponse[] = []
  private readonly contact: Server
  private line!: Line

  private constructor(options: PushPhoneOptions) {
    this.options = options
    this.contact = createServer((socket) => {
      this.calledBack++
      socket.destroy()
    })
  }
  static async open(options: PushPhoneOptions): Promise<PushPhone> {
    const phone = new PushPhone(options)
    await new Promise<void>((resolve) => phone.contact.listen(0, '127.0.0.1', resolve))
    await phone.connect()
    return phone
  }
  /** A connection in place of the one that it had. */
  async connect(): Promise<void> {
    const { port, transport } = this.options
    const take = (bytes: Buffer): void => this.take(bytes)
    this.line = await (transport === 'tcp' ? tcpLine(port, take) : webSocketLine(port, take))
  }
  private take(bytes: Buffer): void {
    const message = scan(bytes)
    if (message instanceof SipResponse) this.responses.push(message)
    if (!(message instanceof SipRequest)) return
    if (message.method === 'MESSAGE') this.got.push(message)
    if (this.answer !== undefined) this.line.send(buildResponse(message, this.answer, { toTag: 'phone' }))
  }
  get uri(): string {
    return `sip:${this.options.id}@push.localhost;user=push`
  }
  /** REGISTER of its identifier alone; resolves with the status. */
  register(): Promise<number> {
    const { transport, user } = this.options
    const { port } = this.contact.address() as AddressInfo
    const lines = [`Contact: <sip:${user}@127.0.0.1:${port};transport=${transport}>;expires=3600`]
    return this.ask('REGISTER', 'sip:push.localhost', { to: this.uri, lines })
  }
  /** Status of a text to a Push identifier. */
  push(uri: string, body: string): Promise<number> {
    return this.ask('MESSAGE', uri, { body, lines: ['Content-Type: text/plain'] })
  }
  private async ask(method: string, uri: string, parts: RequestParts): Promise<number> {
    const callId = `phone-${++serial}`
    const first = await this.once(method, uri, { ...parts, callId, cseq: 1 })
    if (first.status !== 401 && first.status !== 407) return first.status
    const asked = first.texts(first.status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate')
    const { user } = this.options
    const given = answerChallenge(asked, { user, password: `${user}-proxima` }, method, uri, 'phone')
    const line = `${first.status === 401 ? 'Authorization' : 'Proxy-Authorization'}: ${given}`
    return (await this.once(method, uri, { ...parts, callId, cseq: 2, lines: [line, ...(parts.lines ?? [])] })).status
  }
  private async once(method: string, uri: string, parts: RequestParts): Promise<SipResponse> {
    const { transport } = this.options
    const named = { from: this.uri, via: '127.0.0.1;rport', branch: `z9hG4bK-p${++serial}`, ...parts }
    const text = requestText(method, uri, named).replace('SIP/2.0/UDP', `SIP/2.0/${transport.toUpperCase()}`)
    const final = (): SipResponse | undefined =>
      this.responses.find(({ callId, cseq, status }) => callId === parts.callId && cseq.number === parts.cseq && status >= 200)
    this.line.send(Buffer.from(text))
    await until(`${method} is answered`, () => final() !== undefined)
    return final()!
  }
  drop(): void {
    this.line.drop()
  }
  close(): void {
    this.drop()
    this.contact.close()
  }
}

function tcpLine(port: number, take: (bytes: Buffer) => void): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const framer = new Framer({ message: take, ping: () => undefined, broken: () => undefined }, 1_000_000)
    socket.on('data', (chunk: Buffer) => framer.push(chunk))
    socket.on('error', reject)
    socket.on('connect', () => resolve({ send: (bytes) => socket.write(bytes), drop: () => socket.resetAndDestroy() }))
  })
}

function webSocketLine(port: number, take: (bytes: Buffer) => void): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, 'sip')
    socket.on('message', (data) => take(Buffer.from(data as Buffer)))
    socket.on('error', reject)
    socket.on('open', () => resolve({ send: (bytes) => socket.send(String(bytes)), drop: () => socket.terminate() }))
  })
}
