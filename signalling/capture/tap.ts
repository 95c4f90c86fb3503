/** A tap takes copies of messages. The engine calls one only if there is one; it must not throw and must not keep `bytes`. */
export type TransportName = 'UDP' | 'TCP' | 'TLS' | 'WS' | 'WSS' | 'MEM'

export interface Endpoint {
  /** IP address without brackets. */
  readonly address: string
  readonly port: number
  /** Its name for people: an element's name, a user. Shown in ladders. */
  readonly name?: string
}

export interface TappedMessage {
  /** Milliseconds since the epoch; the fraction counts. */
  readonly at: number
  readonly transport: TransportName
  readonly from: Endpoint
  readonly to: Endpoint
  /** `in`: received; `out`: sent; `local`: between two elements of one node, seen once. */
  readonly direction: 'in' | 'out' | 'local'
  /** The SIP message as on the wire, without any framing. */
  readonly bytes: Uint8Array
}

export interface Tap {
  message(message: TappedMessage): void
  /** Flushes and closes; nothing is tapped afterwards. */
  close?(): Promise<void>
}
