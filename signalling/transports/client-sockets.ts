/** The client's end of UDP, TCP and WebSocket, for user agents that bring a SIP stack of their own: one way to one server. */
import { createSocket } from 'node:dgram'
import { createConnection, isIPv6 } from 'node:net'
import { WebSocket } from 'ws'
import { Framer, pongs } from './framing.ts'
import type { Flow, HostPort } from './transport.ts'

/** The listener of a way; it gets whole messages only. */
export interface PortListener {
  received(bytes: Buffer): void
  /** The way is gone; told once, after which nothing comes. */
  closed(why: string): void
  /** A message did not arrive, but the way stands: ICMP says that nobody listens there. */
  refused(why: string): void
}

const messageLimit = 65_535
const patience = 5_000 // milliseconds until an attempt to connect is given up

/** `local` is known once it stands; a flow handed out is open. */
class ClientFlow implements Flow {
  readonly id: string
  readonly transport
  readonly reliable: boolean
  readonly local: HostPort
  readonly remote: HostPort
  readonly trusted = false
  identity: string | undefined = undefined
  open = true
  private readonly write: (bytes: Uint8Array) => void
  private readonly end: () => void
  constructor(
    transport: 'UDP' | 'TCP' | 'WS',
    local: HostPort,
    remote: HostPort,
    write: (bytes: Uint8Array) => void,
    end: () => void,
  ) {
    this.id = `${transport.toLowerCase()}-${local.port}-${remote.port}`
    this.transport = transport
    this.reliable = transport !== 'UDP'
    this.local = local
    this.remote = remote
    this.write = write
    this.end = end
  }
  send(bytes: Uint8Array): boolean {
    if (this.open) this.write(bytes)
    return this.open
  }
  /** The way is gone. False: it was closed before. */
  markClosed(): boolean {
    const was = this.open
    this.open = false
    return was
  }
  close(): void {
    if (this.markClosed()) this.end()
  }
}

/** A socket of its own, connected so that it hears of refusals and of nobody but the server. Rejects where there is no way. */
export function openUdp(server: HostPort, listener: PortListener): Promise<Flow> {
  const socket = createSocket({ type: isIPv6(server.host) ? 'udp6' : 'udp4' })
  return new Promise((resolve, reject) => {
    let flow: ClientFlow | undefined
    socket.on('error', (fault) => {
      if (flow !== undefined) return listener.refused(fault.message)
      socket.close()
      reject(fault)
    })
    socket.on('message', (bytes) => listener.received(bytes))
    socket.connect(server.port, server.host, () => {
      const { address, port } = socket.address()
      const write = (bytes: Uint8Array): void => socket.send(bytes, (fault) => fault && listener.refused(fault.message))
      flow = new ClientFlow('UDP', { host: address, port }, server, write, () => socket.close())
      resolve(flow)
    })
  })
}

/** A connection, cut into messages; answers and swallows keep-alives. Rejects where nobody accepts. */
export function openTcp(server: HostPort, listener: PortListener): Promise<Flow> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: server.host, port: server.port, noDelay: true, keepAlive: true })
    let flow: ClientFlow | undefined
    let why = 'the server closed the connection'
    const framer = new Framer(
      {
        message: (bytes) => listener.received(bytes),
        ping: (count) => socket.write(pongs(count)),
        broken: (fault) => socket.destroy(new Error(fault)),
      },
      messageLimit,
    )
    socket.setTimeout(patience, () => {
      if (socket.connecting) socket.destroy(new Error(`no connection within ${patience} ms`))
    })
    socket.on('data', (chunk: Buffer) => framer.push(chunk))
    socket.on('error', (fault) => {
      why = fault.message
    })
    socket.on('close', () => {
      if (flow === undefined) reject(new Error(why))
      else if (flow.markClosed()) listener.closed(why)
    })
    socket.on('connect', () => {
      const local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 }
      flow = new ClientFlow(
        'TCP',
        local,
        server,
        (bytes) => socket.write(bytes),
        () => socket.destroySoon(),
      ) // prettier-ignore
      resolve(flow)
    })
  })
}

/** A WebSocket with subprotocol `sip` (RFC 7118), text frames. Rejects where nobody accepts. */
export function openWs(server: HostPort, listener: PortListener): Promise<Flow> {
  const host = isIPv6(server.host) ? `[${server.host}]` : server.host
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${host}:${server.port}`, 'sip', {
      perMessageDeflate: false,
      handshakeTimeout: patience,
      maxPayload: messageLimit,
    })
    let flow: ClientFlow | undefined
    let why = 'the server closed the connection'
    let local: HostPort = { host: '', port: 0 }
    socket.on('upgrade', (response) => {
      local = { host: response.socket.localAddress ?? '', port: response.socket.localPort ?? 0 }
    })
    socket.on('message', (data) => {
      const bytes = Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
      if (bytes.length > 4 || bytes.toString('latin1').trim() !== '') listener.received(bytes)
    })
    socket.on('error', (fault) => {
      why = fault.message
    })
    socket.on('close', () => {
      if (flow === undefined) reject(new Error(why))
      else if (flow.markClosed()) listener.closed(why)
    })
    socket.on('open', () => {
      const write = (bytes: Uint8Array): void => socket.send(bytes, { binary: false })
      flow = new ClientFlow('WS', local, server, write, () => socket.close(1000))
      resolve(flow)
    })
  })
}
