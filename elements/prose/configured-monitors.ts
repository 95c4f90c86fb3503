/** Monitor lists of the settings (SPEC §3.1), by the devices that their names mean now. */

import type { Subscribers } from '../shared/clients/subscribers.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { NamedSubscribers } from '../shared/identifiers/named-subscribers.ts'
import { SettingsError } from '../shared/values/settings-error.ts'
import type { Registry } from './state/registry.ts'

/** That one listens for the other. */
interface MonitorPair {
  readonly owner: string
  readonly peer: string
}

export class ConfiguredMonitors {
  private readonly registry: Registry
  private readonly named: NamedSubscribers
  /** As they are written, canonical. */
  private readonly written: readonly MonitorPair[]
  /** As they are in force, in the same order. */
  private placed: readonly MonitorPair[]

  /** Puts the lists in place. Throws where an identifier is none. */
  constructor(registry: Registry, subscribers: Subscribers, lists: { readonly [device: string]: readonly string[] }) {
    this.registry = registry
    this.named = new NamedSubscribers(registry.host, subscribers, () => this.follow(), false)
    this.written = pairsOf(lists, registry.host.domains)
    this.placed = this.written
    for (const { owner, peer } of this.placed) registry.monitors.add(owner, peer, 'standing')
  }

  /** Asks the HSS which devices the names mean. */
  start(): void {
    this.named.follow(this.written.flatMap(({ owner, peer }) => [owner, peer]))
  }

  stop(): void {
    this.named.stop()
  }

  private follow(): void {
    const { named, registry, placed } = this
    this.placed = this.written.map(({ owner, peer }) => ({ owner: named.idOf(owner), peer: named.idOf(peer) }))
    for (const [i, { owner, peer }] of this.placed.entries()) {
      const before = placed[i]!
      if (before.owner === owner && before.peer === peer) continue
      registry.announcing.changeMonitors(owner, [peer], [], 'standing')
      registry.announcing.changeMonitors(before.owner, [], [before.peer], 'standing')
    }
  }
}

function pairsOf(lists: { readonly [device: string]: readonly string[] }, domains: readonly string[]): readonly MonitorPair[] {
  const key = (text: string): string => {
    const found = subscriberKey(text, domains)
    if (found === undefined) throw new SettingsError(`monitors: ${text} is no identifier`, 'a URI, an IP address or a user name')
    return found
  }
  return Object.entries(lists).flatMap(([device, peers]) => peers.map((peer) => ({ owner: key(device), peer: key(peer) })))
}
