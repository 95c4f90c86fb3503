/** UDP: flows by peer, over `dgram` or the native module. */
import { ProximaFault } from '../errors.ts'
import { LagProbe } from './lag.ts'
import { LocalAddress } from './local-address.ts'
import type { MachineAddresses } from './machine-addresses.ts'
import type { HostPort, Transport, TransportSink } from './transport.ts'
import { dgramSocket } from './udp-dgram.ts'
import { type DatagramSocket, type DatagramUser, UdpFlow } from './udp-flow.ts'
import { loadNative, NativeSocket } from './udp-native.ts'

/** Implementation of UDP; `auto`: the native module where it can be loaded. */
export type UdpKind = 'auto' | 'native' | 'dgram'

interface UdpOptions {
  readonly listen: HostPort
  readonly sink: TransportSink
  readonly isTrusted: (host: string, port: number) => boolean
  /** Left out: this machine. */
  readonly addresses?: MachineAddresses
  /** See `Flow.sentBy`; port 0: that of the socket. */
  readonly advertise?: HostPort | undefined
  /** Peers remembered at most; the one met longest ago is forgotten first. */
  readonly flows?: number
  /** ICMP says that a datagram of ours found nobody: the beginning of it, at times a few bytes. The native module alone hears of it. */
  readonly unreachable?: (quoted: Buffer) => void
  readonly kind?: UdpKind
  /** The native module, if it is not the usual one. */
  readonly file?: string
}

/** The address at which a socket that listens everywhere reaches itself. */
const anyHost: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
])

/** The implementation that `auto` chooses here, and the reason if it is not the module. */
export function udpKind(kind: UdpKind = 'auto', file?: string): { readonly kind: 'native' | 'dgram'; readonly why?: string } {
  if (kind === 'dgram') return { kind }
  const native = loadNative(file)
  if (typeof native !== 'string') return { kind: 'native' }
  return { kind: 'dgram', why: native }
}

/** Throws ProximaFault NO_NATIVE where `kind` is `native` and the module cannot be loaded. */
export function udpTransport(options: UdpOptions): Transport {
  const { sink, isTrusted, listen, kind = 'auto' } = options
  const limit = options.flows ?? 200_000
  const flows = new Map<string, UdpFlow>()
  const localAddress = new LocalAddress(listen, options.addresses, options.advertise)
  let last: UdpFlow | undefined

  function flowTo(host: string, port: number): UdpFlow {
    if (last !== undefined && last.remote.port === port && last.remote.host === host) return last
    const key = `${host}|${port}`
    let flow = flows.get(key)
    if (flow === undefined) {
      flow = new UdpFlow(socket, localAddress, { host, port }, isTrusted(host, port))
      flows.set(key, flow)
      if (flows.size > limit) forget(flows.entries().next().value!)
    }
    last = flow
    return flow
  }
  /** Anybody but ourselves: a probe that we did not know again would count as lost, and we as overloaded, for ever. */
  function forget([key, flow]: readonly [string, UdpFlow]): void {
    flows.delete(key)
    if (flow === ownFlow) flows.set(key, flow)
  }
  const user: DatagramUser = {
    received: (bytes, flow) => {
      if (flow === ownFlow && probe.takes(bytes)) return
      sink.received(bytes, flow)
    },
    flowTo,
    ...(options.unreachable === undefined ? {} : { unreachable: options.unreachable }),
    failed: (flow, why) => sink.failed(flow ?? flowTo(localAddress.local.host, localAddress.local.port), why),
  }
  /** Ourselves, once our lag is asked for. */
  let ownFlow: UdpFlow | undefined
  const probe = new LagProbe((bytes) => {
    ownFlow ??= flowTo(anyHost.get(listen.host) ?? listen.host, localAddress.local.port)
    ownFlow.send(bytes)
  })
  const socket = open(kind, options.file, listen, user)

  return {
    name: 'UDP',
    reliable: false,
    get local() {
      return localAddress.local
    },
    get sentBy() {
      return localAddress.sentBy
    },
    listen: async () => localAddress.bound({ host: listen.host, port: await socket.bind() }),
    connect: (remote) => flowTo(remote.host, remote.port),
    moved: () => {
      for (const flow of flows.values()) flow.moved()
    },
    lag: () => probe.read(),
    ration: (newRequests) => socket.ration?.(newRequests) ?? 0,
    close: () => {
      flows.clear()
      return socket.close()
    },
  }
}

function open(kind: UdpKind, file: string | undefined, listen: HostPort, user: DatagramUser): DatagramSocket {
  const native = kind === 'dgram' ? 'not asked for' : loadNative(file)
  if (typeof native !== 'string') return new NativeSocket(native, listen, user)
  if (kind === 'native') throw new ProximaFault('NO_NATIVE', native)
  return dgramSocket(listen, user)
}
