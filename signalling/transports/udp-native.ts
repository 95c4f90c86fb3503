/**
 * UDP in batches by the native module (signalling/native/udp.c). The layout of `shared` and `queue` there is
 * repeated here. One call in for many datagrams, one system call for all that a turn of the event loop sends. Linux
 * only; absent where it was not built.
 */
import { createRequire } from 'node:module'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { getSystemErrorName } from 'node:util'
import { unwrapped } from '../messages/ipv6.ts'
import type { HostPort } from './transport.ts'
import { type DatagramSocket, type DatagramUser, longestDatagram, type UdpFlow } from './udp-flow.ts'

/** A socket of the module; opaque. */
export interface SocketHandle {
  readonly __handle: unique symbol
}

/** The module. Records are of 8 words: length, offset or errno; length; port; scope; four words of address. */
export interface NativeUdp {
  /** An errno below 0, or the socket; its port is in the scratch record. Throws TypeError on arguments that are none. */
  open(
    host: string,
    port: number,
    ipv6: boolean,
    shared: Int32Array,
    queue: Uint8Array,
    listener: (kind: number, count: number, bytes: Buffer | undefined) => void,
  ): SocketHandle | number
  /** Queued datagrams leave; the listener hears of the end. */
  close(handle: SocketHandle): void
  flush(handle: SocketHandle): void
  /** An address in text to the scratch record; false: it is none of this family. */
  parse(handle: SocketHandle, host: string): boolean
  /** The text of the address in the record that starts at this word. */
  name(handle: SocketHandle, at: number): string
  /**
   * A datagram to a socket of the Unix domain, by path, or by abstract name after @. 0 once it is sent, else an errno below 0.
   * Left out: the module is older than that.
   */
  sendUnix?(name: string, bytes: Uint8Array): number
}

const batch = 64
const queuedAtMost = 512
const failuresAtMost = 8
const room = 1
const unread = 2
const scratch = 8
const received = 16
const queued = received + 8 * batch
const failed = queued + 8 * queuedAtMost
const words = failed + 8 * failuresAtMost
const queueSize = 256 * 1024 // bytes; a datagram longer than the rest goes after a flush
const remembered = 8192 // flows found again by their address; a power of two

const require = createRequire(import.meta.url)
const defaultModule = join(import.meta.dirname, '../native/udp.node')

/** The module, or why it cannot be used. */
export function loadNative(file = defaultModule): NativeUdp | string {
  try {
    return require(file) as NativeUdp
  } catch (error) {
    return (error as { code?: string }).code === 'MODULE_NOT_FOUND' ? 'not built on this machine' : String(error)
  }
}

export class NativeSocket implements DatagramSocket {
  readonly kind = 'native'
  private readonly shared = new Int32Array(words)
  private readonly queue = new Uint8Array(queueSize)
  private readonly table: (UdpFlow | undefined)[] = new Array<UdpFlow | undefined>(remembered).fill(undefined)
  private readonly longest: number
  private handle: SocketHandle | undefined
  private used = 0
  private closed: (() => void) | undefined
  private readonly native: NativeUdp
  private readonly listen: HostPort
  private readonly user: DatagramUser
  constructor(native: NativeUdp, listen: HostPort, user: DatagramUser) {
    this.native = native
    this.listen = listen
    this.user = user
    this.longest = isIPv6(listen.host) ? longestDatagram.v6 : longestDatagram.v4
    this.shared[room] = -1
  }

  async bind(): Promise<number> {
    const { host, port } = this.listen
    const opened = this.native.open(host, port, isIPv6(host), this.shared, this.queue, this.onEvent)
    if (typeof opened === 'number') throw bindError(opened, host, port)
    this.handle = opened
    return this.shared[scratch]!
  }
  send(bytes: Uint8Array, flow: UdpFlow): boolean {
    const { length } = bytes
    const why = this.refusal(length, flow) ?? this.makeRoom(length)
    if (why !== undefined) {
      this.user.failed(flow, why)
      return false
    }
    const { shared, used } = this
    const count = shared[0]!
    const at = queued + 8 * count
    this.queue.set(bytes, used)
    shared[at] = used
    shared[at + 1] = length
    shared[at + 2] = flow.remote.port
    shared[at + 3] = flow.scope
    shared[at + 4] = flow.a0
    shared[at + 5] = flow.a1
    shared[at + 6] = flow.a2
    shared[at + 7] = flow.a3
    shared[0] = count + 1
    this.used = used + length
    return true
  }
  ration(newRequests: number): number {
    const { shared } = this
    const count = shared[unread]!
    shared[unread] = 0
    shared[room] = newRequests === Infinity ? -1 : Math.min(Math.max(0, newRequests), 2 ** 31 - 1)
    return count
  }
  close(): Promise<void> {
    const { handle } = this
    this.handle = undefined
    if (handle === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      this.closed = resolve
      this.native.close(handle)
    })
  }

  private refusal(length: number, flow: UdpFlow): string | undefined {
    if (this.handle === undefined) return 'the socket is closed'
    if (length > this.longest) return 'EMSGSIZE: longer than a datagram can be'
    return flow.known || this.learn(flow) ? undefined : 'no address and port of this family'
  }
  /** Why there is none in the queue; the module empties it at the end of each turn, and when it is full. */
  private makeRoom(length: number): string | undefined {
    const count = this.shared[0]!
    if (count === 0) this.used = 0
    if (count < queuedAtMost && this.used + length <= queueSize) return undefined
    this.native.flush(this.handle!)
    if (this.shared[0] !== 0) return 'the system has no room for more' // it was EAGAIN: waiting datagrams go first
    this.used = 0
    return undefined
  }
  private learn(flow: UdpFlow): boolean {
    const { host, port } = flow.remote
    if (!(port > 0 && port < 65_536) || !this.native.parse(this.handle!, host)) return false
    this.setAddress(flow, scratch)
    return true
  }
  private setAddress(flow: UdpFlow, at: number): void {
    const { shared } = this
    flow.scope = shared[at + 3]!
    flow.a0 = shared[at + 4]!
    flow.a1 = shared[at + 5]!
    flow.a2 = shared[at + 6]!
    flow.a3 = shared[at + 7]!
    flow.known = true
  }

  /** Called by the module. */
  private readonly onEvent = (kind: number, count: number, bytes: Buffer | undefined): void => {
    if (kind === 0) this.deliver(bytes!, count)
    else if (kind === 1) this.tellFailures(count)
    else if (kind === 3) this.tellUnreachable(bytes!)
    else this.closed?.()
  }
  private deliver(all: Buffer, count: number): void {
    const { shared, user } = this
    let from = 0
    for (let i = 0; i < count && this.handle !== undefined; i++) {
      const at = received + 8 * i
      const to = from + shared[at]!
      const bytes = all.subarray(from, to)
      from = to
      if (shared[at + 2] === 0) continue // nobody can answer port 0
      try {
        user.received(bytes, this.flowAt(at))
      } catch (fault) {
        process.nextTick(raise, fault)
      }
    }
  }
  private flowAt(at: number): UdpFlow {
    const { shared, table } = this
    const port = shared[at + 2]!
    const scope = shared[at + 3]!
    const a0 = shared[at + 4]!
    const a1 = shared[at + 5]!
    const a2 = shared[at + 6]!
    const a3 = shared[at + 7]!
    const mixed = Math.imul(a0 ^ Math.imul(a1 ^ a2, 31) ^ Math.imul(a3, 17) ^ Math.imul(port, 0x9e3779b1), 0x85ebca6b)
    const place = (mixed ^ (mixed >>> 15)) & (remembered - 1)
    const found = table[place]
    if (
      found !== undefined &&
      found.a0 === a0 &&
      found.remote.port === port &&
      found.a3 === a3 &&
      found.a1 === a1 &&
      found.a2 === a2 &&
      found.scope === scope
    )
      return found
    const flow = this.user.flowTo(this.hostAt(at), port)
    this.setAddress(flow, at)
    table[place] = flow
    return flow
  }
  private hostAt(at: number): string {
    return unwrapped(this.native.name(this.handle!, at))
  }
  private tellUnreachable(quoted: Buffer): void {
    try {
      this.user.unreachable?.(quoted)
    } catch (fault) {
      process.nextTick(raise, fault)
    }
  }
  private tellFailures(count: number): void {
    for (let i = 0; i < count && this.handle !== undefined; i++) {
      const at = failed + 8 * i
      const why = getSystemErrorName(-this.shared[at]!)
      this.user.failed(this.user.flowTo(this.hostAt(at), this.shared[at + 2]!), why)
    }
  }
}

/** The sink of any fault in a callback. */
function raise(fault: unknown): void {
  throw fault
}

/** As `dgram` has it. */
function bindError(errno: number, address: string, port: number): Error {
  const code = getSystemErrorName(errno)
  return Object.assign(new Error(`bind ${code} ${address}:${port}`), { code, errno, syscall: 'bind', address, port })
}
