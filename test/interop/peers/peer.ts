/** Somebody else's SIP implementation, registered with a node of ours. */
export interface Peer {
  /** `baresip/tcp`. */
  readonly name: string
  /** `baresip-tcp`, who is `sip:baresip-tcp@localhost`. */
  readonly user: string
  /** Sends a MESSAGE; rejects where the peer can tell that it was not taken. */
  send(to: string, text: string): Promise<void>
  /** Resolves when that text has arrived; left out: the peer only sends. */
  got?(text: string): Promise<void>
  stop(): Promise<void>
}

export function passwordOf(user: string): string {
  return `${user}-proxima`
}

/** A text as a regular expression for itself. */
export function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
