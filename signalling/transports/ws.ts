/** SIP over WebSocket (RFC 7118): one message a frame, subprotocol `sip`. Serves only; UEs bring their own client. */
import { createServer, type IncomingMessage } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Flow, HostPort, Transport, TransportSink } from './transport.ts'

export interface WsOptions {
  readonly listen: HostPort
  readonly sink: TransportSink
  readonly isTrusted: (host: string) => boolean
  readonly newId: () => string
  readonly messageLimit?: number
  readonly backlog?: number
  readonly connections?: number
}

const keepAlive = /^(?:\r\n)+$/

class WsFlow implements Flow {
  readonly id: string
  readonly transport = 'WS'
  readonly reliable = true
  readonly local: HostPort
  readonly remote: HostPort
  readonly trusted: boolean
  identity: string | undefined = undefined
  private readonly socket: WebSocket
  private readonly backlog: number
  constructor(id: string, socket: WebSocket, local: HostPort, remote: HostPort, trusted: boolean, backlog: number) {
    this.id = id
    this.socket = socket
    this.local = local
    this.remote = remote
    this.trusted = trusted
    this.backlog = backlog
  }
  get open(): boolean {
    return this.socket.readyState === this.socket.OPEN
  }
  send(bytes: Uint8Array): boolean {
    if (!this.open) return false
    if (this.socket.bufferedAmount > this.backlog) {
      this.socket.terminate()
      return false
    }
    this.socket.send(bytes, { binary: false }) // text frames: browsers' SIP stacks expect them
    return true
  }
  close(): void {
    this.socket.close(1001)
  }
}

export function wsTransport(options: WsOptions): Transport {
  const { sink, isTrusted, newId } = options
  const backlog = options.backlog ?? 1024 * 1024
  const flows = new Set<WsFlow>()
  let local = options.listen
  const http = createServer((_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain', upgrade: 'websocket' })
    response.end('This port speaks SIP over WebSocket (RFC 7118): connect with subprotocol "sip".\n')
  })
  http.maxConnections = options.connections ?? 20_000
  const server = new WebSocketServer({
    server: http,
    maxPayload: options.messageLimit ?? 65_535,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has('sip') ? 'sip' : false),
    verifyClient: ({ req }: { req: IncomingMessage }) =>
      /(^|[\s,])sip($|[\s,])/.test(String(req.headers['sec-websocket-protocol'])),
  })
  server.on('connection', (socket, request) => {
    const remote = {
      host: (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, ''),
      port: request.socket.remotePort ?? 0,
    }
    const flow = new WsFlow(`ws-${newId()}`, socket, local, remote, isTrusted(remote.host), backlog)
    flows.add(flow)
    socket.on('message', (data) => {
      const bytes = Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
      if (bytes.length <= 4 && keepAlive.test(bytes.toString('latin1'))) flow.send(Buffer.from('\r\n'))
      else sink.received(bytes, flow)
    })
    socket.on('error', (fault) => sink.failed(flow, fault.message))
    socket.on('close', () => {
      flows.delete(flow)
      sink.closed(flow)
    })
  })
  server.on('error', () => undefined) // listen errors reach the http server's own listener

  return {
    name: 'WS',
    reliable: true,
    get local() {
      return local
    },
    listen: () =>
      new Promise((resolve, reject) => {
        http.once('error', reject)
        http.listen({ port: options.listen.port, host: options.listen.host }, () => {
          http.off('error', reject)
          http.on('error', () => undefined)
          const address = http.address()
          local = { host: options.listen.host, port: typeof address === 'object' && address !== null ? address.port : 0 }
          resolve()
        })
      }),
    connect: (remote) => {
      for (const flow of flows) if (flow.remote.port === remote.port && flow.remote.host === remote.host) return flow
      return new ClosedFlow(local, remote)
    },
    close: () =>
      new Promise((resolve) => {
        for (const flow of flows) flow.close()
        server.close()
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
}

/** What stands where a WebSocket peer is gone: only it can connect again. */
export class ClosedFlow implements Flow {
  readonly id = 'closed'
  readonly transport = 'WS'
  readonly reliable = true
  readonly trusted = false
  readonly open = false
  readonly local: HostPort
  readonly remote: HostPort
  identity: string | undefined = undefined
  constructor(local: HostPort, remote: HostPort) {
    this.local = local
    this.remote = remote
  }
  send(): boolean {
    return false
  }
  close(): void {}
}
