/** A connection, TCP or WebSocket: a flow over a pipe that may be slow, and ends. */
import type { TransportName } from '../capture/tap.ts'
import type { ConnectionLimits, LimitedConnection } from './connection-limits.ts'
import type { MachineAddresses } from './machine-addresses.ts'
import type { Flow, HostPort, TlsMaterial, TransportSink } from './transport.ts'

export interface ConnectionOptions {
  readonly listen: HostPort
  /** Left out: this machine. */
  readonly addresses?: MachineAddresses
  /** See `Flow.sentBy`; port 0: that of the socket. */
  readonly advertise?: HostPort | undefined
  readonly sink: TransportSink
  /** Of an IP address, or a domain that the peer has proved. */
  readonly isTrusted: (host: string) => boolean
  /** Names connections, unguessably. */
  readonly newId: () => string
  /** Bytes of the longest message. */
  readonly messageLimit?: number
  /** Bytes that may wait for a slow peer before its connection is ended. */
  readonly backlog?: number
  /** Counts and watches the connections of peers; left out: anybody may stay. */
  readonly limits?: ConnectionLimits
  /** With it: TLS, WSS. */
  readonly tls?: TlsMaterial
}

export const connectionDefaults = { messageLimit: 65_535, backlog: 1024 * 1024 } as const

/** A connection as its flow sees it. */
export interface ConnectionPipe {
  readonly open: boolean
  /** Bytes written that the peer has not taken yet. */
  readonly waiting: number
  write(bytes: Uint8Array): void
  pause(): void
  resume(): void
  /** Ends it when all written bytes are gone. */
  end(): void
  abort(): void
}

/** Time that answers may take after the peer has said that it sends nothing more. */
const halfClosedFor = 32_000
/** Time that we then listen whether they were taken: a peer that closed altogether refuses them. */
const doubtfulFor = 500
const doubtfulAtMost = 32
const emptyLine = Buffer.from('\r\n')
const slash = 0x2f
const two = 0x32

export class ConnectionFlow implements Flow, LimitedConnection {
  readonly id: string
  readonly transport: TransportName
  readonly reliable = true
  readonly local: HostPort
  readonly sentBy: HostPort | undefined
  readonly remote: HostPort
  trusted: boolean
  domains: readonly string[] = []
  identity: string | undefined = undefined
  keptFor = 0
  heardAt = 0
  begunAt = -1
  readonly dialled: boolean
  askedName: string | undefined = undefined
  connecting: boolean
  private readonly pipe: ConnectionPipe
  private readonly backlog: number
  private readonly sink: TransportSink
  private readonly limits: ConnectionLimits | undefined
  /** Requests that came and have had no final answer. */
  private owed = 0
  private halfClosed: NodeJS.Timeout | undefined = undefined
  private isReported = false
  /** Bytes sent to a half-closed peer. */
  private readonly doubtful: Uint8Array[] = []
  private reset = false

  constructor(
    transport: TransportName,
    pipe: ConnectionPipe,
    local: HostPort,
    remote: HostPort,
    options: Omit<ConnectionOptions, 'listen'>,
    dialled = false,
    sentBy?: HostPort,
  ) {
    this.dialled = dialled
    this.connecting = dialled
    this.id = `${transport.toLowerCase()}-${options.newId()}`
    this.transport = transport
    this.pipe = pipe
    this.local = local
    this.sentBy = sentBy
    this.remote = remote
    this.trusted = options.isTrusted(remote.host)
    this.backlog = options.backlog ?? connectionDefaults.backlog
    this.sink = options.sink
    this.limits = options.limits
    this.limits?.watch(this)
    if (dialled) this.begunAt = -1 // it is ours to speak first
  }
  /** Domains that the peer's certificate stands for. */
  proved(domains: readonly string[], isTrusted: ConnectionOptions['isTrusted']): void {
    this.domains = domains
    this.trusted ||= domains.some(isTrusted)
  }
  /** False also where only answers may still leave: the peer has half closed. */
  get open(): boolean {
    return this.halfClosed === undefined && this.pipe.open
  }
  send(bytes: Uint8Array): boolean {
    if (!this.pipe.open) return false
    if (this.pipe.waiting > this.backlog) {
      this.sink.failed(this, 'the peer does not read')
      this.pipe.abort() // shed it rather than hold its bytes for ever
      return false
    }
    this.pipe.write(bytes)
    if (bytes[3] === slash && bytes[8]! >= two) this.owed-- // SIP/2.0 2xx and above
    if (this.halfClosed !== undefined) this.doubt(bytes)
    return true
  }
  private doubt(bytes: Uint8Array): void {
    if (this.doubtful.length < doubtfulAtMost) this.doubtful.push(bytes)
    if (this.owed > 0) return
    clearTimeout(this.halfClosed)
    this.halfClosed = setTimeout(this.probe, doubtfulFor)
    this.halfClosed.unref()
  }
  /** Only another write tells that the last one was refused; a reader ignores an empty line (RFC 3261 §7.5). */
  private readonly probe = (): void => {
    if (this.pipe.open) this.pipe.write(emptyLine)
    this.pipe.end()
  }
  /** A whole message. */
  received(bytes: Buffer): void {
    if (wantsAnswer(bytes)) this.owed++
    this.sink.received(bytes, this)
  }
  /** A message whose body was passed over, by its header; the sink answers it. */
  refused(why: string, head: Buffer): void {
    if (this.sink.broken === undefined) return this.sink.failed(this, why)
    if (wantsAnswer(head)) this.owed++
    this.sink.broken(this, why, head)
  }
  /** Something came; `partial`: and a message is not complete. */
  noteReceived(partial: boolean, completed: boolean): void {
    if (this.limits === undefined) return
    const { tick } = this.limits
    this.heardAt = tick
    if (!partial) this.begunAt = -1
    else if (completed || this.begunAt < 0) this.begunAt = tick
  }
  /** The peer sends nothing more, but may read: its requests are answered first, and no request goes to it. */
  ended(): void {
    if (this.owed <= 0 || !this.pipe.open) return this.close()
    this.halfClosed = setTimeout(() => this.pipe.abort(), halfClosedFor)
    this.halfClosed.unref()
    this.tell()
  }
  /** The pipe is gone. */
  noteClosed(): void {
    clearTimeout(this.halfClosed)
    this.limits?.unwatch(this)
    this.tell()
    if (this.reset) for (const bytes of this.doubtful) this.sink.lost?.(this, bytes)
    this.doubtful.length = 0
  }
  /** The pipe broke. */
  failed(why: string): void {
    this.reset = true
    this.sink.failed(this, why)
  }
  private tell(): void {
    if (this.isReported) return
    this.isReported = true
    this.sink.closed(this)
  }
  hold(held: boolean): void {
    if (held) this.pipe.pause()
    else this.pipe.resume()
  }
  shed(why: string): void {
    this.sink.failed(this, why)
    if (this.pipe.waiting > 0) this.pipe.abort()
    else this.pipe.end()
  }
  close(): void {
    this.pipe.resume() // or the peer's part of the end would never be read
    this.pipe.end()
  }
}

/** Neither a response nor an ACK. */
function wantsAnswer(bytes: Buffer): boolean {
  return bytes[3] !== slash && !(bytes[0] === 0x41 && bytes[1] === 0x43)
}
