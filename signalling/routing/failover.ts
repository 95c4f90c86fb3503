/** One request to a host name: to its targets in turn until one answers (RFC 3263 §4.3), for one transaction user. */
import type { SipResponse } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import type { ClientUser, NotSent } from '../transactions/client.ts'
import type { Cancellable, ServerSide } from '../transactions/server.ts'
import type { Backoff } from '../transports/backoff.ts'
import { type LocatedTargets, type ServerTarget, targetKey } from '../transports/locate.ts'

interface FailoverParts {
  readonly method: string
  readonly user: ClientUser
  readonly backoff: Backoff
  /** Sends it to that target, whose answers come here. Undefined: it cannot. */
  readonly send: (target: ServerTarget, user: ClientUser) => Cancellable | undefined
  readonly log: (why: string) => void
}

export class Failover implements ClientUser {
  private readonly parts: FailoverParts
  private targets: readonly ServerTarget[] = []
  private next = 0
  private current: ServerTarget | undefined = undefined
  private handle: Cancellable | undefined = undefined
  private cancelled = false
  private withdrawn = false

  constructor(parts: FailoverParts) {
    this.parts = parts
  }
  get origin(): ServerSide | undefined {
    return this.parts.user.origin
  }
  /** The name has been looked up. */
  located(located: LocatedTargets): void {
    if (this.withdrawn) return
    if (this.cancelled) return this.parts.user.onNoResponse(408, { status: 487, text: 'cancelled before it was sent' })
    if (located.targets === undefined) {
      this.parts.log(located.text)
      return this.parts.user.onNoResponse(503, { status: located.missing ? 480 : 503, text: located.text })
    }
    this.targets = located.targets
    if (!this.further()) this.parts.user.onNoResponse(503, { status: 480, text: 'none of its addresses can be sent to' })
  }
  /** False: there is no further target. */
  private further(): boolean {
    while (this.next < this.targets.length && !this.cancelled) {
      const target = this.targets[this.next++]!
      this.current = target
      this.handle = this.parts.send(target, this)
      if (this.handle !== undefined) return true
    }
    return false
  }
  onResponse(response: SipResponse): void {
    const { backoff, user } = this.parts
    const { current } = this
    if (current !== undefined && response.status === 503) {
      const text = response.text(H['Retry-After'])
      backoff.failed(targetKey(current), Math.max(0, Number.parseInt(text ?? '0', 10) || 0) * 1000)
      if (this.further()) return
    } else if (current !== undefined) backoff.worked(targetKey(current))
    user.onResponse(response)
  }
  onNoResponse(status: 408 | 503, why?: NotSent): void {
    const { backoff, method, user } = this.parts
    if (why !== undefined) {
      if (!this.further()) user.onNoResponse(status, why) // the target is not to blame
      return
    }
    if (this.current !== undefined && !this.cancelled) backoff.failed(targetKey(this.current))
    // RFC 4320: who sent us a non-INVITE has given up by the time that we do
    const tooLate = status === 408 && method !== 'INVITE' && user.origin !== undefined
    if (tooLate || !this.further()) user.onNoResponse(status)
  }
  cancel(reasons?: readonly string[]): void {
    this.cancelled = true
    this.handle?.cancel(reasons)
  }
  withdraw(): void {
    this.withdrawn = true
    this.handle?.withdraw()
  }
}
