/** Monitor lists by an application server's trigger (SPEC §3.1, FIG 9). */
import type { Exchange } from '../../signalling/index.ts'
import { readBody } from '../schemas/index.ts'
import { askerOf } from '../services/asker.ts'
import { isNameOf } from '../services/devices.ts'
import type { Subscribers } from '../services/subscribers.ts'
import { keysOf, notYours, recordFor } from './asking.ts'
import { discoverer } from './permissions.ts'
import type { Registry } from './registry.ts'
import { tooManyStrangers } from './strangers.ts'

/** Answers a `prose-monitor`: durable, then acknowledged, then told to the device. */
export async function handleTrigger(exchange: Exchange, registry: Registry, subscribers: Subscribers): Promise<void> {
  const body = readBody(exchange.request, 'prose-monitor')
  if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
  const { device: named, application, set, add = [], remove = [] } = body.value
  const { domains } = registry.host
  const asker = askerOf(exchange, domains)
  const found = asker && (await recordFor(subscribers, asker, named, application))
  if (!found || (found.permitted & discoverer) === 0) {
    registry.host.count('triggers_refused')
    return exchange.reply(403, { warning: found ? 'no permission to discover' : notYours })
  }
  const device = found.record.id
  const own = isNameOf(asker!, found.record, domains)
  if (own && !registry.strangers.admits(subscribers, [...(set ?? []), ...add, ...remove], device))
    return exchange.reply(503, tooManyStrangers)
  const [setKeys, addKeys, removeKeys] = await Promise.all(
    [set ?? [], add, remove].map((devices) => keysOf(subscribers, domains, devices)),
  )
  await registry.triggering.run(device, async () => {
    const before = registry.triggers.get(device) ?? new Set<string>()
    const after = new Set([...(set === undefined ? before : setKeys!), ...addKeys!])
    for (const key of removeKeys!) after.delete(key)
    await registry.ledger.write([registry.ledger.putTrigger(device, [...after])])
    if (after.size > 0) registry.triggers.set(device, after)
    else registry.triggers.delete(device)
    exchange.reply(200)
    registry.announcing.changeMonitors(device, without(after, before), without(before, after), 'standing')
  })
}

function without(a: ReadonlySet<string>, b: ReadonlySet<string>): string[] {
  return [...a].filter((key) => !b.has(key))
}
