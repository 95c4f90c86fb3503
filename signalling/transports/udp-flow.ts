/** A UDP flow: a peer's address and port on one of our sockets; responses go back on it (RFC 3581). */
import type { LocalAddress } from './local-address.ts'
import type { Flow, HostPort } from './transport.ts'

/** The socket of a datagram transport: Node's `dgram`, or the native module. */
export interface DatagramSocket {
  /** Its name in the log. */
  readonly kind: 'dgram' | 'native'
  /** Resolves with the port; rejects with a system error such as EADDRINUSE. */
  bind(): Promise<number>
  /** Queues the bytes and never throws. False: told to `failed`, nothing was taken. */
  send(bytes: Uint8Array, flow: UdpFlow): boolean
  /** See `Transport.ration`. */
  ration?(newRequests: number): number
  /** Queued datagrams are sent first. */
  close(): Promise<void>
}

/** The user of a datagram socket. `received` may throw: datagrams behind it are delivered all the same. */
export interface DatagramUser {
  received(bytes: Buffer, flow: UdpFlow): void
  /** The one flow to that address and port; host in the form that the kernel has for it. */
  flowTo(host: string, port: number): UdpFlow
  failed(flow: UdpFlow | undefined, why: string): void
  /** ICMP says that a datagram of ours found nobody; the beginning of it, as far as it was quoted. */
  unreachable?(quoted: Buffer): void
}

/** The longest datagram that IPv4 and IPv6 can carry, in bytes. */
export const longestDatagram = { v4: 65_507, v6: 65_527 } as const

export class UdpFlow implements Flow {
  readonly id: string
  readonly transport = 'UDP'
  readonly reliable = false
  readonly remote: HostPort
  readonly trusted: boolean
  readonly open = true
  readonly longest: number
  proven = false
  repeated = 0
  identity: string | undefined = undefined
  /** Its host is an address. The native module has it as scope and four words, of which the first stands for IPv4. */
  known = false
  scope = 0
  a0 = 0
  a1 = 0
  a2 = 0
  a3 = 0
  private readonly socket: DatagramSocket
  private readonly localAddress: LocalAddress
  private place: HostPort | undefined = undefined
  constructor(socket: DatagramSocket, localAddress: LocalAddress, remote: HostPort, trusted: boolean) {
    this.id = `udp-${remote.host}-${remote.port}-${localAddress.local.port}`
    this.socket = socket
    this.localAddress = localAddress
    this.remote = remote
    this.trusted = trusted
    this.longest = remote.host.includes(':') ? longestDatagram.v6 : longestDatagram.v4
  }
  /** Found out when it is first written: a flood of strangers costs nothing. */
  get local(): HostPort {
    return (this.place ??= this.localAddress.towards(this.remote.host))
  }
  get sentBy(): HostPort | undefined {
    return this.localAddress.sentBy
  }
  /** The addresses of this machine are others now. */
  moved(): void {
    this.place = undefined
  }
  send(bytes: Uint8Array): boolean {
    return this.socket.send(bytes, this)
  }
  close(): void {} // datagrams have nothing to close
}
