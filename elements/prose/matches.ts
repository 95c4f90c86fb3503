/** Registering of heard codes (SPEC §3.2; FIG 8 step 807, FIG 9 step 908). Constant work a code, one write a report. */
import type { Exchange } from '../../signalling/index.ts'
import { type ProseMatch, readBody } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import { discoverable, discoverer } from '../shared/permissions/device-permissions.ts'
import type { BroadcastCode } from './state/broadcast-codes.ts'
import type { Device } from './state/devices.ts'
import type { Relation } from './state/proximate-list.ts'
import type { Registry } from './state/registry.ts'

const underWay = 40_000 // milliseconds that a report may be under way: Timer F (RFC 3261 §17.1.2.2), and some

/** The effect of a report, once that is durable. */
interface MatchPlan {
  readonly reporter: string
  readonly known: number
  readonly unknown: number
  /** Heard too long ago to count. */
  readonly old: number
  /** Not confirmed, where that is demanded. */
  readonly unconfirmed: number
  /** As they will be. */
  readonly heardRelations: readonly Relation[]
  readonly lost: readonly Relation[]
}

/** Answers a `prose-match`. Nothing is awaited but the store. */
export function handleMatch(exchange: Exchange, registry: Registry, subscribers: Subscribers): void | Promise<void> {
  const body = readBody(exchange.request, 'prose-match')
  if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
  const reporter = reporterOf(exchange, registry, subscribers)
  return reporter instanceof Promise
    ? reporter.then((device) => register(exchange, registry, device, body.value))
    : register(exchange, registry, reporter, body.value)
}

function reporterOf(exchange: Exchange, registry: Registry, subscribers: Subscribers) {
  if (exchange.asserted === undefined) return undefined
  const key = deviceKey(exchange.asserted.uri, registry.host.domains)
  const device = key === undefined ? undefined : registry.devices.find(key)
  if (device !== undefined) return device
  const record = subscribers.lookup(exchange.asserted.uri) // maybe an alias
  if (record instanceof Promise) return record.then((found) => found && registry.devices.find(found.id))
  return record && registry.devices.find(record.id)
}

function register(
  exchange: Exchange,
  registry: Registry,
  reporter: Device | undefined,
  report: ProseMatch,
): void | Promise<void> {
  const { host } = registry
  if (reporter === undefined || (reporter.roles & discoverer) === 0) {
    host.count('matches_refused')
    return exchange.reply(403)
  }
  reporter.skew = skewOf(reporter.skew, report.sent ?? exchange.request.text('Date'), registry.now())
  const plan = planMatches(registry, reporter, report)
  host.count('codes_matched', plan.known)
  if (plan.unknown > 0) host.count('codes_unknown', plan.unknown)
  const { heardRelations, lost } = plan
  if (heardRelations.length + lost.length === 0) return settle(exchange, registry, plan, [])
  return registry.relations.report(heardRelations, lost).then((changed) => settle(exchange, registry, plan, changed))
}

/** @param changed peers that came or went */
function settle(exchange: Exchange, registry: Registry, plan: MatchPlan, changed: readonly string[]): void {
  const { known, unknown, unconfirmed } = plan
  if (known === 0 && unconfirmed > 0)
    exchange.reply(403, {
      warning: 'no code is confirmed: challenge who broadcasts over the air, and say "confirmed": true',
    })
  else if (known === 0 && unknown > 0)
    exchange.reply(404, { warning: 'no code is known; expected codes heard now, in mode listed of the monitor list' })
  else exchange.reply(200, { warning: warningOf(registry, plan) })
  registry.notifying.tellWatchers(plan.reporter, changed)
}

/** The ignored part of a report, with reasons; undefined: all of it counted. */
function warningOf({ rules }: Registry, { known, unknown, old, unconfirmed }: MatchPlan): string | undefined {
  const all = known + unknown + unconfirmed
  const parts: string[] = []
  if (unknown > 0) parts.push(`${unknown} of ${all} codes are unknown`)
  if (unconfirmed > 0) parts.push(`${unconfirmed} of ${all} codes are not confirmed, which this server demands`)
  const lifetime = rules.entryLifetime / 1000
  if (old > 0)
    parts.push(`${old} of ${all} codes were heard more than ${lifetime} s ago: set the clock, or say when it is "sent"`)
  return parts.length === 0 ? undefined : parts.join('; ')
}

/**
 * Lag of a device's clock behind ours, by the time at which it says that it sends. The least lag seen counts, so that a
 * report which was long under way is not taken for another clock. It is measured anew where it is more than any report can
 * be under way.
 */
function skewOf(known: number | undefined, sent: string | undefined, now: number): number | undefined {
  const behind = sent === undefined ? Number.NaN : now - Date.parse(sent)
  if (Number.isNaN(behind)) return known
  return known === undefined || behind < known || behind > known + underWay ? behind : known
}

/**
 * Turns codes into devices for the reporter's list. `since` and `lastHeard` are the times at which the device says that it
 * heard, by our clock where it says when it sends. A time in the future counts as now. A code older than an entry lives, or
 * no newer than the entry, changes nothing. Such a code is known all the same, so the answer is 200.
 */
function planMatches(registry: Registry, { key: reporter, skew = 0 }: Device, report: ProseMatch): MatchPlan {
  const { lists, rules } = registry
  const now = registry.now()
  const heardRelations = new Map<string, Relation>()
  const lost = new Map<string, Relation>()
  let known = 0
  let unknown = 0
  let old = 0
  let unconfirmed = 0
  for (const { code: text, at, rssi, confirmed } of report.heard) {
    const code = countedCode(registry, reporter, text, now)
    if (code === undefined) {
      unknown++
      continue
    }
    if (rules.confirmed && confirmed !== true) {
      unconfirmed++
      continue
    }
    known++
    if (code.device === reporter) continue // heard itself
    const before = heardRelations.get(code.device) ?? lists.find(reporter, code.device, now)
    const relation = heardAgain(reporter, code, Math.min(Date.parse(at) + skew, now), rssi, before)
    if (relation === undefined) continue
    if (lists.due(relation) > now) heardRelations.set(code.device, relation)
    else old++
  }
  for (const text of report.lost ?? []) {
    const code = countedCode(registry, reporter, text, now)
    if (code === undefined) {
      unknown++
      continue
    }
    known++
    const relation = heardRelations.get(code.device) ?? lists.entriesOf(reporter).get(code.device)
    // The peer may have rotated: only the code under which it was heard last can be lost.
    if (relation === undefined || relation.code !== code.text) continue
    heardRelations.delete(code.device)
    lost.set(code.device, relation)
  }
  return {
    reporter,
    known,
    unknown,
    old,
    unconfirmed,
    heardRelations: [...heardRelations.values()],
    lost: [...lost.values()],
  }
}

/** Undefined: overtaken by a later report. */
function heardAgain(
  reporter: string,
  code: BroadcastCode,
  at: number,
  rssi: number | undefined,
  before: Relation | undefined,
): Relation | undefined {
  if (before !== undefined && at <= before.lastHeard) return undefined
  return { reporter, peer: code.device, since: before?.since ?? at, lastHeard: at, rssi, code: code.text }
}

/** In mode `listed` a code that is not on the reporter's list is as unknown as an expired one. */
function countedCode(registry: Registry, reporter: string, text: string, now: number): BroadcastCode | undefined {
  const code = registry.codes.find(text, now)
  if (code === undefined) return undefined
  if (!registry.devices.has(code.device, discoverable)) return undefined
  return registry.rules.mode === 'all' || registry.monitors.has(reporter, code.device) ? code : undefined
}
