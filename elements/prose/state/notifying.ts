/** Notification of a change: to devices by their own subscriptions, and to watchers of proximate lists (SPEC §3.1, §3.3). */

import { discoverer, type RoleBits } from '../../shared/permissions/device-permissions.ts'
import type { ProseRules } from '../settings.ts'
import type { Devices } from './devices.ts'
import type { MonitorLists } from './monitor-lists.ts'
import { concerns, diffType, type ProximityView, type ProximityWatchers, viewOf } from './watchers.ts'

export class Notifying {
  private readonly devices: Devices
  private readonly monitors: MonitorLists
  private readonly watchers: ProximityWatchers
  private readonly rules: ProseRules

  constructor(devices: Devices, monitors: MonitorLists, watchers: ProximityWatchers, rules: ProseRules) {
    this.devices = devices
    this.monitors = monitors
    this.watchers = watchers
    this.rules = rules
  }

  /** NOTIFYs the device's subscriptions that hold one of the roles. */
  tellDevice(key: string, roles: RoleBits): void {
    for (const { notifier, roles: granted } of this.devices.find(key)?.subscriptions ?? []) {
      if (granted & roles) notifier.notify({ device: key, roles: granted })
    }
  }

  /** The peer's codes have changed: every device that lists it gets a new list. */
  tellOwners(peer: string): void {
    if (this.rules.mode === 'all') return
    for (const owner of this.monitors.ownersOf(peer)) this.tellDevice(owner, discoverer)
  }

  /** Relations of a reporter to these peers have come or gone. */
  tellWatchers(reporter: string, peers: readonly string[]): void {
    if (peers.length === 0) return
    let shared: ProximityView | undefined // one state for all who get the whole list: one entity tag, one answer
    for (const watcher of this.watchers.of(reporter)) {
      if (!concerns(watcher.question, peers)) continue
      const hasOwnView = watcher.question.kind !== 'list' || watcher.mutual || watcher.notifier.type === diffType
      watcher.notifier.notify(hasOwnView ? viewOf(watcher) : (shared ??= viewOf(watcher)))
    }
    for (const peer of peers) {
      for (const watcher of this.watchers.mutualOf(peer)) {
        if (concerns(watcher.question, [reporter])) watcher.notifier.notify(viewOf(watcher))
      }
    }
  }
}
