/** Sessions as elements see them (RFC 3261 §12–§15). Types only. */
import type { SipResponse } from './messages/message.ts'

export interface OutgoingCall {
  /** Before its final response; no effect afterwards. */
  cancel(): void
}

/** A session that stands (RFC 3261 §12.1): the element has its own state beside it. */
export interface Session {
  readonly live: boolean
  /** BYE, with these header fields besides. */
  end(headers?: readonly (readonly [name: string, value: string])[]): void
}

export interface SessionListener {
  /** It has ended, and not by `end`: by the BYE of the peer, with the value of its Reason, or for want of an ACK. */
  ended(why: { readonly by: 'peer' | 'silence'; readonly reason: string | undefined }): void
}

export interface CallerListener extends SessionListener {
  /** A provisional response from 101 on. */
  progressed?(response: SipResponse): void
  /** A 2xx, whose ACK has left. */
  answered(session: Session, response: SipResponse): void
  /** A final response from 300 on; for silence and a broken way, or where it was cancelled too late, one made up here. */
  refused(response: SipResponse): void
}
