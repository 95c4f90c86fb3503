/** SIP over WebSocket (RFC 7118): one message a frame, subprotocol `sip`. Serves only; UEs bring their own client. */
import { isUtf8 } from 'node:buffer'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type PerMessageDeflateOptions, type WebSocket, WebSocketServer } from 'ws'
import type { TransportName } from '../capture/tap.ts'
import { ConnectionFlow, type ConnectionOptions, type ConnectionPipe, connectionDefaults } from './connection.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import { handshakeTime, Listener, remoteOf } from './listener.ts'
import { LocalAddress } from './local-address.ts'
import { contextOf } from './tls.ts'
import type { Flow, HostPort, Transport } from './transport.ts'
import { WebSocketFrames } from './ws-frames.ts'

const ping = '\r\n\r\n' // RFC 5626 §3.5.1
const pong = Buffer.from('\r\n')
const full = 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

/**
 * RFC 7692 with memory bounded: a window of 1 KiB for our messages, nothing kept from message to message, and short messages
 * as they are. `maxPayload` bounds the inflated size of a message.
 */
const compression: PerMessageDeflateOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 10,
  clientMaxWindowBits: 10,
  zlibDeflateOptions: { level: 3, memLevel: 4 },
  threshold: 700,
  concurrencyLimit: 4,
}

/**
 * Refuses a message that is too long, and the connection stays; a far longer one ends it before all of that is held. A frame
 * is held whole, so with many connections a newcomer gets less of one read, down to `refusedFactor` messages.
 */
const refusedFactor = 3
const heardAtMost = 1024 * 1024
const heldTogether = 64 * 1024 * 1024

/** Frames of one message, and reads of one frame: each is held apart, with a hundred bytes of its own. */
const pieces = { maxFragments: 1024, maxBufferedChunks: 4096 }

/** Its header; undefined: it is no SIP message. */
function headOf(bytes: Buffer): Buffer | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  const line = bytes.toString('latin1', 0, bytes.indexOf('\r\n'))
  return end >= 0 && / SIP\/2\.0$/.test(line) ? bytes.subarray(0, end + 4) : undefined
}

function pipeOf(socket: WebSocket): ConnectionPipe {
  return {
    get open() {
      return socket.readyState === socket.OPEN
    },
    get waiting() {
      return socket.bufferedAmount
    },
    // Text frames, as browsers' SIP stacks expect; one that is no UTF-8 would end the connection (RFC 6455 §8.1, RFC 7118 §4.2).
    write: (bytes) => socket.send(bytes, { binary: !isUtf8(bytes) }),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.close(1001),
    abort: () => socket.terminate(),
  }
}

export function wsTransport(options: ConnectionOptions): Transport {
  const { sink, messageLimit = connectionDefaults.messageLimit } = options
  const flows = new Set<ConnectionFlow>()
  const least = messageLimit * refusedFactor
  const bytesHeard = (): number => Math.max(least, Math.min(heardAtMost, Math.floor(heldTogether / (flows.size + 1))))
  const localAddress = new LocalAddress(options.listen, options.addresses, options.advertise)
  const name = options.tls === undefined ? 'WS' : 'WSS'
  const refer = (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(426, { 'content-type': 'text/plain', upgrade: 'websocket', connection: 'close' })
    response.end('This port speaks SIP over WebSocket (RFC 7118): connect with subprotocol "sip".\n')
  }
  const { limits } = options
  const within = handshakeTime(limits)
  const patience = { headersTimeout: within, requestTimeout: within, connectionsCheckingInterval: 1000 }
  const secure = options.tls && createSecureServer({ ...contextOf(options.tls), ...patience, handshakeTimeout: within }, refer)
  const http = secure ?? createServer(patience, refer)
  const listener = new Listener(http, limits, secure === undefined ? full : '')
  const server = new WebSocketServer({
    server: http,
    maxPayload: bytesHeard(),
    ...pieces,
    perMessageDeflate: compressionOf(limits),
    handleProtocols: (offered) => (offered.has('sip') ? 'sip' : false),
    verifyClient: ({ req }: { req: IncomingMessage }, decide: (taken: boolean, code?: number, text?: string) => void) =>
      decide(/(^|[\s,])sip($|[\s,])/.test(String(req.headers['sec-websocket-protocol'])), 400, 'Subprotocol sip expected'),
  })
  server.on('connection', (socket, request) => {
    const remote = remoteOf(request.socket)
    const ours = localAddress.of(request.socket.localAddress, remote.host)
    const flow = new ConnectionFlow(name, pipeOf(socket), ours, remote, options, false, localAddress.sentBy)
    flows.add(flow)
    server.options.maxPayload = bytesHeard()
    const frames = new WebSocketFrames()
    request.socket.on('data', (bytes: Buffer) => {
      const before = frames.messages
      frames.read(bytes)
      flow.noteReceived(frames.partial, frames.messages > before)
    })
    socket.on('message', (data) => {
      const bytes = Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
      if (bytes.length > messageLimit) {
        const head = headOf(bytes)
        if (head === undefined || head.length > least) {
          socket.close(1009) // RFC 6455 §7.4.1
          request.socket.end() // its answer is not waited for: who sends such things may never give one
        } else flow.refused(`a message of more than ${messageLimit} bytes`, head)
      } else if (bytes.length > 4) flow.received(bytes)
      else if (bytes.toString('latin1') === ping) flow.send(pong)
    })
    socket.on('error', (fault) => sink.failed(flow, fault.message))
    socket.on('close', () => {
      flows.delete(flow)
      server.options.maxPayload = bytesHeard()
      flow.noteClosed()
    })
  })
  server.on('error', () => undefined) // listen errors reach the http server's own listener

  return {
    name,
    reliable: true,
    get local() {
      return localAddress.local
    },
    get sentBy() {
      return localAddress.sentBy
    },
    listen: async () => localAddress.bound(await listener.listen(options.listen)),
    connect: (remote) => {
      // a caller from that port may be anybody at its address
      for (const flow of flows)
        if (flow.trusted && flow.remote.port === remote.port && flow.remote.host === remote.host) return flow
      return new ClosedFlow(name, localAddress.towards(remote.host), remote)
    },
    limit: () => {
      const now = handshakeTime(limits)
      Object.assign(http, { headersTimeout: now, requestTimeout: now })
      server.options.perMessageDeflate = compressionOf(limits)
    },
    ...(secure === undefined ? {} : { renew: (material) => secure.setSecureContext(contextOf(material)) }),
    close: () => {
      for (const flow of flows) flow.close()
      server.close()
      const closed = listener.close()
      http.closeAllConnections()
      return closed
    },
  }
}

function compressionOf(limits: ConnectionLimits | undefined): PerMessageDeflateOptions | false {
  return limits?.limits.compress === true ? compression : false
}

/** The stand-in of a WebSocket peer that is gone: only it can connect again. */
export class ClosedFlow implements Flow {
  readonly id = 'closed'
  readonly transport: TransportName
  readonly reliable = true
  readonly trusted = false
  readonly open = false
  readonly local: HostPort
  readonly remote: HostPort
  identity: string | undefined = undefined
  constructor(transport: TransportName, local: HostPort, remote: HostPort) {
    this.transport = transport
    this.local = local
    this.remote = remote
  }
  send(): boolean {
    return false
  }
  close(): void {}
}
