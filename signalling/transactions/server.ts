/** The server transactions (RFC 3261 §17.2, RFC 6026, RFC 4320): absorb repeats, repeat the answer. */
import type { Clock, Timer, TimerOwner } from '../clock.ts'
import type { SipRequest } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import type { Flow } from '../transports/transport.ts'
import { boundedAnswer } from './amplification.ts'
import type { TransactionTiming } from './timing.ts'

export interface Cancellable {
  /** `reasons`: values of Reason in the CANCEL (RFC 3326). */
  cancel(reasons?: readonly string[]): void
  /** Nothing of it is sent from now on, and its user hears nothing more. What has left stays with its receiver. */
  withdraw(): void
}

/** Stands as `onCancel` of an INVITE that was cancelled before anybody was there to be told. */
export const cancelledBefore: Cancellable = { cancel: () => undefined, withdraw: () => undefined }

/** Stands as `onCancel` of a request between elements that was withdrawn before anybody took it. */
export const withdrawnBefore: Cancellable = { cancel: () => undefined, withdraw: () => undefined }

/** The side that answers a request: a transaction on the wire, or a hop between two elements of one node. */
export interface ServerSide {
  readonly request: SipRequest
  readonly flow: Flow
  /** The top Via as responses carry it, where received or rport were added; else undefined. */
  readonly via: string | undefined
  /**
   * Told when the peer cancels its INVITE. An object rather than a closure: V8 keeps such closures, and with them all of the
   * exchange, until its next full collection.
   */
  onCancel: Cancellable | undefined
  /** Somebody vouches for the sender, or a trusted hop has. Until then he may be anybody (amplification.ts). */
  admitted: boolean
  /** At most one final response is taken, except 2xx to INVITE, which may come several times from a fork. */
  respond(status: number, bytes: Buffer): void
  /** Ends without an answer, where the wire allows it. */
  abandon?(): void
}

export interface ServerHolder {
  readonly clock: Clock
  readonly timing: TransactionTiming
  transmit(flow: Flow, bytes: Buffer): boolean
  forget(transaction: ServerTransaction): void
  /** A response that its flow cannot carry; returns the one sent in place of a final one, undefined where none can be. */
  shorter(transaction: ServerTransaction, status: number, bytes: Buffer): Buffer | undefined
  /** Keeps the answer for repeats, in place of the transaction, for 64*T1 (Timer J). */
  keepAnswer(transaction: ServerTransaction, bytes: Buffer): void
}

const Proceeding = 0
const Completed = 1
const Confirmed = 2
const Accepted = 3
const Terminated = 4

/** Non-INVITE. Ends with its answer; the table keeps as much as a repeat needs (recent-answers.ts). */
export class ServerTransaction implements ServerSide, TimerOwner {
  readonly key: string
  readonly flow: Flow
  /** By which it is answered. */
  back: Flow
  readonly via: string | undefined
  onCancel: Cancellable | undefined = undefined
  admitted: boolean
  protected readonly holder: ServerHolder
  protected state = Proceeding
  protected held: SipRequest | undefined
  protected last: Buffer | undefined = undefined
  protected timer: Timer | undefined = undefined

  constructor(holder: ServerHolder, key: string, request: SipRequest, flow: Flow, via: string | undefined) {
    this.holder = holder
    this.key = key
    this.held = request
    this.flow = flow
    this.back = flow
    this.via = via
    this.admitted = flow.reliable || flow.trusted
  }
  /** Until the final response. */
  get request(): SipRequest {
    return this.held!
  }
  get answered(): boolean {
    return this.state !== Proceeding
  }
  respond(status: number, bytes: Buffer): void {
    if (this.state !== Proceeding) return
    if (this.isTooLong(bytes)) return this.replace(status, bytes)
    if (!this.admitted && status >= 200 && this.tellsLittle(status)) return this.refuse(status, bytes)
    this.last = bytes
    this.holder.transmit(this.back, bytes)
    if (status < 200) return
    this.held = undefined
    this.end()
    if (!this.flow.reliable) this.holder.keepAnswer(this, bytes)
  }
  protected isTooLong({ length }: Buffer): boolean {
    const { longest } = this.back
    return longest !== undefined && length > longest
  }
  /** RFC 3261 §18.2.2 knows no other way for it: the client hears that it failed, and not nothing. */
  protected replace(status: number, bytes: Buffer): void {
    const answer = this.holder.shorter(this, status, bytes)
    if (status < 200) return
    if (answer === undefined) this.end()
    else this.respond(500, answer)
  }
  /** Whether an answer does not tell that the request was let in: a refusal, or that to OPTIONS, which anybody gets. */
  private tellsLittle(status: number): boolean {
    return status >= 300 || this.request.method === 'OPTIONS'
  }
  /** RFC 3261 §26.3.2.4: an unknown sender gets one answer for a datagram, never a repetition, and leaves nothing behind. */
  protected refuse(status: number, bytes: Buffer): void {
    const { request } = this
    const answer = boundedAnswer(request, bytes)
    if (answer !== undefined) this.holder.transmit(this.back, answer)
    this.end()
    // A digest answer counts once: its repetition has to get the same answer, and not that it is stale.
    const keep = status < 300 || request.find(H.Authorization) >= 0 || request.find(H['Proxy-Authorization']) >= 0
    if (keep && answer !== undefined && request.method !== 'INVITE') this.holder.keepAnswer(this, answer)
  }
  /** The request came again. */
  again(): void {
    if (this.last !== undefined) this.holder.transmit(this.back, this.last)
  }
  /** Gives up without an answer: RFC 4320 §4.1 forbids a late 408 to non-INVITE. */
  abandon(): void {
    this.end()
  }
  expire(): void {
    this.end()
  }
  protected end(): void {
    if (this.state === Terminated) return
    this.state = Terminated
    this.timer?.cancel()
    this.last = undefined
    this.onCancel = undefined
    this.holder.forget(this)
  }
}

/** INVITE: repeats failures until the ACK, passes 2xx through in the Accepted state (RFC 6026). */
export class InviteServerTransaction extends ServerTransaction {
  private interval = 0
  private deadline = 0

  override respond(status: number, bytes: Buffer): void {
    const { clock, timing } = this.holder
    if (this.state === Proceeding && this.isTooLong(bytes)) return this.replace(status, bytes)
    if (status >= 200 && status < 300 && (this.state === Proceeding || this.state === Accepted)) {
      this.holder.transmit(this.back, bytes)
      if (this.state === Accepted) return
      this.state = Accepted
      this.timer = clock.after(64 * timing.T1, this) // Timer L
      return
    }
    if (this.state !== Proceeding) return
    if (!this.admitted && status >= 300) return this.refuse(status, bytes)
    this.last = bytes
    this.holder.transmit(this.back, bytes)
    if (status < 200) return
    this.state = Completed
    this.onCancel = undefined
    this.interval = timing.T1
    this.deadline = clock.now() + 64 * timing.T1
    this.timer = clock.after(this.flow.reliable ? 64 * timing.T1 : this.interval, this)
  }
  /** The peer's CANCEL has come. */
  cancel(reasons: readonly string[]): void {
    if (this.state !== Proceeding) return
    if (this.onCancel === undefined) this.onCancel = cancelledBefore
    else this.onCancel.cancel(reasons)
  }
  override again(): void {
    if (this.state === Proceeding || this.state === Completed) super.again()
  }
  /** The ACK to a failure. True if it ends here; false if it belongs to a 2xx and goes on to the user agent. */
  acknowledge(): boolean {
    if (this.state === Accepted) return false
    if (this.state === Completed) {
      this.state = Confirmed
      this.timer?.cancel()
      if (this.flow.reliable) this.end()
      else this.timer = this.holder.clock.after(this.holder.timing.T4, this) // Timer I
    }
    return true
  }
  /** Timers G, H, I and L. */
  override expire(): void {
    const { clock, timing } = this.holder
    const left = this.deadline - clock.now()
    if (this.state !== Completed || left <= 0.5) {
      this.end()
      return
    }
    this.again()
    this.interval = Math.min(this.interval * 2, timing.T2)
    this.timer = clock.after(Math.min(this.interval, left), this)
  }
}
