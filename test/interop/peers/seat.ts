/** Where a client of a test sits: as whom, by which transport, and whom it looks at. */
import type { DefaultServer } from '../../support/process.ts'

export type Transport = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'

export interface Seat {
  readonly server: DefaultServer
  readonly user: string
  readonly transport: Transport
  /** A user whose presence it watches; some clients have to be told at their start. */
  readonly watches: string
  /** Everybody to whom it may write; some clients write to people in their address book only. */
  readonly others: readonly string[]
}

/** `127.0.0.1:<port of that transport>`. */
export function serverOf({ server, transport }: Seat): string {
  return `127.0.0.1:${server[transport]}`
}
