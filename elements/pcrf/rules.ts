/** The operator's rules (SPEC §6.2): the first that matches device, service and time decides. */

import type { PolicyService } from '../shared/clients/policy.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { dayNames, isWithin, type RuleHours, readHours, Zone } from '../shared/values/hours.ts'
import { SettingsError } from '../shared/values/settings-error.ts'
import type { RuleSettings } from './settings-type.ts'

const services: readonly PolicyService[] = ['proximity', 'push', 'location']

/** Roles of a device in the service proximity (SPEC §3.1). */
export type PolicyRole = 'discoverable' | 'discoverer'
export const policyRoles: readonly PolicyRole[] = ['discoverable', 'discoverer']

type QuotaPeriod = 'day' | 'month' | 'ever'

interface RuleQuota {
  readonly count: number | undefined
  /** Milliseconds. */
  readonly time: number | undefined
  readonly per: QuotaPeriod
}

export interface PolicyRule {
  readonly name: string
  /** Canonical, as they are written; undefined: all. */
  readonly named: readonly string[] | undefined
  /** The same by the identifiers that elements know them by. */
  subscribers: ReadonlySet<string> | undefined
  readonly services: ReadonlySet<PolicyService> | undefined
  readonly roles: ReadonlySet<PolicyRole> | undefined
  readonly days: ReadonlySet<number> | undefined
  readonly hours: RuleHours | undefined
  readonly zone: Zone
  readonly decision: 'allow' | 'deny'
  readonly quota: RuleQuota | undefined
}

export class PolicyRules {
  private readonly rules: readonly PolicyRule[]
  private readonly byDefault: 'allow' | 'deny'

  /** Throws, naming the rule, where settings make no sense. */
  constructor(settings: readonly RuleSettings[], byDefault: 'allow' | 'deny', domains: readonly string[]) {
    const zones = new Map<string, Zone>()
    this.byDefault = byDefault
    this.rules = settings.map((rule, index) => {
      const name = rule.name ?? `rule ${index + 1}`
      try {
        return readRule(name, rule, domains, zones)
      } catch (error) {
        if (!(error instanceof SettingsError)) throw error
        throw new SettingsError(`${name}: ${error.found}`, error.expected)
      }
    })
    const names = this.rules.map(({ name }) => name)
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined) throw new SettingsError(`two rules have the name ${twice}`, 'a name of its own for each')
  }

  /** Subscribers named by the rules. */
  get names(): readonly string[] {
    return this.rules.flatMap(({ named }) => named ?? [])
  }

  /**
   * @param idOf the subscriber that a name means now
   */
  identify(idOf: (name: string) => string): void {
    for (const rule of this.rules) rule.subscribers = rule.named && new Set(rule.named.map(idOf))
  }

  /** Some rule is about a role alone. */
  get tellRolesApart(): boolean {
    return this.rules.some(({ roles }) => roles !== undefined)
  }

  /** The rule for a device now, in that role if it has one; undefined: none, and the default decides. */
  find(device: string, service: PolicyService, now: number, role?: PolicyRole): PolicyRule | undefined {
    return this.rules.find(
      ({ subscribers, services, roles, days, hours, zone }) =>
        (subscribers?.has(device) ?? true) &&
        (services?.has(service) ?? true) &&
        (roles === undefined || (role !== undefined && roles.has(role))) &&
        ((days === undefined && hours === undefined) || isWithin(zone.at(now), days, hours)),
    )
  }

  decide(rule: PolicyRule | undefined): 'allow' | 'deny' {
    return rule?.decision ?? this.byDefault
  }

  /** Services that everybody may use at any time without a quota. */
  get open(): readonly PolicyService[] {
    return services.filter((service) => {
      for (const { subscribers, services, roles, days, hours, decision, quota } of this.rules) {
        if ((services !== undefined && !services.has(service)) || (roles !== undefined && service !== 'proximity')) continue
        if (decision === 'deny' || quota !== undefined) return false
        if (subscribers === undefined && roles === undefined && days === undefined && hours === undefined) return true
      }
      return this.byDefault === 'allow'
    })
  }

  /** Another text whenever time alone may have changed a decision; the empty one: it never does. */
  moment(now: number): string {
    const parts = this.rules.map(({ days, hours, zone, quota }) => {
      const timed = days === undefined && hours === undefined ? '' : isWithin(zone.at(now), days, hours) ? 'in' : 'out'
      return quota === undefined || quota.per === 'ever' ? timed : `${timed} ${periodOf(quota.per, zone, now)}`
    })
    return parts.some((text) => text !== '') ? parts.join() : ''
  }
}

/** The name of a quota's period: `2026-11-22`, `2026-11`, `ever`. */
export function periodOf(per: QuotaPeriod, zone: Zone, now: number): string {
  if (per === 'ever') return 'ever'
  const { date } = zone.at(now)
  return per === 'day' ? date : date.slice(0, 7)
}

/** The fault of a rule by itself; undefined: none. */
export function faultOfRule(settings: RuleSettings, domains: readonly string[]): SettingsError | undefined {
  try {
    readRule('', settings, domains, new Map())
    return undefined
  } catch (error) {
    if (error instanceof SettingsError) return error
    throw error
  }
}

function readRule(name: string, settings: RuleSettings, domains: readonly string[], zones: Map<string, Zone>): PolicyRule {
  const { subscribers, services, roles, days, hours, zone = 'UTC', decision = 'allow', quota } = settings
  const keys = subscribers?.map((text) => {
    const key = subscriberKey(text, domains)
    if (key === undefined)
      throw new SettingsError(`${text} is no identifier of a subscriber`, 'a URI, an IP address or a user name')
    return key
  })
  if (roles !== undefined && quota !== undefined)
    throw new SettingsError('roles beside a quota, which is for both roles together', 'roles or a quota')
  if (roles !== undefined && services?.includes('proximity') === false)
    throw new SettingsError('roles of the service proximity, which services leave out', 'proximity among services, or no roles')
  if (decision === 'deny' && quota !== undefined)
    throw new SettingsError('a quota of what is denied', 'decision: allow, or no quota')
  if (quota !== undefined && quota.count === undefined && quota.seconds === undefined)
    throw new SettingsError('the quota has neither count nor seconds', 'quota: { count: … } or { seconds: … }')
  return {
    name,
    named: keys,
    subscribers: keys && new Set(keys),
    services: services && new Set(services),
    roles: roles && new Set(roles),
    days: days && new Set(days.map((day) => dayNames.indexOf(day))),
    hours: hours === undefined ? undefined : readHours(hours),
    zone: zoneOf(zone, zones),
    decision,
    quota: quota && {
      count: quota.count,
      time: quota.seconds === undefined ? undefined : quota.seconds * 1000,
      per: quota.per ?? 'ever',
    },
  }
}

function zoneOf(name: string, zones: Map<string, Zone>): Zone {
  let zone = zones.get(name)
  if (zone === undefined) {
    try {
      zone = new Zone(name)
    } catch (error) {
      throw new SettingsError(`zone: ${name} is no time zone (${(error as Error).message})`, 'one such as Europe/Berlin')
    }
    zones.set(name, zone)
  }
  return zone
}
