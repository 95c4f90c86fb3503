/** The carrier between a user agent on sip.js and its server: injected, so that the agent itself owns no socket. */
import type { Flow, HostPort, PortListener } from '../../../../signalling/index.ts'

export type { HostPort, PortListener }

/** Opens a way to a server; rejects where there is none. `signalling/transports/client-sockets.ts` has one for each protocol. */
export type OpenPort = (server: HostPort, listener: PortListener) => Promise<Flow>

export interface Carrier {
  /** As it stands in Via. */
  readonly protocol: 'UDP' | 'TCP' | 'WS'
  readonly server: HostPort
  readonly open: OpenPort
}

export function printHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
