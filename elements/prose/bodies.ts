/** NOTIFY bodies from the proximity server's state (SPEC §3.1, §3.3, §3.4). */
import type { Body, RenderContext, StatePart } from '../../signalling/index.ts'
import { type ProseState, type Proximate, writeBody } from '../schemas/index.ts'
import { discoverable, discoverer, roleNames } from '../shared/permissions/device-permissions.ts'
import type { ProseView } from './state/devices.ts'
import type { Relation } from './state/proximate-list.ts'
import type { Registry } from './state/registry.ts'
import { diffType, type ProximityView } from './state/watchers.ts'

/** The NOTIFY of the package `prose` that is rendered. */
interface ProseRendering {
  readonly version: number
  /** It tells the subscriber that its subscription is over. */
  readonly ending?: boolean
}

export function proseBody(registry: Registry, view: ProseView, { version, ending = false }: ProseRendering): Body {
  // The grant ends with the subscription, and a role that is not granted is absent (SPEC §3.1): the last NOTIFY
  // grants nothing, even where another subscription of the device keeps its code alive.
  if (ending) return writeBody('prose-state', { version, device: view.device, roles: [] })
  const { refresh, confirmed } = registry.rules
  const device = registry.devices.find(view.device)
  const code = view.roles & discoverable ? device?.code : undefined
  const state: ProseState = {
    version,
    device: view.device,
    roles: roleNames(view.roles),
    announce: code && { code: code.text, validUntil: time(code.validUntil), active: registry.announcing.announces(view.device) },
    monitor:
      view.roles & discoverer
        ? { mode: registry.rules.mode, codes: registry.rules.mode === 'all' ? [] : codesFor(registry, view.device) }
        : undefined,
    report: view.roles & discoverer ? { refresh, ...(confirmed ? { confirmed } : {}) } : undefined,
  }
  return writeBody('prose-state', state)
}

/** Codes that a device is to listen for. */
function codesFor(registry: Registry, owner: string): string[] {
  const now = registry.now()
  const codes: string[] = []
  for (const peer of registry.monitors.peersOf(owner)) {
    const device = registry.devices.find(peer)
    if (device === undefined || (device.roles & discoverable) === 0) continue
    if (device.code !== undefined) codes.push(device.code.text)
    if (device.fading !== undefined && device.fading.validUntil > now) codes.push(device.fading.text)
  }
  return codes
}

export function proximityBody(registry: Registry, view: ProximityView, context: RenderContext<ProximityView>): Body {
  const { device, question } = view
  if (question.kind === 'pair') {
    const proximate = answer(registry, view).length > 0
    return writeBody('proximity-pair', { device, peer: question.peer, proximate })
  }
  const near = answer(registry, view)
  if (context.type !== diffType) {
    return writeBody('proximity-list', { version: context.version, device, proximate: near.map(proximate) })
  }
  // Relations change in place; the told ones are kept as they were.
  const before = context.previous?.lastTold
  const relations = new Map(near.map((relation) => [relation.peer, { ...relation }]))
  if (context.version > 0) view.lastTold = relations // version 0: rendered for its entity tag, told to nobody
  return writeBody('proximity-diff', { version: context.version, device, ...difference(before, relations) })
}

/** Less than all that has changed, in a body of `room` bytes; undefined: the type has no differences, or not even one fits. */
export function proximityPart(
  registry: Registry,
  view: ProximityView,
  { type, version, previous, room }: RenderContext<ProximityView> & { readonly room: number },
): StatePart<ProximityView> | undefined {
  if (type !== diffType || view.question.kind === 'pair') return undefined
  const before = previous?.lastTold
  const relations = new Map(before)
  const near = new Map(answer(registry, view).map((relation) => [relation.peer, relation]))
  let left = room - overhead - Buffer.byteLength(view.device)
  for (const peer of before?.keys() ?? []) {
    if (near.has(peer) || (left -= Buffer.byteLength(JSON.stringify(peer)) + separator) < 0) continue
    relations.delete(peer)
  }
  for (const [peer, relation] of near) {
    const relationBefore = relations.get(peer)
    if (
      relationBefore?.since === relation.since &&
      relationBefore.lastHeard === relation.lastHeard &&
      relationBefore.rssi === relation.rssi
    )
      continue
    left -= Buffer.byteLength(JSON.stringify(proximate(relation))) + separator
    if (left < 0) break
    relations.set(peer, { ...relation })
  }
  const changed = difference(before, relations)
  if (changed.added.length + changed.refreshed.length + changed.removed.length === 0) return undefined
  const body = writeBody('proximity-diff', { version, device: view.device, ...changed })
  return { body, state: { ...view, lastTold: relations } }
}

const overhead = 200 // bytes of a difference without entries, at most, but for its device
const separator = 4

/** Full state where nothing was told before; otherwise relations that came, went and were heard again. */
export function difference(before: ReadonlyMap<string, Relation> | undefined, after: ReadonlyMap<string, Relation>) {
  const added: Proximate[] = []
  const removed: string[] = []
  const refreshed: Proximate[] = []
  for (const [peer, relation] of after) {
    const old = before?.get(peer)
    if (old === undefined || old.since !== relation.since) added.push(proximate(relation))
    else if (old.lastHeard !== relation.lastHeard || old.rssi !== relation.rssi) refreshed.push(proximate(relation))
  }
  for (const peer of before?.keys() ?? []) if (!after.has(peer)) removed.push(peer)
  return { full: before === undefined, added, removed, refreshed }
}

function answer(registry: Registry, { device, question, mutual }: ProximityView): Relation[] {
  const { lists } = registry
  const now = registry.now()
  if (question.kind === 'list') return lists.near(device, now, mutual)
  const near: Relation[] = []
  for (const peer of question.kind === 'pair' ? [question.peer] : question.peers) {
    const relation = lists.find(device, peer, now)
    if (relation !== undefined && (!mutual || lists.find(peer, device, now) !== undefined)) near.push(relation)
  }
  return near
}

function proximate({ peer, since, lastHeard, rssi }: Relation): Proximate {
  return { device: peer, since: time(since), lastHeard: time(lastHeard), rssi }
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
