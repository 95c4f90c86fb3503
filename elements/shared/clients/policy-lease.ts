/** One device's standing question to the PCRF (SPEC §6.2): its decision, and the units that may be used without asking again. */
import type { Host, Notification, Subscription, Timer } from '../../../signalling/index.ts'
import { mediaType, readBody, type ServicePolicy, writeBody } from '../../schemas/index.ts'
import { Waiters } from '../state/waiters.ts'

const mistrustFor = 1000 // milliseconds
const accept = [mediaType('service-policy')]

export type PolicyService = 'proximity' | 'push' | 'location'

export interface LeaseHolder {
  readonly host: Host
  readonly pcrf: string
  readonly service: PolicyService
  /** The PCRF has said something. */
  pcrfReached(): void
  /** Another decision, or others of the roles, than before; the first one too. */
  decided(lease: PolicyLease): void
  /** The PCRF has ended it: there will be no more word. */
  lost(lease: PolicyLease, status: number): void
}

export class PolicyLease {
  readonly device: string
  /** Undefined before the first answer. */
  decision: ServicePolicy['decision']
  cause: string | undefined
  /** Roles that are allowed; undefined: all. */
  roles: ServicePolicy['roles']
  /** Whether anybody has asked since the last look, by which idle leases are given up. */
  asked = true
  private readonly holder: LeaseHolder
  private readonly id: string
  private readonly subscription: Subscription
  /** Units granted and used since the lease began; undefined: no limit. */
  private granted: number | undefined
  private used = 0
  /** By count or by time. */
  private limited = false
  private until: Timer | undefined
  private readonly waiting: Waiters
  private over = false

  constructor(holder: LeaseHolder, device: string) {
    this.holder = holder
    this.device = device
    const { host } = holder
    this.id = host.ids.token(12)
    this.waiting = new Waiters(host.clock)
    this.subscription = host.subscribe(
      { to: holder.pcrf, event: 'service-policy', accept, asserted: host.uri, body: this.question() },
      {
        notified: (notification) => this.notified(notification),
        ended: ({ status }) => {
          if (this.over) return
          this.end()
          holder.lost(this, status)
        },
      },
    )
  }

  /** Uses a unit: whether there was one; undefined: the PCRF has to say, see `more`. */
  takeUnit(): boolean | undefined {
    if (this.decision !== 'allow') return this.decision === undefined ? undefined : false
    if (this.granted === undefined) return true
    if (this.used >= this.granted) return undefined
    this.used++
    return true
  }

  /** Uses a unit that was not granted: the PCRF is away, and hears of it when it is back. */
  overdraw(): void {
    if (this.granted !== undefined) this.used++
  }

  /** Resolves when the PCRF has said something, at the latest after `ms`; asks it again where all units are used. */
  more(ms: number): Promise<void> {
    if (this.over) return Promise.resolve()
    const { waiting, holder } = this
    const first = waiting.size === 0
    if (first && this.decision !== undefined) this.subscription.refresh(this.question())
    const decided = waiting.wait(ms)
    if (first) holder.host.clock.after(ms, () => waiting.wake()) // the next one asks again
    return decided
  }

  /** Nobody uses the service any more: unused units go back. */
  release(): void {
    if (this.over) return
    if (this.limited) this.subscription.refresh(this.question(true))
    this.subscription.unsubscribe()
    this.end()
  }

  /** Without a word: the node stops. */
  end(): void {
    this.over = true
    this.until?.cancel()
    this.waiting.wake()
  }

  private question(done = false) {
    const { device, id: lease } = this
    const used = this.used === 0 ? {} : { used: this.used }
    return writeBody('policy-query', { device, service: this.holder.service, lease, ...used, ...(done ? { done } : {}) })
  }

  private notified({ request, state }: Notification): void {
    if (this.over || state === 'terminated' || request.bodyEnd === request.bodyStart) return
    const body = readBody(request, 'service-policy')
    if (body.fault !== undefined || body.value.decision === undefined) {
      return this.refuse(body.fault?.warning ?? 'no decision')
    }
    this.holder.pcrfReached()
    const { decision, granted, cause, roles } = body.value
    const changed = decision !== this.decision || roles?.join() !== this.roles?.join()
    this.decision = decision
    this.roles = roles
    this.cause = cause
    this.granted = granted?.count
    this.limited = granted !== undefined
    this.askAgain(granted?.until)
    if (decision === 'deny' || this.granted === undefined || this.used < this.granted) this.waiting.wake()
    if (changed) this.holder.decided(this)
  }

  /** An answer that cannot be read allows nothing; the PCRF is asked again in a while. */
  private refuse(fault: string): void {
    const { host } = this.holder
    host.count('feeds_unreadable')
    host.log.error({ device: this.device, fault }, 'service-policy cannot be read: it allows nothing')
    const changed = this.decision !== 'deny'
    this.decision = 'deny'
    this.cause = 'policy cannot be read'
    this.waiting.wake()
    this.until?.cancel()
    this.until = host.clock.after(mistrustFor, () => this.subscription.refresh(this.question()))
    if (changed) this.holder.decided(this)
  }

  /** When granted time is over, the PCRF is asked for more; until it answers, an allowed use goes on. */
  private askAgain(until: string | undefined): void {
    this.until?.cancel()
    if (until === undefined) return
    const { clock } = this.holder.host
    this.until = clock.after(Math.max(0, Date.parse(until) - clock.date()), () => this.subscription.refresh(this.question()))
  }
}
