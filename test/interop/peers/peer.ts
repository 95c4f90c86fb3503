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
  /** How often that text has arrived; left out: it is not counted. */
  times?(text: string): number
  /** Left out: it knows no presence, or does not let itself be asked for it. */
  readonly presence?: Presence
  /** SUBSCRIBEs to who is near itself, resolves when it has been told, and ends that; left out: any event but presence is beyond it. */
  readonly near?: () => Promise<void>
  readonly phone?: Phone
  stop(): Promise<void>
}

export interface Presence {
  /** SUBSCRIBEs to somebody's presence; resolves once it was told something. */
  watch(whom: string): Promise<void>
  /** Resolves once it was told that somebody, whom it watches, is there. */
  sees(whom: string): Promise<void>
  /** Ends the subscription, where the peer can. */
  unwatch?(whom: string): Promise<void>
  /** Says by PUBLISH that it is there, where the peer can. */
  publish?(): Promise<void>
}

/** What a person does with a telephone, one call at a time. What has happened counts once. */
export interface Phone {
  /** INVITEs; resolves once it rings over there. */
  call(to: string): Promise<void>
  /** Resolves when it rings here. */
  called(): Promise<void>
  answer(): void
  /** Resolves when the call is answered, at either end. */
  talking(): Promise<void>
  hangUp(): void
  /** Takes the INVITE back. */
  cancel(): void
  /** Resolves when a call that was answered is over, whoever hung up. */
  over(): Promise<void>
  /** Resolves when an INVITE is taken back, at either end. */
  cancelled(): Promise<void>
}

export function passwordOf(user: string): string {
  return `${user}-proxima`
}

/** Number of matches of a pattern, which has to be global. */
export function timesIn(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length
}

/** A text as a regular expression for itself. */
export function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
