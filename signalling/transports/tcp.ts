/** TCP: connections in and out, framed by Content-Length, kept alive by CRLF (RFC 3261 §18, RFC 5626 §3.5.1). */
import { createConnection, createServer, type Socket } from 'node:net'
import { Framer } from './framing.ts'
import type { Flow, HostPort, Transport, TransportSink } from './transport.ts'

export interface TcpOptions {
  /** Left out: connects only. */
  readonly listen?: HostPort
  readonly sink: TransportSink
  readonly isTrusted: (host: string) => boolean
  /** Names connections, unguessably. */
  readonly newId: () => string
  /** Bytes of the longest message. */
  readonly messageLimit?: number
  /** Bytes that may wait for a slow peer before its connection is ended. */
  readonly backlog?: number
  readonly connections?: number
}

const pong = Buffer.from('\r\n')
const connectTimeout = 5_000

class TcpFlow implements Flow {
  readonly id: string
  readonly transport = 'TCP'
  readonly reliable = true
  readonly local: HostPort
  readonly remote: HostPort
  readonly trusted: boolean
  identity: string | undefined = undefined
  private readonly socket: Socket
  private readonly backlog: number
  constructor(id: string, socket: Socket, local: HostPort, remote: HostPort, trusted: boolean, backlog: number) {
    this.id = id
    this.socket = socket
    this.local = local
    this.remote = remote
    this.trusted = trusted
    this.backlog = backlog
  }
  get open(): boolean {
    return !this.socket.destroyed && !this.socket.writableEnded
  }
  send(bytes: Uint8Array): boolean {
    if (!this.open) return false
    if (this.socket.writableLength > this.backlog) {
      this.socket.destroy() // the peer does not read: shed it rather than hold its bytes for ever
      return false
    }
    this.socket.write(bytes)
    return true
  }
  close(): void {
    this.socket.end()
    this.socket.destroySoon()
  }
}

function plain(host: string | undefined): string {
  return (host ?? '').replace(/^::ffff:(?=\d+\.)/, '')
}

export function tcpTransport(options: TcpOptions): Transport {
  const { sink, isTrusted, newId } = options
  const messageLimit = options.messageLimit ?? 65_535
  const backlog = options.backlog ?? 1024 * 1024
  const flows = new Map<string, TcpFlow>()
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    const remote = { host: plain(socket.remoteAddress), port: socket.remotePort ?? 0 }
    attach(socket, remote)
  })
  server.maxConnections = options.connections ?? 20_000
  let local: HostPort = options.listen ?? { host: '127.0.0.1', port: 0 }

  function attach(socket: Socket, remote: HostPort): TcpFlow {
    const flow = new TcpFlow(`tcp-${newId()}`, socket, local, remote, isTrusted(remote.host), backlog)
    const key = `${remote.host}|${remote.port}`
    flows.set(key, flow)
    const framer = new Framer(
      {
        message: (bytes) => sink.received(bytes, flow),
        ping: () => flow.send(pong),
        broken: (why) => {
          sink.failed(flow, why)
          socket.destroy()
        },
      },
      messageLimit,
    )
    socket.on('data', (chunk: Buffer) => framer.push(chunk))
    socket.on('error', (fault) => sink.failed(flow, fault.message))
    socket.on('close', () => {
      if (flows.get(key) === flow) flows.delete(key)
      sink.closed(flow)
    })
    return flow
  }

  return {
    name: 'TCP',
    reliable: true,
    get local() {
      return local
    },
    listen: () =>
      new Promise((resolve, reject) => {
        if (options.listen === undefined) return resolve()
        server.once('error', reject)
        server.listen({ port: options.listen.port, host: options.listen.host }, () => {
          server.off('error', reject)
          server.on('error', () => undefined) // accept failures (too many files) pass; the next accept is tried
          const address = server.address()
          local = { host: options.listen!.host, port: typeof address === 'object' && address !== null ? address.port : 0 }
          resolve()
        })
      }),
    connect: (remote) => {
      const standing = flows.get(`${remote.host}|${remote.port}`)
      if (standing?.open) return standing
      const socket = createConnection({ host: remote.host, port: remote.port, noDelay: true, keepAlive: true })
      socket.setTimeout(connectTimeout, () => {
        if (socket.connecting) socket.destroy(new Error(`no connection within ${connectTimeout} ms`))
      })
      return attach(socket, remote)
    },
    close: () =>
      new Promise((resolve) => {
        for (const flow of flows.values()) flow.close()
        if (server.listening) server.close(() => resolve())
        else resolve()
      }),
  }
}
