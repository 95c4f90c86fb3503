/** Quota accounts, durable (SPEC §6.2): units used, by rule with a quota, subscriber and service. */
import type { Json, Store, StoreWrite } from '../../signalling/index.ts'
import type { PolicyService } from '../shared/clients/policy.ts'
import { keyPart } from '../shared/identifiers/keys.ts'
import { type PolicyRule, periodOf } from './rules.ts'

const day = 86_400_000

/**
 * The booked units of a quota are all that were granted. An asker that lost its process may have used its grant, so that
 * stays booked.
 */
export class QuotaAccount {
  readonly key: string
  /** Users of this object; the last one lets it go. */
  holders = 0
  period: string
  /** Units. */
  count: number
  /** Milliseconds. */
  time: number

  constructor(key: string, kept: { readonly period: string; readonly count: number; readonly time: number } | undefined) {
    this.key = key
    this.period = kept?.period ?? ''
    this.count = kept?.count ?? 0
    this.time = kept?.time ?? 0
  }

  /** Begins again at 0 when the period has changed. */
  roll({ quota, zone }: PolicyRule, now: number): void {
    const period = periodOf(quota!.per, zone, now)
    if (period === this.period) return
    this.period = period
    this.count = 0
    this.time = 0
  }

  write(now: number): StoreWrite {
    const { key, period, count, time } = this
    if (period === 'ever') return { key, value: { period, count, time } }
    return { key, value: { period, count, time }, expires: now + (period.length > 7 ? 3 : 70) * day }
  }
}

export class QuotaAccounts {
  private readonly store: Store
  private readonly prefix: string
  private readonly held = new Map<string, QuotaAccount>()

  constructor(store: Store, name: string) {
    this.store = store
    this.prefix = `pcrf/${keyPart(name)}/quota/`
  }

  get size(): number {
    return this.held.size
  }

  /** The one account of that name, to be given back by `release`. */
  async open(rule: PolicyRule, service: PolicyService, device: string): Promise<QuotaAccount> {
    const key = `${this.prefix}${keyPart(rule.name)}/${service}/${keyPart(device)}`
    if (!this.held.has(key)) {
      const found = await this.store.get(key)
      // another may have asked meanwhile
      if (!this.held.has(key)) this.held.set(key, new QuotaAccount(key, found?.value as (Json & QuotaAccount) | undefined))
    }
    const account = this.held.get(key)!
    account.holders++
    return account
  }

  release(account: QuotaAccount): void {
    if (--account.holders === 0) this.held.delete(account.key)
  }
}
