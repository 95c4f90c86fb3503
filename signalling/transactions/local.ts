/** A hop between two elements of one node: no wire, no timers, no retransmission, yet real SIP that a tap can show. */
import type { SipRequest, SipResponse } from '../messages/message.ts'
import { scan } from '../messages/scan.ts'
import type { Flow, HostPort } from '../transports/transport.ts'
import type { ClientUser } from './client.ts'
import { type Cancellable, cancelledBefore, type ServerSide, withdrawnBefore } from './server.ts'

/** The link on which a request from another element of the node arrives. */
export class LocalFlow implements Flow {
  readonly id: string
  readonly transport = 'MEM'
  readonly reliable = true
  readonly trusted = true
  readonly internal = true
  readonly open = true
  readonly local: HostPort
  readonly remote: HostPort
  identity: string | undefined = undefined
  /** Name of the element that sends on it. */
  readonly from: string
  constructor(from: string, local: HostPort) {
    this.id = `local-${from}`
    this.from = from
    this.local = local
    this.remote = local
  }
  send(): boolean {
    return false // responses go back through their exchange
  }
  close(): void {}
}

/** Both sides of the hop: the sender's client transaction and the receiver's server transaction. */
export class LocalTransaction implements ServerSide {
  readonly request: SipRequest
  readonly flow: LocalFlow
  readonly via = undefined
  admitted = true
  /** Name of the element that receives. */
  readonly to: string
  onCancel: Cancellable | undefined = undefined
  readonly user: ClientUser
  private readonly soon: (task: () => void) => void
  private readonly seen: (bytes: Buffer, from: string, to: string) => void
  private done = false
  private withdrawn = false

  constructor(
    request: SipRequest,
    flow: LocalFlow,
    to: string,
    user: ClientUser,
    soon: (task: () => void) => void,
    seen: (bytes: Buffer, from: string, to: string) => void,
  ) {
    this.request = request
    this.flow = flow
    this.to = to
    this.user = user
    this.soon = soon
    this.seen = seen
  }
  respond(status: number, bytes: Buffer): void {
    if (this.done) return
    this.done = status >= 200 && !(this.request.method === 'INVITE' && status < 300)
    this.seen(bytes, this.to, this.flow.from)
    const response = scan(bytes) as SipResponse
    this.soon(() => {
      if (!this.withdrawn) this.user.onResponse(response)
    })
  }
  withdraw(): void {
    this.done = this.withdrawn = true
    this.onCancel?.withdraw()
    this.onCancel ??= withdrawnBefore
  }
  cancel(reasons?: readonly string[]): void {
    if (this.onCancel !== undefined) this.onCancel.cancel(reasons)
    else if (this.request.method === 'INVITE') this.onCancel = cancelledBefore
  }
}
