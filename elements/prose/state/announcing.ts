/** Announcing devices (SPEC §3.1, FIG 11 step 1103): they broadcast always, or only while somebody listens. */

import { discoverable, discoverer } from '../../shared/permissions/device-permissions.ts'
import type { ProseRules } from '../settings.ts'
import type { Devices } from './devices.ts'
import type { MonitorLists, MonitorReason } from './monitor-lists.ts'
import type { Notifying } from './notifying.ts'

/** Counts who keeps a device awake. */
export class WakeCounts {
  private readonly counts = new Map<string, number>()

  wake(device: string): void {
    this.counts.set(device, (this.counts.get(device) ?? 0) + 1)
  }

  sleep(device: string): void {
    const count = this.counts.get(device) ?? 0
    if (count > 1) this.counts.set(device, count - 1)
    else this.counts.delete(device)
  }

  awake(device: string): boolean {
    return this.counts.has(device)
  }
}

export class Announcing {
  /** Set queries that ask for a device to be woken. */
  readonly wakes = new WakeCounts()
  private readonly devices: Devices
  private readonly monitors: MonitorLists
  private readonly notifying: Notifying
  private readonly rules: ProseRules

  constructor(devices: Devices, monitors: MonitorLists, notifying: Notifying, rules: ProseRules) {
    this.devices = devices
    this.monitors = monitors
    this.notifying = notifying
    this.rules = rules
  }

  /** Whether a device must broadcast now: a live discoverer has it on its standing list, or a set query woke it. */
  announces(key: string): boolean {
    if (this.rules.announce === 'permanent') return true
    for (const owner of this.monitors.ownersOf(key)) {
      if (this.devices.has(owner, discoverer) && this.monitors.isStanding(owner, key)) return true
    }
    return this.wakes.awake(key)
  }

  /** Puts peers on a device's list and takes others off; tells it if its list is another now, and the peers. */
  changeMonitors(owner: string, add: Iterable<string>, remove: Iterable<string>, reason: MonitorReason): void {
    let changed = false
    const peers = new Set<string>()
    for (const peer of add) {
      peers.add(peer)
      if (this.monitors.add(owner, peer, reason)) changed = true
    }
    for (const peer of remove) {
      peers.add(peer)
      if (this.monitors.remove(owner, peer, reason)) changed = true
    }
    for (const peer of peers) this.updateAndTell(peer)
    if (changed && this.rules.mode === 'listed') this.notifying.tellDevice(owner, discoverer)
  }

  /** The owner listens now, or no longer: its peers may have to broadcast, or may rest. */
  settlePeersOf(owner: string): void {
    if (this.rules.announce === 'permanent') return
    for (const peer of this.monitors.peersOf(owner)) this.updateAndTell(peer)
  }

  /** Tells a device to start or stop broadcasting if that is new to it. */
  private updateAndTell(key: string): void {
    const device = this.devices.find(key)
    if (device === undefined || (device.roles & discoverable) === 0) return
    const active = this.announces(key)
    if (active === device.active) return
    device.active = active
    this.notifying.tellDevice(key, discoverable)
  }
}
