/** Registering what was heard (SPEC §3.2; FIG 8 step 807, FIG 9 step 908). Constant work a code, one write a report. */
import type { Exchange, Write } from '../../signalling/index.ts'
import { type ProseMatch, readBody } from '../schemas/index.ts'
import { deviceKey } from '../services/devices.ts'
import type { Subscribers } from '../services/subscribers.ts'
import type { BroadcastCode } from './broadcast-codes.ts'
import type { Device } from './devices.ts'
import { discoverable, discoverer } from './permissions.ts'
import type { Registry } from './registry.ts'

/** What a report did: writes to make durable, and peers that came or went. */
interface MatchOutcome {
  readonly known: number
  readonly unknown: number
  readonly writes: readonly Write[]
  readonly changed: readonly string[]
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
  const outcome = registerMatches(registry, reporter.key, report)
  host.count('codes_matched', outcome.known)
  if (outcome.unknown > 0) host.count('codes_unknown', outcome.unknown)
  if (outcome.writes.length === 0) return settle(exchange, registry, reporter.key, outcome)
  return registry.ledger.write(outcome.writes).then(() => settle(exchange, registry, reporter.key, outcome))
}

function settle(exchange: Exchange, registry: Registry, reporter: string, { known, unknown, changed }: MatchOutcome): void {
  if (unknown === 0) exchange.reply(200)
  else if (known === 0) exchange.reply(404, { warning: 'no code is known' })
  else exchange.reply(200, { warning: `${unknown} of ${known + unknown} codes are unknown` })
  registry.telling.tellWatchers(reporter, changed)
}

/**
 * Turns codes into devices and keeps them in the reporter's list. `since` and `lastHeard` are the times at which the device
 * says that it heard. Its clock may be wrong: what is yet to come counts as heard now, by however much. What is older than an
 * entry lives, or no newer than what is known, changes nothing; the code is known all the same, so the answer is 200.
 */
function registerMatches(registry: Registry, reporter: string, report: ProseMatch): MatchOutcome {
  const now = registry.now()
  const writes: Write[] = []
  const changed: string[] = []
  let known = 0
  let unknown = 0
  for (const { code: text, at, rssi } of report.heard) {
    const code = countedCode(registry, reporter, text, now)
    if (code === undefined) {
      unknown++
      continue
    }
    known++
    if (code.device === reporter) continue // heard itself
    const write = hear(registry, reporter, code, Math.min(Date.parse(at), now), rssi, now, changed)
    if (write !== undefined) writes.push(write)
  }
  for (const text of report.lost ?? []) {
    const code = countedCode(registry, reporter, text, now)
    if (code === undefined) {
      unknown++
      continue
    }
    known++
    const relation = registry.lists.entriesOf(reporter).get(code.device)
    // The peer may have rotated: only the code under which it was heard last can be lost.
    if (relation === undefined || relation.code !== code.text || !registry.lists.remove(relation)) continue
    writes.push(registry.ledger.deleteRelation(relation))
    changed.push(code.device)
  }
  return { known, unknown, writes, changed }
}

/** In mode `listed` a code that is not on the reporter's list is as unknown as an expired one. */
function countedCode(registry: Registry, reporter: string, text: string, now: number): BroadcastCode | undefined {
  const code = registry.codes.find(text, now)
  if (code === undefined) return undefined
  if (!registry.devices.has(code.device, discoverable)) return undefined
  return registry.rules.mode === 'all' || registry.monitors.has(reporter, code.device) ? code : undefined
}

function hear(
  registry: Registry,
  reporter: string,
  code: BroadcastCode,
  at: number,
  rssi: number | undefined,
  now: number,
  changed: string[],
): Write | undefined {
  const { lists } = registry
  const peer = code.device
  let relation = lists.find(reporter, peer, now)
  if (relation !== undefined) {
    if (at <= relation.lastHeard) return undefined // overtaken by a later report
    relation.lastHeard = at
    relation.rssi = rssi
    relation.code = code.text
  } else {
    relation = { reporter, peer, since: at, lastHeard: at, rssi, code: code.text }
    if (lists.due(relation) <= now) return undefined // heard too long ago to count
    registry.relations.place(relation)
    changed.push(peer)
  }
  return registry.ledger.putRelation(relation, lists.due(relation))
}
