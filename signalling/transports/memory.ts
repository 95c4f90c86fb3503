/** A network in memory: datagrams between named hosts, with delay, loss, reordering and partition, in the clock's time. */
import type { Clock } from '../clock.ts'
import { LocalAddress } from './local-address.ts'
import { isAnyHost, type MachineAddresses } from './machine-addresses.ts'
import type { OpenMediaSocket } from './media-socket.ts'
import type { Flow, HostPort, Transport, TransportSink } from './transport.ts'
import { longestDatagram } from './udp-flow.ts'

/** The fate of one datagram. `delay` in milliseconds; several delays duplicate it; none loses it. */
type DatagramFate = (from: HostPort, to: HostPort, bytes: Uint8Array) => readonly number[]

export interface MemoryOptions {
  readonly listen: HostPort
  readonly sink: TransportSink
  readonly isTrusted: (host: string, port: number) => boolean
  /** Addresses of the host, where it listens on any. */
  readonly addresses?: MachineAddresses
  readonly advertise?: HostPort | undefined
}

/** One network; its hosts see each other and nothing else. */
export class MemoryNetwork {
  /** Decides about every datagram; replace it to lose, delay, reorder or repeat. */
  fate: DatagramFate = () => [1]
  /** Datagrams handed to the network so far, delivered or not. */
  sent = 0
  private readonly clock: Clock
  /** Hosts that have every address nobody else has, by port. */
  private readonly anywhere = new Map<number, (bytes: Buffer, from: HostPort) => void>()
  private readonly hosts = new Map<string, (bytes: Buffer, from: HostPort) => void>()
  private readonly parted = new Set<string>()

  constructor(clock: Clock) {
    this.clock = clock
  }
  /** Cuts both ways between two hosts until `heal`. */
  part(a: string, b: string): void {
    this.parted.add(`${a}|${b}`).add(`${b}|${a}`)
  }
  heal(): void {
    this.parted.clear()
  }
  carry(from: HostPort, to: HostPort, bytes: Uint8Array): void {
    this.sent++
    if (this.parted.has(`${from.host}|${to.host}`)) return
    const copy = Buffer.from(bytes)
    for (const delay of this.fate(from, to, copy)) {
      this.clock.after(delay, () => (this.hosts.get(`${to.host}|${to.port}`) ?? this.anywhere.get(to.port))?.(copy, from))
    }
  }
  /** Sockets of sessions at that host, each at the next port. */
  mediaSockets(host: string, firstPort = 40_000): OpenMediaSocket {
    let port = firstPort
    return async (received) => {
      const here = { host, port: port++ }
      const transport = this.transport({
        listen: here,
        isTrusted: () => false,
        sink: { received: (bytes, flow) => received(bytes, flow.remote), closed: () => undefined, failed: () => undefined },
      })
      await transport.listen()
      return {
        hosts: [here],
        send: (bytes, to) => void transport.connect(to).send(bytes),
        close: () => void transport.close(),
      }
    }
  }
  transport(options: MemoryOptions): Transport {
    const { sink, listen } = options
    const localAddress = new LocalAddress(listen, options.addresses, options.advertise)
    const flows = new Map<string, MemoryFlow>()
    const flowTo = (remote: HostPort): MemoryFlow => {
      const key = `${remote.host}|${remote.port}`
      let flow = flows.get(key)
      if (flow === undefined)
        flows.set(key, (flow = new MemoryFlow(this, localAddress, remote, options.isTrusted(remote.host, remote.port))))
      return flow
    }
    const key = `${listen.host}|${listen.port}`
    return {
      name: 'MEM',
      reliable: false,
      local: listen,
      sentBy: localAddress.sentBy,
      listen: async () => {
        if (this.hosts.has(key)) throw new Error(`${listen.host}:${listen.port} is in use`)
        const receive = (bytes: Buffer, from: HostPort): void => sink.received(bytes, flowTo(from))
        this.hosts.set(key, receive)
        if (isAnyHost(listen.host)) this.anywhere.set(listen.port, receive)
      },
      connect: flowTo,
      close: async () => {
        this.hosts.delete(key)
        if (isAnyHost(listen.host)) this.anywhere.delete(listen.port)
      },
    }
  }
}

class MemoryFlow implements Flow {
  readonly id: string
  readonly transport = 'MEM'
  readonly reliable = false
  readonly local: HostPort
  readonly sentBy: HostPort | undefined
  readonly remote: HostPort
  readonly trusted: boolean
  readonly open = true
  readonly longest = longestDatagram.v4
  identity: string | undefined = undefined
  private readonly network: MemoryNetwork
  constructor(network: MemoryNetwork, localAddress: LocalAddress, remote: HostPort, trusted: boolean) {
    this.id = `mem-${remote.host}-${remote.port}-${localAddress.local.port}`
    this.network = network
    this.local = localAddress.towards(remote.host)
    this.sentBy = localAddress.sentBy
    this.remote = remote
    this.trusted = trusted
  }
  send(bytes: Uint8Array): boolean {
    if (bytes.length > this.longest) return false
    this.network.carry(this.local, this.remote, bytes)
    return true
  }
  close(): void {}
}
