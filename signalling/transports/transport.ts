/** Transports carry messages. A flow is one way to one peer; it outlives the message and is how a response finds its way back. */
import type { TransportName } from '../capture/tap.ts'

export interface HostPort {
  /** IP address or host name, without brackets. */
  readonly host: string
  readonly port: number
}

/** One five-tuple (UDP), connection (TCP, WebSocket) or link (memory). */
export interface Flow {
  readonly id: string
  readonly transport: TransportName
  /** Delivers in order without loss: no retransmission is needed. */
  readonly reliable: boolean
  /** By which address of this machine the peer reaches us; never that of a socket that listens on any. */
  readonly local: HostPort
  /** Our address in messages, instead of it: the dialplan advertises it. */
  readonly sentBy?: HostPort | undefined
  readonly remote: HostPort
  /** The dialplan lists the peer's address, or a domain that it has proved: its P-Asserted-Identity counts (SPEC §2.5). */
  readonly trusted: boolean
  /** Domains, lower case, that the peer has proved by its certificate (RFC 5922 §7.1); TLS only. */
  readonly domains?: readonly string[]
  readonly open: boolean
  /** The name by which we have called the peer, which its certificate must have; left out: its address. */
  readonly askedName?: string | undefined
  /** We have called the peer, and can again when it is gone. */
  readonly dialled?: boolean
  /** Bytes of the longest message that it carries; left out: any. */
  readonly longest?: number
  /** Datagrams only: the peer has answered a request of ours, so it is there and wants our messages. */
  proven?: boolean
  /** Bytes that were sent to it again before that. */
  repeated?: number
  /** We have called the peer, and it has not answered yet. */
  readonly connecting?: boolean
  /** A link between two elements of this node. */
  readonly internal?: boolean
  /** An edge proxy of our network has passed on what comes by it, for a sender whom nobody knows yet (`Exchange.distrust`). */
  readonly passedOn?: boolean
  /** Canonical address of record that passed digest on this flow; set by the proxy. Connections only. */
  identity: string | undefined
  /** Seconds for which its peer may be silent, having registered for so long; set by the proxy. Connections only. */
  keptFor?: number
  /** Queues the bytes; never throws. False: the flow is closed or its peer too slow, nothing was taken. */
  send(bytes: Uint8Array): boolean
  /** Stops reading, or goes on: the peer waits as TCP has it. Messages read before still come. Connections only. */
  hold?(held: boolean): void
  /** Ends a connection; does nothing on datagrams. */
  close(): void
}

/** The receiver of messages and events of a transport. */
export interface TransportSink {
  received(bytes: Buffer, flow: Flow): void
  closed(flow: Flow): void
  /** The peer could not be reached: connection refused, ICMP. */
  failed(flow: Flow, why: string): void
  /** The flow is gone, and most likely its peer never saw those bytes. */
  lost?(flow: Flow, bytes: Uint8Array): void
  /** A peer has shown no certificate that we believe, and no flow came of it. */
  refused?(transport: TransportName, remote: HostPort, why: string): void
  /**
   * A stream has brought a message that cannot be taken; `head` is the part of its header that has come. Where the stream
   * cannot be cut into messages any more, the flow is closed afterwards. A message that is only too long is passed over.
   */
  broken?(flow: Flow, why: string, head: Buffer): void
}

/** PEM text of a certificate (chain) and its key. */
export interface TlsMaterial {
  readonly certificate: string
  readonly key: string
  /**
   * Certificates of authorities for peers' certificates. Left out: the system's for peers that we call, and no peer that
   * calls us is asked.
   */
  readonly authorities?: string
  /** A peer that calls by TLS without a certificate of its own is refused. */
  readonly requireClient?: boolean
}

export interface Transport {
  readonly name: TransportName
  readonly reliable: boolean
  /** Known once `listen` has resolved: perhaps any address; absent for a transport that only connects. */
  readonly local: HostPort
  /** See `Flow.sentBy`. */
  readonly sentBy?: HostPort | undefined
  listen(): Promise<void>
  /**
   * A flow to that peer, an open one if there is one; bytes sent before a connection stands are queued. `name`: the name
   * that the peer's certificate must have (RFC 5922 §7), where that is not its address.
   */
  connect(remote: HostPort, name?: string): Flow
  /** New connections get this certificate; TLS and WSS only. Throws where it is none. */
  renew?(material: TlsMaterial): void
  /** New connections are bound by the limits of the node's guests as they are now. */
  limit?(): void
  /** Milliseconds that a datagram waits before we read it, by the last one that we sent to ourselves; asking sends another. */
  lag?(): number
  /** The addresses of this machine have changed: flows that outlast it find out anew which is theirs. */
  moved?(): void
  /**
   * Lets only so many new datagrams (`seemsNew`) through until it is called again; Infinity: all. Returns how many went
   * unread since it was called last.
   */
  ration?(newRequests: number): number
  close(): Promise<void>
}
