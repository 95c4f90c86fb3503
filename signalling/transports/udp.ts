/** UDP. A flow is a peer's address and port on one of our sockets; responses go back on it (RFC 3581). */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Flow, HostPort, Transport, TransportSink } from './transport.ts'

export interface UdpOptions {
  readonly listen: HostPort
  readonly sink: TransportSink
  readonly isTrusted: (host: string) => boolean
  /** Peers remembered at most; the one met longest ago is forgotten first. */
  readonly flows?: number
}

const receiveBuffer = 8 * 1024 * 1024

class UdpFlow implements Flow {
  readonly id: string
  readonly transport = 'UDP'
  readonly reliable = false
  readonly local: HostPort
  readonly remote: HostPort
  readonly trusted: boolean
  readonly open = true
  identity: string | undefined = undefined
  private readonly socket: Socket
  private readonly failed: (flow: Flow, why: string) => void
  constructor(socket: Socket, local: HostPort, remote: HostPort, trusted: boolean, failed: (flow: Flow, why: string) => void) {
    this.id = `udp-${remote.host}-${remote.port}-${local.port}`
    this.socket = socket
    this.local = local
    this.remote = remote
    this.trusted = trusted
    this.failed = failed
  }
  send(bytes: Uint8Array): boolean {
    try {
      this.socket.send(bytes, 0, bytes.length, this.remote.port, this.remote.host)
    } catch (fault) {
      this.failed(this, String(fault)) // a port of 0, a host that is no address, a closed socket
      return false
    }
    return true
  }
  close(): void {} // datagrams have nothing to close
}

/** Addresses come as numbers already: the resolver is not asked (PERFORMANCE.md §The floor in Node). */
function asIs(host: string, _options: unknown, done: (error: null, address: string, family: number) => void): void {
  done(null, host, host.includes(':') ? 6 : 4)
}

export function udpTransport(options: UdpOptions): Transport {
  const { sink, isTrusted } = options
  const limit = options.flows ?? 200_000
  const flows = new Map<string, UdpFlow>()
  const socket = createSocket({ type: isIPv6(options.listen.host) ? 'udp6' : 'udp4', lookup: asIs as never })
  let local = options.listen
  let last: UdpFlow | undefined

  function flowTo(host: string, port: number): UdpFlow {
    if (last !== undefined && last.remote.port === port && last.remote.host === host) return last
    const key = `${host}|${port}`
    let flow = flows.get(key)
    if (flow === undefined) {
      flow = new UdpFlow(socket, local, { host, port }, isTrusted(host), sink.failed)
      flows.set(key, flow)
      if (flows.size > limit) flows.delete(flows.keys().next().value!)
    }
    last = flow
    return flow
  }
  function onMessage(bytes: Buffer, from: RemoteInfo): void {
    if (from.port !== 0) sink.received(bytes, flowTo(from.address, from.port))
  }

  return {
    name: 'UDP',
    reliable: false,
    get local() {
      return local
    },
    listen: () =>
      new Promise((resolve, reject) => {
        socket.once('error', reject)
        socket.bind({ port: options.listen.port, address: options.listen.host }, () => {
          socket.off('error', reject)
          socket.on('error', (fault) => sink.failed(flowTo(local.host, local.port), String(fault)))
          socket.on('message', onMessage)
          local = { host: options.listen.host, port: socket.address().port }
          socket.setRecvBufferSize(receiveBuffer)
          socket.setSendBufferSize(receiveBuffer)
          resolve()
        })
      }),
    connect: (remote) => flowTo(remote.host, remote.port),
    close: () =>
      new Promise((resolve) => {
        flows.clear()
        socket.close(() => resolve())
      }),
  }
}
