/**
 * Policy questions to the PCRF (SPEC §6.2): may this device use this service now. A standing feed names the services
 * that are open to all, about which nobody need be asked. For others there is one standing question for each device
 * that uses the service.
 */
import type { Host } from '../../../signalling/index.ts'
import type { ServicePolicy } from '../../schemas/index.ts'
import { Waiters } from '../state/waiters.ts'
import { Feed } from './feed.ts'
import { type LeaseHolder, PolicyLease, type PolicyService } from './policy-lease.ts'

export type { PolicyService }

/** Of the service proximity. */
type PolicyRoles = NonNullable<ServicePolicy['roles']>

/** A refusal: the status for the asker, and the cause for those entitled to know. */
export interface PolicyRefusal {
  readonly status: 403 | 503
  readonly cause: string
}

interface PolicyOptions {
  /** URI of the PCRF. */
  readonly pcrf: string
  readonly service: PolicyService
  /** Policy while it does not answer. `keep`: allowed uses go on, new requests are refused; `allow`: they are let in too. */
  readonly away: 'keep' | 'allow'
  /** Devices that use the service now. */
  readonly users: () => Iterable<string>
  readonly uses: (device: string) => boolean
  /** A device that uses the service may no longer. */
  readonly denied: (device: string, cause: string) => void
  /** It may in these roles, and in no others. */
  readonly narrowed?: (device: string, roles: PolicyRoles) => void
}

const patience = 5000 // milliseconds that an asker waits at most
const patienceWhenAway = 250 // once somebody has waited so long in vain
const clearEvery = 10_000
const renewAfter = 5000
const atATime = 32
const away: PolicyRefusal = { status: 503, cause: 'the PCRF does not answer now: come again later' }

export class Policy implements LeaseHolder {
  readonly host: Host
  readonly pcrf: string
  readonly service: PolicyService
  private readonly options: PolicyOptions
  private readonly feed: Feed<'service-policy'>
  private readonly leases = new Map<string, PolicyLease>()
  /** Whether the service is open to all; undefined before the feed's first word. */
  private open: boolean | undefined
  /** For the feed to tell which services are open. */
  private readonly waiting: Waiters
  private readonly toAsk = new Set<string>()
  private asking = 0
  private clearing = false
  /** Nothing has been heard since somebody waited in vain. */
  private silent = false
  private stopped = false

  constructor(host: Host, options: PolicyOptions) {
    this.host = host
    this.pcrf = options.pcrf
    this.service = options.service
    this.options = options
    this.waiting = new Waiters(host.clock)
    this.feed = new Feed({
      host,
      to: this.pcrf,
      event: 'service-policy',
      onBody: (policy) => this.fed(policy),
      unreadable: () => this.fed({ version: 0, open: [] }), // each device is asked about by itself
    })
    host.gauge('policy_questions', () => this.leases.size)
  }

  /** Takes up the feed. */
  start(): void {
    this.feed.start()
  }

  /** Unused units go back. */
  handBack(): void {
    for (const lease of this.leases.values()) lease.release()
  }

  stop(): void {
    this.stopped = true
    this.feed.stop()
    this.toAsk.clear()
    for (const lease of this.leases.values()) lease.end()
    this.leases.clear()
  }

  /** Undefined: the device may use the service. */
  refusal(device: string): undefined | PolicyRefusal | Promise<PolicyRefusal | undefined> {
    if (this.open === true) return undefined
    const lease = this.leases.get(device)
    return lease?.decision === undefined ? this.answer(device) : this.verdict(lease)
  }

  /** In which roles the device may use it, as far as is known; undefined: in all. */
  rolesOf(device: string): PolicyRoles | undefined {
    return this.open === true ? undefined : this.leases.get(device)?.roles
  }

  /** As `refusal`, and a unit is used: for a feedback. `standing`: it was allowed before. */
  takeUnit(device: string, standing: boolean): undefined | PolicyRefusal | Promise<PolicyRefusal | undefined> {
    if (this.open === true) return undefined
    const lease = this.leases.get(device)
    if (lease !== undefined) lease.asked = true
    return lease?.takeUnit() === true ? undefined : this.takeLater(device, standing)
  }

  /** Asks about a device that uses the service already, as after a restart; `denied` hears of it. A few at a time. */
  recheck(device: string): void {
    if (this.open === true || this.stopped) return
    this.toAsk.add(device)
    this.pump()
  }

  pcrfReached(): void {
    this.silent = false
  }

  decided(lease: PolicyLease): void {
    if (!this.options.uses(lease.device)) return
    if (lease.roles !== undefined && lease.decision === 'allow') this.options.narrowed?.(lease.device, lease.roles)
    if (lease.decision !== 'deny') return
    this.host.count('policy_lost')
    this.options.denied(lease.device, lease.cause ?? 'policy')
  }

  lost(lease: PolicyLease, status: number): void {
    this.host.log.warn({ pcrf: this.pcrf, device: lease.device, status }, 'the PCRF does not answer about a device')
    if (this.leases.get(lease.device) === lease) this.leases.delete(lease.device)
    this.host.clock.after(renewAfter, () => {
      if (this.options.uses(lease.device)) this.recheck(lease.device)
    })
  }

  private async takeLater(device: string, standing: boolean): Promise<PolicyRefusal | undefined> {
    const end = this.host.clock.now() + this.patience
    for (;;) {
      await this.feedTold()
      if (this.open === true) return undefined
      const lease = this.leaseOf(device)
      const taken = lease.takeUnit()
      if (taken === true) return undefined
      if (taken === false) return this.verdict(lease)
      const left = end - this.host.clock.now()
      if (left <= 0 || this.stopped) {
        this.silent = true
        if (!standing && this.options.away === 'keep') return away
        lease.overdraw()
        this.host.count('policy_unanswered')
        return undefined
      }
      await lease.more(left)
      // Its end has woken us: nobody will answer sooner than the next question.
      if (this.leases.get(device) !== lease && this.host.clock.now() < end) await this.pause(Math.min(1000, left))
    }
  }

  private async answer(device: string): Promise<PolicyRefusal | undefined> {
    await this.feedTold()
    if (this.open === true) return undefined
    const lease = this.leaseOf(device)
    if (lease.decision === undefined) await lease.more(this.patience)
    if (this.open || lease.decision !== undefined) return this.verdict(lease)
    this.silent = true
    this.host.count('policy_unanswered')
    return this.options.away === 'allow' ? undefined : away
  }

  private get patience(): number {
    return this.silent ? patienceWhenAway : patience
  }

  private verdict(lease: PolicyLease): PolicyRefusal | undefined {
    lease.asked = true
    return lease.decision === 'deny' && this.open !== true ? { status: 403, cause: lease.cause ?? 'policy' } : undefined
  }

  private leaseOf(device: string): PolicyLease {
    let lease = this.leases.get(device)
    if (lease === undefined) {
      this.leases.set(device, (lease = new PolicyLease(this, device)))
      this.clearLater()
    }
    return lease
  }

  /** Resolves when the feed has told which services are open, or does not in time. */
  private feedTold(): Promise<void> | undefined {
    return this.open === undefined ? this.waiting.wait(this.patience) : undefined
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.host.clock.after(ms, resolve)
    })
  }

  private fed(policy: ServicePolicy | undefined): void {
    this.silent = false
    if (policy === undefined) return
    const open = policy.open?.includes(this.service) ?? false
    const before = this.open
    this.open = open
    this.waiting.wake()
    if (open) {
      this.toAsk.clear()
      for (const lease of this.leases.values()) lease.release()
      this.leases.clear()
    } else if (before === true) for (const device of this.options.users()) this.recheck(device)
  }

  private pump(): void {
    for (const device of this.toAsk) {
      if (this.asking >= atATime) return
      this.toAsk.delete(device)
      if (!this.options.uses(device)) continue
      this.asking++
      const asked = this.refusal(device)
      void Promise.resolve(asked).then(() => {
        this.asking--
        const lease = this.leases.get(device)
        if (lease?.decision !== undefined) this.decided(lease)
        this.pump()
      })
    }
  }

  /** Questions about devices that no longer use the service are given up. */
  private clearLater(): void {
    if (this.clearing) return
    this.clearing = true
    this.host.clock.after(clearEvery, () => {
      this.clearing = false
      if (this.stopped) return
      for (const [device, lease] of this.leases) {
        if (!lease.asked && !this.options.uses(device)) {
          this.leases.delete(device)
          lease.release()
        }
        lease.asked = false
      }
      if (this.leases.size > 0) this.clearLater()
    })
  }
}
