/** TCP and TLS: connections in and out, framed by Content-Length, kept alive by CRLF (RFC 3261 §18, RFC 5626 §3.5.1). */
import { createConnection, createServer, isIP, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import { ConnectionFlow, type ConnectionOptions, contextOf, type Pipe, plainAddress, usual } from './connection.ts'
import { Framer } from './framing.ts'
import type { HostPort, Transport } from './transport.ts'

/** Without `listen`: connects only. */
export type TcpOptions = Omit<ConnectionOptions, 'listen'> & { readonly listen?: HostPort }

const pong = Buffer.from('\r\n')
const connectTimeout = 5_000

function pipeOf(socket: Socket): Pipe {
  return {
    get open() {
      return !socket.destroyed && !socket.writableEnded
    },
    get waiting() {
      return socket.writableLength
    },
    write: (bytes) => socket.write(bytes),
    end: () => socket.destroySoon(),
    abort: () => socket.destroy(),
  }
}

/** Of peers the certificate is checked by the system's authorities; a name, where there is one, is asked for (SNI). */
function dial({ host, port }: HostPort, tls: boolean): Socket {
  if (!tls) return createConnection({ host, port, noDelay: true, keepAlive: true })
  return connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}) })
}

export function tcpTransport(options: TcpOptions): Transport {
  const { sink } = options
  const messageLimit = options.messageLimit ?? usual.messageLimit
  const flows = new Map<string, ConnectionFlow>()
  const name = options.tls === undefined ? 'TCP' : 'TLS'
  const accept = (socket: Socket): void => {
    attach(socket, { host: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 })
  }
  const secure = options.tls && createTlsServer({ noDelay: true, ...contextOf(options.tls) }, accept)
  const server: Server | TlsServer = secure ?? createServer({ noDelay: true, keepAlive: true }, accept)
  secure?.on('tlsClientError', (_fault, socket) => socket.destroy())
  server.maxConnections = options.connections ?? usual.connections
  let local: HostPort = options.listen ?? { host: '127.0.0.1', port: 0 }

  function attach(socket: Socket, remote: HostPort): ConnectionFlow {
    const flow = new ConnectionFlow(name, pipeOf(socket), local, remote, { ...options, listen: local })
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
    name,
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
      const socket = dial(remote, options.tls !== undefined)
      socket.setTimeout(connectTimeout, () => {
        if (socket.connecting) socket.destroy(new Error(`no connection within ${connectTimeout} ms`))
      })
      return attach(socket, remote)
    },
    ...(secure === undefined ? {} : { renew: (material) => secure.setSecureContext(contextOf(material)) }),
    close: () =>
      new Promise((resolve) => {
        for (const flow of flows.values()) flow.close()
        if (server.listening) server.close(() => resolve())
        else resolve()
      }),
  }
}
