/** TCP and TLS: connections in and out, framed by Content-Length, kept alive by CRLF (RFC 3261 §18, RFC 5626 §3.5.1). */
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer, TLSSocket, type Server as TlsServer } from 'node:tls'
import { ConnectionFlow, type ConnectionOptions, type ConnectionPipe, connectionDefaults } from './connection.ts'
import { Framer, pongs } from './framing.ts'
import { handshakeTime, Listener, remoteOf } from './listener.ts'
import { LocalAddress } from './local-address.ts'
import { acceptOptions, contextOf, Dialling, provenDomains, tlsRefusalOf } from './tls.ts'
import type { HostPort, Transport } from './transport.ts'

/** Without `listen`: connects only. */
type TcpOptions = Omit<ConnectionOptions, 'listen'> & {
  readonly listen?: HostPort
  /** Milliseconds in which a peer that we call has to answer, TLS handshake included; default 5,000. */
  readonly connectWithin?: number
}

/** Of a broken stream: how long, and how many bytes, its end is waited for, so that our answer is read and not reset. */
const lingerFor = 2_000
const lingerBytes = 262_144

function pipeOf(socket: Socket): ConnectionPipe {
  return {
    get open() {
      return socket.writable
    },
    get waiting() {
      return socket.writableLength
    },
    write: (bytes) => socket.write(bytes),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.destroySoon(),
    abort: () => socket.destroy(),
  }
}

/** `name`: the name that the peer's certificate must have. */
function dial({ host, port }: HostPort, tls: Dialling | undefined, name: string): Socket {
  if (tls === undefined) return createConnection({ host, port, noDelay: true, keepAlive: true, allowHalfOpen: true })
  return connectTls({ host, port, ...tls.options(name) })
}

export function tcpTransport(options: TcpOptions): Transport {
  const { sink, connectWithin = 5_000 } = options
  const messageLimit = options.messageLimit ?? connectionDefaults.messageLimit
  const flows = new Set<ConnectionFlow>()
  /** Connections by peer that requests to it may take. An accepted one does not count: its peer's port proves nothing. */
  const callable = new Map<string, ConnectionFlow>()
  const name = options.tls === undefined ? 'TCP' : 'TLS'
  const { limits } = options
  const accept = (socket: Socket): void => {
    const why = options.tls?.requireClient === true ? tlsRefusalOf(socket as TLSSocket) : undefined
    if (why === undefined) return void attach(socket, remoteOf(socket))
    sink.refused?.(name, remoteOf(socket), why)
    socket.on('error', () => undefined) // it is gone
    socket.destroy()
  }
  const secure =
    options.tls &&
    createTlsServer({ noDelay: true, handshakeTimeout: handshakeTime(limits), ...acceptOptions(options.tls) }, accept)
  const dialling = options.tls && new Dialling(options.tls)
  const server: Server | TlsServer = secure ?? createServer({ noDelay: true, keepAlive: true, allowHalfOpen: true }, accept)
  secure?.on('tlsClientError', (_fault, socket) => socket.destroy())
  const listener = new Listener(server, limits)
  /** A connection over TLS is for the names of its certificate, and for nobody else at that address. */
  const keyOf = ({ host, port }: HostPort, asked = host): string =>
    options.tls === undefined || asked === host ? `${host}|${port}` : `${host}|${port}|${asked}`
  const localAddress = new LocalAddress(options.listen ?? { host: '127.0.0.1', port: 0 }, options.addresses, options.advertise)

  function attach(socket: Socket, remote: HostPort, asked?: string): ConnectionFlow {
    const ours = localAddress.of(asked === undefined ? socket.localAddress : undefined, remote.host)
    const flow = new ConnectionFlow(name, pipeOf(socket), ours, remote, options, asked !== undefined, localAddress.sentBy)
    if (options.tls !== undefined && asked !== undefined && asked !== remote.host) flow.askedName = asked
    if (socket instanceof TLSSocket) {
      const prove = (): void => flow.proved(provenDomains(socket), options.isTrusted)
      if (asked === undefined) prove()
      else socket.once('secureConnect', prove)
    }
    const connected = (): void => {
      flow.connecting = false
    }
    if (asked !== undefined) socket.once(options.tls === undefined ? 'connect' : 'secureConnect', connected)
    const key = keyOf(remote, asked)
    flows.add(flow)
    if (flow.dialled || flow.trusted) callable.set(key, flow)
    let completed = false
    let discarded = -1
    const framer = new Framer(
      {
        message: (bytes) => {
          completed = true
          flow.received(bytes)
        },
        ping: (count) => flow.send(pongs(count)),
        tooLong: (why, head) => flow.refused(why, head),
        broken: (why, head) => {
          if (sink.broken === undefined) sink.failed(flow, why)
          else sink.broken(flow, why, head)
          discarded = 0
          socket.end()
          const timer = setTimeout(() => socket.destroy(), lingerFor)
          socket.once('close', () => clearTimeout(timer))
        },
      },
      messageLimit,
    )
    socket.on('data', (chunk: Buffer) => {
      if (discarded >= 0) {
        discarded += chunk.length
        if (discarded > lingerBytes) socket.destroy()
        return
      }
      completed = false
      framer.push(chunk)
      flow.noteReceived(framer.partial, completed)
    })
    socket.on('end', () => flow.ended())
    socket.on('error', (fault) => flow.failed(fault.message))
    socket.on('close', () => {
      flows.delete(flow)
      if (callable.get(key) === flow) callable.delete(key)
      flow.noteClosed()
    })
    return flow
  }

  return {
    name,
    reliable: true,
    get local() {
      return localAddress.local
    },
    get sentBy() {
      return localAddress.sentBy
    },
    listen: async () => {
      if (options.listen !== undefined) localAddress.bound(await listener.listen(options.listen))
    },
    connect: (remote, asked = remote.host) => {
      const standing = callable.get(keyOf(remote, asked))
      if (standing?.open) return standing
      const socket = dial(remote, dialling, asked)
      listener.watch(socket)
      socket.setTimeout(connectWithin, () => socket.destroy(new Error(`no connection within ${connectWithin} ms`)))
      socket.once(dialling === undefined ? 'connect' : 'secureConnect', () => socket.setTimeout(0))
      return attach(socket, remote, asked)
    },
    ...(secure === undefined
      ? {}
      : {
          renew: (material) => {
            dialling?.renew(material)
            secure.setSecureContext(contextOf(material))
          },
        }),
    close: () => {
      for (const flow of flows) flow.close()
      return listener.close()
    },
  }
}
