/** What TCP and WebSocket connections have in common: a flow over a pipe that may be slow, and ends. */
import type { TransportName } from '../capture/tap.ts'
import type { Flow, HostPort, TlsMaterial, TransportSink } from './transport.ts'

export interface ConnectionOptions {
  readonly listen: HostPort
  readonly sink: TransportSink
  readonly isTrusted: (host: string) => boolean
  /** Names connections, unguessably. */
  readonly newId: () => string
  /** Bytes of the longest message. */
  readonly messageLimit?: number
  /** Bytes that may wait for a slow peer before its connection is ended. */
  readonly backlog?: number
  readonly connections?: number
  /** With it: TLS, WSS. */
  readonly tls?: TlsMaterial
}

export const usual = { messageLimit: 65_535, backlog: 1024 * 1024, connections: 20_000 } as const

/** A connection as its flow sees it. */
export interface Pipe {
  readonly open: boolean
  /** Bytes written that the peer has not taken yet. */
  readonly waiting: number
  write(bytes: Uint8Array): void
  /** Ends it when what was written is gone. */
  end(): void
  abort(): void
}

export class ConnectionFlow implements Flow {
  readonly id: string
  readonly transport: TransportName
  readonly reliable = true
  readonly local: HostPort
  readonly remote: HostPort
  readonly trusted: boolean
  identity: string | undefined = undefined
  private readonly pipe: Pipe
  private readonly backlog: number

  constructor(transport: TransportName, pipe: Pipe, local: HostPort, remote: HostPort, options: ConnectionOptions) {
    this.id = `${transport.toLowerCase()}-${options.newId()}`
    this.transport = transport
    this.pipe = pipe
    this.local = local
    this.remote = remote
    this.trusted = options.isTrusted(remote.host)
    this.backlog = options.backlog ?? usual.backlog
  }
  get open(): boolean {
    return this.pipe.open
  }
  send(bytes: Uint8Array): boolean {
    if (!this.pipe.open) return false
    if (this.pipe.waiting > this.backlog) {
      this.pipe.abort() // the peer does not read: shed it rather than hold its bytes for ever
      return false
    }
    this.pipe.write(bytes)
    return true
  }
  close(): void {
    this.pipe.end()
  }
}

/** An address without the IPv6 wrapping of an IPv4 peer. */
export function plainAddress(host: string | undefined): string {
  return (host ?? '').replace(/^::ffff:(?=\d+\.)/, '')
}

/** As Node's TLS takes it. SIP over TLS wants 1.2 or later (RFC 8446 appendix, RFC 9325). */
export function contextOf({ certificate, key }: TlsMaterial): { cert: string; key: string; minVersion: 'TLSv1.2' } {
  return { cert: certificate, key, minVersion: 'TLSv1.2' }
}
