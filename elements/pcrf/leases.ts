/** All leases of a PCRF (SPEC §6.2), by asker and by subscription; decided again when a rule, the time or an asker says so. */
import type { Host, Notifier } from '../../signalling/index.ts'
import type { PolicyQuery } from '../schemas/index.ts'
import { QuotaAccounts } from './accounts.ts'
import { type GrantBlocks, Lease, type LeaseRecord, leaseKey } from './lease.ts'
import type { PolicyRules } from './rules.ts'

export class Leases {
  private readonly host: Host
  private readonly blocks: GrantBlocks
  private readonly rules: () => PolicyRules
  private readonly accounts: QuotaAccounts
  private readonly byKey = new Map<string, Lease>()
  private readonly byNotifier = new Map<string, Lease>()
  private stopped = false

  /** @param rules those in force now */
  constructor(host: Host, blocks: GrantBlocks, rules: () => PolicyRules) {
    this.host = host
    this.blocks = blocks
    this.rules = rules
    this.accounts = new QuotaAccounts(host.store, host.name)
    host.gauge('leases', () => this.byKey.size)
    host.gauge('accounts_held', () => this.accounts.size)
  }

  stop(): void {
    this.stopped = true
  }

  /** The lease that a subscription is about. */
  of(notifier: Notifier): Lease | undefined {
    return this.byNotifier.get(notifier.id)
  }

  /**
   * The lease that the asker names, made now if there is none. Units that it has used already were granted by an earlier
   * process: they are booked.
   */
  obtain(asker: string, device: string, { lease, service, used = 0 }: PolicyQuery): Lease {
    const existing = this.byKey.get(leaseKey(asker, lease))
    return existing ?? this.make(asker, device, used === 0 ? { lease, service, used } : { lease, service, used, granted: used })
  }

  /** One as it was when its record was made. */
  make(asker: string, device: string, record: LeaseRecord): Lease {
    const { blocks, accounts, rules } = this
    const { store, clock } = this.host
    const lease = new Lease({ store, accounts, blocks, rules, now: () => clock.date() }, device, asker, record)
    this.byKey.set(lease.key, lease)
    return lease
  }

  /** The asker's newest subscription is the one that is told. */
  setNotifier(lease: Lease, notifier: Notifier): void {
    if (lease.notifier !== undefined) this.byNotifier.delete(lease.notifier.id)
    lease.notifier = notifier
    this.byNotifier.set(notifier.id, lease)
  }

  /** @param inGoodOrder the asker has said its use. Resolves when it is durable, or logged. */
  close(lease: Lease, inGoodOrder: boolean): Promise<void> {
    if (this.byKey.get(lease.key) === lease) this.byKey.delete(lease.key)
    if (lease.notifier !== undefined) this.byNotifier.delete(lease.notifier.id)
    return lease.close(inGoodOrder).then(
      () => undefined,
      (fault: unknown) => this.failed(fault),
    )
  }

  /** Tells the asker if the answer is another. */
  decideAgain(lease: Lease): void {
    const before = lease.decision
    lease.decide().then(
      (changed) => {
        if (!changed || this.stopped) return
        if (before === 'allow' && lease.decision === 'deny') {
          const { device, service, cause } = lease
          this.host.count('withdrawn')
          this.host.log.info({ device, service, cause }, 'allowed no longer')
        }
        lease.notifier?.keep(lease.record)
        lease.notifier?.notify({ lease })
      },
      (fault: unknown) => this.failed(fault),
    )
  }

  decideAll(): void {
    for (const lease of this.byKey.values()) this.decideAgain(lease)
  }

  private failed(fault: unknown): void {
    if (!this.stopped) this.host.log.error({ fault: String(fault) }, 'a quota could not be written: the store failed')
  }
}
