/** How a user agent on sip.js reaches its server, apart from sip.js: injected, so that the agent itself owns no socket. */
import type { Flow } from '../../../signalling/index.ts'

export type HostPort = Flow['remote']

/** Who is told what comes on a way to the server; whole messages only. */
export interface PortListener {
  received(bytes: Buffer): void
  /** The way is gone; told once. */
  closed(why: string): void
  /** What was sent does not arrive, but the way stands: nobody listens there. */
  refused(why: string): void
}

/** Opens a way to a server; rejects where there is none. `signalling/transports/ue-sockets.ts` has one for each protocol. */
export type OpenPort = (server: HostPort, listener: PortListener) => Promise<Flow>

export interface Carrier {
  /** As it stands in Via. */
  readonly protocol: 'UDP' | 'TCP' | 'WS'
  readonly server: HostPort
  readonly open: OpenPort
}

export function printHostPort({ host, port }: HostPort): string {
  return `${printHost(host)}:${port}`
}

export function printHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
