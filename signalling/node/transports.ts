/** Transports of a node, made from its options; nothing is opened yet. */

import { ProximaFault } from '../errors.ts'
import { printHostPort } from '../messages/uri.ts'
import type { ConnectionLimits } from '../transports/connection-limits.ts'
import type { MachineAddresses } from '../transports/machine-addresses.ts'
import { tcpTransport } from '../transports/tcp.ts'
import type { Transport, TransportSink } from '../transports/transport.ts'
import { udpTransport } from '../transports/udp.ts'
import { wsTransport } from '../transports/ws.ts'
import type { ListeningOptions, NodeOptions } from './options.ts'

interface TransportParts {
  readonly options: NodeOptions
  readonly sink: TransportSink
  readonly addresses: MachineAddresses
  readonly connectionLimits: ConnectionLimits
  /** Address and port of other nodes of the network. */
  readonly otherNodes: { has(place: string): boolean }
  readonly trusted: ReadonlySet<string>
  readonly unreachable: (quoted: Buffer) => void
}

/** Throws TypeError where an option is missing that an address needs. */
export function makeTransports(parts: TransportParts): Transport[] {
  return parts.options.listen.map((listen) => opening(listen, parts))
}

function opening(listen: ListeningOptions, parts: TransportParts): Transport {
  const { options, sink, addresses, connectionLimits, otherNodes, trusted, unreachable } = parts
  const { advertise } = listen
  const common = { listen, advertise, addresses, sink, isTrusted: (host: string): boolean => trusted.has(host) }
  // a node of our network is known by where its datagrams come from; its connections come from anywhere
  const isTrusted = (host: string, port: number): boolean => trusted.has(host) || otherNodes.has(`${host}:${port}`)
  if (listen.transport === 'UDP') return udpTransport({ ...common, isTrusted, kind: options.udp ?? 'auto', unreachable })
  const stream = { ...common, newId: (): string => options.ids.token(12), limits: connectionLimits }
  if (listen.transport === 'TCP') return tcpTransport(stream)
  if (listen.transport === 'WS') return wsTransport(stream)
  if (listen.transport === 'TLS' || listen.transport === 'WSS') {
    if (options.tls === undefined) throw new TypeError(`${listen.transport} needs the option tls`)
    const secure = { ...stream, tls: options.tls }
    return listen.transport === 'TLS' ? tcpTransport(secure) : wsTransport(secure)
  }
  if (options.network === undefined) throw new TypeError('MEM needs the option network')
  return options.network.transport({ ...common, isTrusted })
}

/** ProximaFault IN_USE where another has the port; any other fault as it is. */
export function listenFault(fault: unknown, listen: ListeningOptions): unknown {
  const { code } = fault as { readonly code?: string }
  return code === 'EADDRINUSE' ? new ProximaFault('IN_USE', `${listen.transport} ${printHostPort(listen)}`, fault) : fault
}

/** Addresses at which they listen, with the real ports. */
export function listeningOf(transports: readonly Transport[]): readonly ListeningOptions[] {
  return transports.map(({ name, local, sentBy: advertise }) => ({
    transport: name as ListeningOptions['transport'],
    ...local,
    ...(advertise === undefined ? {} : { advertise }),
  }))
}
