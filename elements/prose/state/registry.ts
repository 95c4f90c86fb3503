/** The proximity server's state in memory, and the parts that change it: each makes its writes and tells its watchers. */
import type { Host } from '../../../signalling/index.ts'
import type { Charges } from '../../shared/clients/charges.ts'
import { discoverable, discoverer } from '../../shared/permissions/device-permissions.ts'
import { Kept } from '../../shared/state/kept.ts'
import type { ProseRules } from '../settings.ts'
import { Announcing } from './announcing.ts'
import { BroadcastCodes } from './broadcast-codes.ts'
import { CodeRotation } from './code-rotation.ts'
import { type Device, Devices } from './devices.ts'
import { MonitorLists } from './monitor-lists.ts'
import { Notifying } from './notifying.ts'
import { ProximateLists } from './proximate-list.ts'
import { Relations } from './relations.ts'
import { Strangers } from './strangers.ts'
import { readTriggered, storedForm, type TriggeredList, type TriggeredPeers } from './triggered.ts'
import { ProximityWatchers } from './watchers.ts'

export class Registry {
  readonly rules: ProseRules
  readonly host: Host
  readonly codes: BroadcastCodes
  readonly lists: ProximateLists
  readonly devices = new Devices()
  readonly monitors = new MonitorLists()
  readonly watchers = new ProximityWatchers()
  /** Monitor lists by trigger (FIG 9), by device. */
  readonly triggers: Kept<TriggeredPeers>
  readonly strangers: Strangers
  readonly notifying: Notifying
  readonly relations: Relations
  readonly rotation: CodeRotation
  readonly announcing: Announcing

  /** @param charges where chargeable events go; none: nothing is charged */
  constructor(host: Host, rules: ProseRules, charges?: Charges) {
    this.host = host
    this.rules = rules
    this.strangers = new Strangers(host.clock)
    this.codes = new BroadcastCodes(host.ids, rules.codeLifetime, rules.codeGrace)
    this.lists = new ProximateLists(rules.entryLifetime)
    this.notifying = new Notifying(this.devices, this.monitors, this.watchers, rules)
    this.relations = new Relations(host, this.lists, this.devices, this.notifying)
    this.triggers = new Kept<TriggeredPeers>(host, {
      prefix: `prose/${host.name}/trigger/`,
      noun: 'a monitor list',
      toStored: (triggered, device) => storedForm(device, triggered),
      fromStored: (stored) => {
        const list = stored as unknown as TriggeredList
        return [list.device, readTriggered(list)]
      },
    })
    const { codes, devices, relations, notifying } = this
    this.rotation = new CodeRotation({ host, codes, devices, relations, notifying, charges })
    this.announcing = new Announcing(this.devices, this.monitors, this.notifying, rules)
    host.gauge('devices', () => this.devices.size)
    host.gauge('codes', () => this.codes.size)
    host.gauge('relations', () => this.lists.size)
    host.gauge('watchers', () => this.watchers.size)
    host.gauge('monitor_lists', () => this.monitors.size)
  }

  now(): number {
    return this.host.clock.date()
  }

  /** Reads back the state acknowledged before a restart. */
  async load(): Promise<void> {
    await this.rotation.load()
    await this.relations.load()
    await this.triggers.load()
    for (const [device, { peers }] of this.triggers.entries())
      for (const peer of peers) this.monitors.add(device, peer, 'standing')
  }

  /** After a restart: codes and relations of devices whose subscription was not taken up again. */
  dropOrphans(): void {
    const { devices, relations, rotation } = this
    rotation.takenUp()
    for (const device of devices.unsubscribed()) {
      devices.delete(device)
      void rotation.withdraw(device)
      void relations.forgetHeard(device.key)
    }
    const stale = [...this.lists.all()].filter(
      ({ reporter, peer }) => !devices.has(reporter, discoverer) || !devices.has(peer, discoverable),
    )
    relations.expelAndTell(stale)
  }

  /** To be called after a device's subscriptions changed; watchers are told. Durable when it resolves. */
  async settleRoles(device: Device): Promise<void> {
    const before = device.roles
    device.roles = device.subscriptions.reduce((roles, subscription) => roles | subscription.roles, 0)
    const written: Promise<unknown>[] = []
    const lost = before & ~device.roles
    if (lost & discoverable) written.push(this.rotation.withdraw(device))
    if (lost & discoverer) written.push(this.relations.forgetHeard(device.key))
    if ((before ^ device.roles) & discoverer) this.announcing.settlePeersOf(device.key)
    if (device.roles & ~before & discoverable) {
      device.active = this.announcing.announces(device.key)
      this.notifying.tellOwners(device.key)
    }
    if (device.subscriptions.length === 0 && device.code === undefined) this.devices.delete(device)
    await Promise.all(written)
  }

  /** A device without any subscription needs no code. */
  async releaseUnused(device: Device): Promise<void> {
    if (device.subscriptions.length > 0) return
    this.devices.delete(device)
    await this.rotation.withdraw(device)
  }

  async stop(): Promise<void> {
    await Promise.all([this.rotation.stop(), this.relations.stop(), this.triggers.stop()])
  }
}
