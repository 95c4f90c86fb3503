/** A push service on loopback, by HTTP or HTTPS: keeps what it is asked, and answers as it is told. */

import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { generate } from 'selfsigned'
import type { PushService, PushServiceAnswer, ReceivedWake } from '../../dialplans/flows/stage/push-service.ts'

export interface AskedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Answers a request in any way, or not at all. */
type Answering = (response: ServerResponse, request: AskedRequest) => void

export class PushServiceOnLoopback {
  readonly asked: AskedRequest[] = []
  /** Connections that were made to it. */
  connections = 0
  answer: Answering = (response) => void response.writeHead(201).end()
  readonly url: string
  /** Certificate for `authorities`; '' without TLS. */
  readonly certificate: string
  private readonly server: Server
  private readonly sockets: ReadonlySet<Socket>

  private constructor(server: Server, sockets: ReadonlySet<Socket>, url: string, certificate: string) {
    this.server = server
    this.sockets = sockets
    this.url = url
    this.certificate = certificate
  }
  /** @param name host name in its certificate; left out: it speaks HTTP */
  static async open(name?: string, { host = '127.0.0.1', port: at = 0 } = {}): Promise<PushServiceOnLoopback> {
    const listener: RequestListener = (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('error', () => undefined)
      request.on('end', () => {
        const { headers, method = '', url = '' } = request
        const asked = { method, path: url, headers, body: String(Buffer.concat(chunks)) }
        service.asked.push(asked)
        service.answer(response, asked)
      })
    }
    const pair = name === undefined ? undefined : await pairFor(name)
    const server: Server = pair === undefined ? createServer(listener) : createSecureServer(pair, listener)
    const sockets = new Set<Socket>()
    await new Promise<void>((resolve) => server.listen(at, host, resolve))
    const { port } = server.address() as AddressInfo
    const url = `${name === undefined ? 'http' : 'https'}://${name ?? host}:${port}`
    const service = new PushServiceOnLoopback(server, sockets, url, pair?.cert ?? '')
    server.on('connection', (socket: Socket) => {
      service.connections++
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    })
    return service
  }
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }
}

async function pairFor(name: string): Promise<{ readonly cert: string; readonly key: string }> {
  const extensions = [{ name: 'subjectAltName', altNames: [{ type: 2, value: name }] }]
  const options = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256', extensions } as unknown as Parameters<typeof generate>[1]
  const made = await generate([{ name: 'commonName', value: name }], options)
  return { cert: made.cert, key: made.private }
}

/** The push service of a flow whose network is processes of its own. */
export class LoopbackPushService implements PushService {
  readonly received: ReceivedWake[] = []
  private readonly service: PushServiceOnLoopback
  private readonly listeners: ((wake: ReceivedWake) => void)[] = []

  private constructor(service: PushServiceOnLoopback) {
    this.service = service
    this.answerWith({ status: 201 })
  }
  static async open(): Promise<LoopbackPushService> {
    return new LoopbackPushService(await PushServiceOnLoopback.open())
  }
  endpoint(subscription: string): string {
    return `${this.service.url}/w/${subscription}`
  }
  answerWith(answer: PushServiceAnswer): void {
    this.service.answer = (response, { body, headers, path }) => {
      const plain = Object.entries(headers).map(([name, value]) => [name, String(value)])
      const wake = { subscription: path.slice(path.lastIndexOf('/') + 1), headers: Object.fromEntries(plain), body }
      this.received.push(wake)
      if (answer === 'none') return
      const { retryAfter, status } = answer
      response.writeHead(status, retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }).end()
      if (status < 300) for (const listener of this.listeners) listener(wake)
    }
  }
  onWake(listener: (wake: ReceivedWake) => void): void {
    this.listeners.push(listener)
  }
  close(): Promise<void> {
    return this.service.close()
  }
}
