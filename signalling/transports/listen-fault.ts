/** Faults of a socket that cannot listen, in words for the person who starts the node. */
import { ProximaFault } from '../errors.ts'
import { printHostPort } from '../messages/uri.ts'
import type { HostPort } from './transport.ts'

/** ProximaFault IN_USE where another has the port; any other fault as it is. */
export function listenFault(fault: unknown, listen: HostPort & { readonly transport: string }): unknown {
  const { code } = fault as { readonly code?: string }
  return code === 'EADDRINUSE' ? new ProximaFault('IN_USE', `${listen.transport} ${printHostPort(listen)}`, fault) : fault
}
