/**
 * The lease of one device on one service, as long as an element asks about it (SPEC §6.2): decision, grants, and units that
 * go back.
 */
import type { Json, Notifier, Store } from '../../signalling/index.ts'
import type { PolicyService } from '../shared/clients/policy.ts'
import type { QuotaAccount, QuotaAccounts } from './accounts.ts'
import { type PolicyRole, type PolicyRule, type PolicyRules, policyRoles } from './rules.ts'

/** Units granted at a time: a killed asker loses no more. */
export interface GrantBlocks {
  readonly count: number
  /** Milliseconds. */
  readonly time: number
}

/** The parts that leases share. */
interface LeaseParts {
  readonly store: Store
  readonly accounts: QuotaAccounts
  readonly blocks: GrantBlocks
  /** The rules now in force. */
  readonly rules: () => PolicyRules
  readonly now: () => number
}

/** The rule for one role, or for the whole service. */
interface RoleRule {
  readonly role: PolicyRole | undefined
  readonly rule: PolicyRule | undefined
}

/** The part of a lease that outlives the process: stored with the subscription, beside the account. */
export interface LeaseRecord {
  readonly [member: string]: Json | undefined
  readonly lease: string
  readonly service: PolicyService
  readonly rule?: string
  readonly period?: string
  readonly used: number
  readonly granted?: number
  readonly until?: number
}

/** Names a lease among all of a PCRF: askers name their own. */
export function leaseKey(asker: string, lease: string): string {
  return `${asker} ${lease}`
}

export class Lease {
  /** Of all leases of this PCRF. */
  readonly key: string
  readonly id: string
  readonly device: string
  readonly service: PolicyService
  notifier: Notifier | undefined
  decision: 'allow' | 'deny' = 'deny'
  cause: string | undefined
  /** Roles that are allowed; undefined: no rule tells them apart. */
  roles: readonly PolicyRole[] | undefined
  /** Units since it began, used ones included; undefined: as many as it likes. */
  granted: number | undefined
  /** Milliseconds since the epoch; undefined: as long as it likes. */
  until: number | undefined
  private used = 0
  /** Of the quota that applies nothing is left. */
  private usedUp = false
  private rule: string | undefined
  /** Of the account, when it was booked on: another one has forgotten it. */
  private period = ''
  private account: QuotaAccount | undefined
  private readonly ground: LeaseParts
  private work: Promise<unknown> = Promise.resolve()
  private over = false

  /** @param asker names the lease, beside others of its own */
  constructor(ground: LeaseParts, device: string, asker: string, record: LeaseRecord) {
    const { lease, service, used, granted, rule, period, until } = record
    this.ground = ground
    this.key = leaseKey(asker, lease)
    this.id = lease
    this.device = device
    this.service = service
    this.used = used
    this.granted = granted
    this.rule = rule
    this.period = period ?? ''
    this.until = until
  }

  /** The grant of the service and its end; neither: no limit to an allowed use. */
  get limit(): { readonly count?: number | undefined; readonly until?: number | undefined } {
    return this.usedUp ? {} : { count: this.granted, until: this.until }
  }

  get record(): LeaseRecord {
    const { id: lease, service, rule, period, used, granted, until } = this
    return { lease, service, rule, period, used, granted, until }
  }

  /**
   * Decides by the present rules and grants units, durably; one after the other. Resolves with whether the answer has
   * changed.
   */
  decide(): Promise<boolean> {
    return this.next(() => this.decideNow())
  }

  /** The asker says how much it has used since the lease began. More than was granted: the PCRF was away. */
  report(used: number): void {
    if (used <= this.used) return
    this.used = used
    const over = this.granted === undefined ? 0 : used - this.granted
    if (over <= 0) return
    this.granted = used
    if (this.account !== undefined) this.account.count += over
  }

  /** @param inGoodOrder the asker has said its use: the rest goes back */
  close(inGoodOrder: boolean): Promise<unknown> {
    if (this.over) return this.work
    this.over = true
    return this.next(() => this.leaveAccount(inGoodOrder))
  }

  private next<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.work.then(work)
    this.work = done.catch(() => undefined) // its caller hears of the fault
    return done
  }

  private async decideNow(): Promise<boolean> {
    if (this.over && this.account === undefined) return false
    const { rules, now } = this.ground
    const before = this.answer
    const apart = rules().tellRolesApart && this.service === 'proximity'
    const found = (apart ? policyRoles : [undefined]).map((role): RoleRule => {
      return { role, rule: rules().find(this.device, this.service, now(), role) }
    })
    // of two roles at most one rule has a quota: a rule about one role has none, and any other is about both
    const limiting = found.find(({ rule }) => rule?.quota !== undefined)?.rule
    if (limiting === undefined) {
      await this.leaveAccount(true)
      this.granted = undefined
      this.until = undefined
      this.rule = undefined
      this.usedUp = false
    } else this.usedUp = await this.bookQuota(limiting)
    this.decideByRole(found, limiting, apart) // in the same turn: an answer sent meanwhile is wholly the old one or the new one
    return this.answer !== before
  }

  private decideByRole(found: readonly RoleRule[], limiting: PolicyRule | undefined, apart: boolean): void {
    const { rules } = this.ground
    const isAllowed = (rule: PolicyRule | undefined): boolean =>
      rule !== undefined && rule === limiting ? !this.usedUp : rules().decide(rule) === 'allow'
    const allowed = found.filter(({ rule }) => isAllowed(rule))
    this.roles = apart ? allowed.flatMap(({ role }) => role ?? []) : undefined
    this.decision = allowed.length > 0 ? 'allow' : 'deny'
    if (this.decision === 'allow') this.cause = undefined
    else if (limiting !== undefined && this.usedUp) this.cause = `${limiting.name}: the quota is used up`
    else this.cause = found[0]!.rule?.name ?? 'no rule allows it'
  }

  private get answer(): string {
    return `${this.decision} ${this.roles?.join()} ${this.granted} ${this.until} ${this.cause}`
  }

  /** Whether nothing is left of the quota; else the units due are granted, durably. */
  private async bookQuota(rule: PolicyRule): Promise<boolean> {
    const account = await this.accountOf(rule)
    const now = this.ground.now()
    const before = this.record
    const booked = { count: account.count, time: account.time }
    const unit = this.grantCount(rule, account)
    const time = unit && this.grantTime(rule, account, now)
    const usedUp = !unit || !time
    if (usedUp) this.handBack(account, now)
    const added = { count: account.count - booked.count, time: account.time - booked.time }
    try {
      await this.ground.store.write([account.write(now)])
    } catch (fault) {
      account.count -= added.count // others may have booked on it meanwhile
      account.time -= added.time
      this.granted = before.granted
      this.until = before.until
      throw fault
    }
    return usedUp
  }

  private grantCount({ quota }: PolicyRule, account: QuotaAccount): boolean {
    if (quota!.count === undefined) {
      this.granted = undefined
      return true
    }
    this.granted ??= this.used
    if (this.used < this.granted) return true
    const block = Math.min(this.ground.blocks.count, quota!.count - account.count)
    if (block <= 0) return false
    account.count += block
    this.granted += block
    return true
  }

  private grantTime({ quota }: PolicyRule, account: QuotaAccount, now: number): boolean {
    if (quota!.time === undefined) {
      this.until = undefined
      return true
    }
    if (this.until !== undefined && now < this.until) return true
    const block = Math.min(this.ground.blocks.time, quota!.time - account.time)
    if (block <= 0) return false
    account.time += block
    this.until = now + block
    return true
  }

  /** The account of the rule, of this period. Units booked on another one and not used go back there. */
  private async accountOf(rule: PolicyRule): Promise<QuotaAccount> {
    if (this.rule !== rule.name) await this.leaveAccount(true)
    if (this.account === undefined) {
      this.account = await this.ground.accounts.open(rule, this.service, this.device)
      this.rule = rule.name
    }
    this.account.roll(rule, this.ground.now())
    if (this.period !== '' && this.period !== this.account.period) this.until = undefined // a new period, and new time
    this.period = this.account.period
    return this.account
  }

  private async leaveAccount(handBack: boolean): Promise<void> {
    const { account } = this
    if (account === undefined) return
    const now = this.ground.now()
    this.account = undefined
    if (handBack && this.period === account.period) {
      const { count, time } = account
      this.handBack(account, now)
      const back = { count: count - account.count, time: time - account.time }
      try {
        await this.ground.store.write([account.write(now)])
      } catch (fault) {
        account.count += back.count
        account.time += back.time
        this.ground.accounts.release(account)
        throw fault
      }
    }
    this.period = ''
    this.ground.accounts.release(account)
  }

  private handBack(account: QuotaAccount, now: number): void {
    const unused = Math.max(0, (this.granted ?? this.used) - this.used)
    account.count = Math.max(0, account.count - unused)
    if (this.granted !== undefined) this.granted = this.used
    account.time = Math.max(0, account.time - Math.max(0, (this.until ?? now) - now))
    this.until = undefined
  }
}
