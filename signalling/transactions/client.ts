/** The client transactions (RFC 3261 §17.1, RFC 6026). One small record each, found again through its own branch. */
import type { Clock, Timer, TimerOwner } from '../clock.ts'
import { inline } from '../messages/build.ts'
import { SipRequest, type SipResponse } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import { scan } from '../messages/scan.ts'
import type { Flow } from '../transports/transport.ts'
import type { ServerSide } from './server.ts'
import type { TransactionTiming } from './timing.ts'

/** The user of a client transaction. Each final outcome is told once; provisional responses any number of times. */
export interface ClientUser {
  /** The request that it forwards, if it made none of its own. */
  readonly origin?: ServerSide
  /** It can do with less until its peer has answered something (`NotSent.unproven`). */
  readonly waits?: boolean
  onResponse(response: SipResponse): void
  /** No final response in 64*T1 (408), or the flow is gone (503); `why`: it did not even leave. */
  onNoResponse(status: 408 | 503, why?: NotSent): void
}

/** The answer for a request that never left, and the text of the Warning. */
export interface NotSent {
  readonly status: number
  readonly text: string
  /** Bytes that were too many for its only way. */
  readonly excess?: number
  /** Nobody there has answered anything yet: less may be sent. */
  readonly unproven?: boolean
}

/** The table that holds a client transaction, as the transaction sees it. */
export interface ClientHolder {
  readonly clock: Clock
  readonly timing: TransactionTiming
  transmit(flow: Flow, bytes: Buffer): boolean
  release(transaction: ClientTransaction): void
}

const repeatedAtMost = 16_384 // bytes to one peer, of all requests together
const Trying = 0
const Proceeding = 1
const Completed = 2
const Accepted = 3
const Terminated = 4

/** Non-INVITE: Trying, Proceeding, then gone. Late copies of the answer find no slot and are dropped (RFC 6026 §7.1). */
export class ClientTransaction implements TimerOwner {
  readonly branch: string
  readonly slot: number
  readonly flow: Flow
  protected readonly holder: ClientHolder
  readonly user: ClientUser
  protected state = Trying
  protected bytes: Buffer | undefined
  protected timer: Timer | undefined
  protected interval: number
  protected deadline = 0

  constructor(holder: ClientHolder, slot: number, branch: string, flow: Flow, user: ClientUser) {
    this.holder = holder
    this.slot = slot
    this.branch = branch
    this.flow = flow
    this.user = user
    this.interval = holder.timing.T1
  }
  /** It has its outcome, and stays for late copies of it at most. */
  get answered(): boolean {
    return this.state > Proceeding
  }
  /** Sends the request, which carries `branch` in its top Via. */
  begin(bytes: Buffer): void {
    this.bytes = bytes
    const { clock, timing } = this.holder
    this.deadline = clock.now() + 64 * timing.T1
    this.timer = clock.after(this.flow.reliable ? 64 * timing.T1 : this.interval, this)
    if (!this.holder.transmit(this.flow, bytes)) clock.soon(() => this.fail(503))
  }
  /** Timers E and F. */
  expire(): void {
    const { clock, timing } = this.holder
    const left = this.deadline - clock.now()
    if (left <= 0.5) {
      this.fail(408)
      return
    }
    this.repeat()
    this.interval = this.state === Proceeding ? timing.T2 : Math.min(this.interval * 2, timing.T2)
    this.timer = clock.after(Math.min(this.interval, left), this)
  }
  /** A peer that has never answered may be nobody, or somebody else: it is sent so much again and no more. */
  protected repeat(): void {
    const { flow } = this
    const { length } = this.bytes!
    if (flow.proven === false && !flow.trusted) {
      if (flow.repeated! + length > repeatedAtMost) return
      flow.repeated! += length
    }
    this.holder.transmit(flow, this.bytes!)
  }
  receive(response: SipResponse): void {
    if (this.flow.proven === false) this.flow.proven = true
    if (this.state > Proceeding) return
    if (response.status < 200) this.state = Proceeding
    else this.end()
    this.user.onResponse(response)
  }
  /** The flow broke, or time is over. */
  fail(status: 408 | 503): void {
    if (this.state > Proceeding) return
    this.end()
    this.user.onNoResponse(status)
  }
  /** Non-INVITE requests cannot be cancelled. `reasons`: values of Reason (RFC 3326). */
  cancel(_reasons?: readonly string[]): void {}
  protected end(): void {
    this.state = Terminated
    this.timer?.cancel()
    this.bytes = undefined
    this.holder.release(this)
  }
  /** It is never begun, or never sent again: its user hears nothing more. */
  withdraw(): void {
    if (this.state <= Proceeding) this.end()
  }
}

/** INVITE: with its ACK for failures, its CANCEL, and the Accepted state of RFC 6026. */
export class InviteClientTransaction extends ClientTransaction {
  private ack: Buffer | undefined
  private cancelWanted = false
  /** Why it is cancelled: values of Reason. */
  private reasons: readonly string[] = []
  private cancelBytes: Buffer | undefined
  private cancelTimer: Timer | undefined
  private cancelInterval = 0

  /** Timer A, B; later D or M. */
  override expire(): void {
    const { clock } = this.holder
    if (this.state >= Completed) {
      this.end()
      return
    }
    if (this.state === Proceeding) return
    const left = this.deadline - clock.now()
    if (left <= 0.5) {
      this.fail(408)
      return
    }
    this.repeat()
    this.interval *= 2
    this.timer = clock.after(Math.min(this.interval, left), this)
  }
  override receive(response: SipResponse): void {
    if (this.flow.proven === false) this.flow.proven = true
    if (response.cseq.method === 'CANCEL') {
      this.cancelTimer?.cancel()
      return
    }
    const { clock, timing } = this.holder
    if (response.status < 200) {
      if (this.state > Proceeding) return
      this.state = Proceeding
      if (this.cancelBytes === undefined) this.timer?.cancel() // else it is the one that gives up
      if (this.cancelWanted) this.sendCancel()
      this.user.onResponse(response)
    } else if (response.status < 300) {
      if (this.state === Completed || this.state === Terminated) return
      if (this.state !== Accepted) {
        this.state = Accepted // every 2xx passes, for 64*T1 (RFC 6026 §8.4)
        this.timer?.cancel()
        this.timer = clock.after(64 * timing.T1, this)
        this.cancelTimer?.cancel()
      }
      this.user.onResponse(response)
    } else if (this.state === Completed) {
      if (this.ack !== undefined) this.holder.transmit(this.flow, this.ack)
    } else if (this.state <= Proceeding) {
      this.state = Completed
      this.timer?.cancel()
      this.cancelTimer?.cancel()
      this.ack = this.derive('ACK', response.text(H.To) ?? '')
      this.holder.transmit(this.flow, this.ack)
      if (this.flow.reliable) this.end()
      else this.timer = clock.after(64 * timing.T1, this)
      this.user.onResponse(response)
    }
  }
  override cancel(reasons: readonly string[] = []): void {
    if (this.cancelWanted || this.state > Proceeding) return
    this.cancelWanted = true
    this.reasons = reasons
    if (this.state === Proceeding) this.sendCancel() // RFC 3261 §9.1: not before a provisional response
  }
  private sendCancel(): void {
    const { clock, timing } = this.holder
    if (this.cancelBytes !== undefined) return
    this.cancelBytes = this.derive('CANCEL', undefined)
    this.holder.transmit(this.flow, this.cancelBytes)
    this.cancelInterval = timing.T1
    // Gives up on a peer that answers neither CANCEL nor INVITE (RFC 3261 §9.1).
    this.timer = clock.after(64 * timing.T1, () => this.fail(408))
    if (!this.flow.reliable) this.repeatCancel()
  }
  private repeatCancel(): void {
    this.cancelTimer = this.holder.clock.after(this.cancelInterval, () => {
      this.holder.transmit(this.flow, this.cancelBytes!)
      this.cancelInterval = Math.min(this.cancelInterval * 2, this.holder.timing.T2)
      this.repeatCancel()
    })
  }
  /** ACK for a failure, or CANCEL, from the INVITE that was sent (RFC 3261 §9.1, §17.1.1.3). */
  private derive(method: 'ACK' | 'CANCEL', to: string | undefined): Buffer {
    const invite = scan(this.bytes!)
    if (!(invite instanceof SipRequest)) return Buffer.alloc(0)
    const via = invite.bytes.toString('latin1', invite.index[invite.find(H.Via) + 2], invite.topViaEnd)
    let text = `${method} ${invite.uriText} SIP/2.0\r\nVia: ${via}\r\n`
    for (const route of invite.texts(H.Route)) text += `Route: ${inline(route)}\r\n`
    text += `Max-Forwards: 70\r\nFrom: ${invite.text(H.From)}\r\nTo: ${inline(to ?? invite.text(H.To) ?? '')}\r\n`
    text += `Call-ID: ${invite.callId}\r\nCSeq: ${invite.cseq.number} ${method}\r\n`
    if (method === 'CANCEL') for (const reason of this.reasons) text += `Reason: ${inline(reason)}\r\n`
    text += 'Content-Length: 0\r\n\r\n'
    return Buffer.from(text)
  }
  protected override end(): void {
    this.cancelTimer?.cancel()
    super.end()
  }
}
