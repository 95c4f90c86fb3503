/** Calls of an agent: sessions by offer and answer (RFC 3264), which an agent on Proxima's own engine has. */
import type { AgentBody, AgentResponse, ReceivedBody, UserAgent } from './agent.ts'

/** A call under way, or the session that it has become. */
export interface AgentCall {
  /** CANCEL before the answer, BYE afterwards. @param reason value of Reason (RFC 3326) */
  hangUp(reason?: string): void
}

export interface CallListener {
  /** The session has ended, and not by `hangUp`. @param reason value of Reason in the BYE */
  ended(reason: string | undefined): void
}

export interface OutgoingCallListener extends CallListener {
  /** The other side has been told: 180. */
  ringing?(): void
  /** A 2xx, with the answer to the offer. */
  answered(answer: ReceivedBody): void
  refused(response: AgentResponse): void
}

/** A call that came in, with its offer. It is settled once, by `accept` or `refuse`. */
export interface IncomingCall extends ReceivedBody {
  /** URI of From. */
  readonly from: string
  /** Display name of From. */
  readonly name: string | undefined
  /** URI of P-Asserted-Identity, by word of the agent's own proxy. */
  readonly asserted: string | undefined
  /** 180. */
  ring(): void
  /** Undefined: the caller has hung up meanwhile. */
  accept(answer: AgentBody, listener: CallListener): AgentCall | undefined
  refuse(status: number, warning?: string): void
  /** Called once where the caller hangs up before it is settled, or has done so. */
  onCancelled(listener: () => void): void
}

/** Settles a call; resolves then. */
export type CallTaker = (call: IncomingCall) => Promise<void>

export interface CallingAgent extends UserAgent {
  call(to: string, offer: AgentBody, listener: OutgoingCallListener): AgentCall
  /** Gets calls that come in from now on; until then they are refused. */
  takeCalls(taker: CallTaker): void
}
