/** The proximity server's state in memory, and the parts that change it: each makes its writes and tells its watchers. */
import type { Host, StoreWrite } from '../../../signalling/index.ts'
import type { Charges } from '../../shared/clients/charges.ts'
import { InTurn } from '../../shared/state/in-turn.ts'
import { discoverable, discoverer } from '../../shared/values/permissions.ts'
import type { ProseRules } from '../settings.ts'
import { Announcing } from './announcing.ts'
import { BroadcastCodes } from './broadcast-codes.ts'
import { CodeRotation } from './code-rotation.ts'
import { type Device, Devices } from './devices.ts'
import { Ledger, type PeerSet } from './ledger.ts'
import { MonitorLists } from './monitor-lists.ts'
import { Notifying } from './notifying.ts'
import { ProximateLists } from './proximate-list.ts'
import { Relations } from './relations.ts'
import { Strangers } from './strangers.ts'
import { readTriggered, type TriggeredPeers } from './triggered.ts'

import { ProximityWatchers } from './watchers.ts'

export class Registry {
  readonly rules: ProseRules
  readonly host: Host
  readonly ledger: Ledger
  readonly codes: BroadcastCodes
  readonly lists: ProximateLists
  readonly devices = new Devices()
  readonly monitors = new MonitorLists()
  readonly watchers = new ProximityWatchers()
  /** Monitor lists by trigger (FIG 9). */
  readonly triggers = new Map<string, TriggeredPeers>()
  /** Changes of them, by device. */
  readonly triggering = new InTurn()
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
    this.ledger = new Ledger(host.store, host.name, host.log)
    this.codes = new BroadcastCodes(host.ids, rules.codeLifetime, rules.codeGrace)
    this.lists = new ProximateLists(rules.entryLifetime)
    this.notifying = new Notifying(this.devices, this.monitors, this.watchers, rules)
    this.relations = new Relations(host.clock, this.lists, this.ledger, this.notifying)
    const { codes, devices, ledger, relations, notifying } = this
    this.rotation = new CodeRotation({ host, codes, devices, ledger, relations, notifying, charges })
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

  /** Reads back the state acknowledged before a restart; sets of peers go to the queries that asked about them. */
  async load(restoreSet: (set: PeerSet) => void): Promise<void> {
    await this.ledger.load({
      code: (code) => this.rotation.restore(code),
      relation: (relation) => this.relations.placeWithDeadline(relation),
      trigger: (list) => {
        const { device, peers } = list
        this.triggers.set(device, readTriggered(list))
        for (const peer of new Set(peers)) this.monitors.add(device, peer, 'standing')
      },
      set: restoreSet,
    })
  }

  /** After a restart: codes and relations of devices whose subscription was not taken up again. */
  dropOrphans(): void {
    const { devices, ledger, relations, rotation } = this
    rotation.takenUp()
    for (const device of devices.unsubscribed()) {
      devices.delete(device)
      void ledger.writeSoon([...rotation.withdraw(device), ...relations.forgetHeard(device.key)])
    }
    const stale = [...this.lists.all()].filter(
      ({ reporter, peer }) => !devices.has(reporter, discoverer) || !devices.has(peer, discoverable),
    )
    relations.dropAndTell(stale)
  }

  /** To be called after a device's subscriptions changed. Returns the writes of the change; watchers are told. */
  settleRoles(device: Device): StoreWrite[] {
    const before = device.roles
    device.roles = device.subscriptions.reduce((roles, subscription) => roles | subscription.roles, 0)
    const writes: StoreWrite[] = []
    const lost = before & ~device.roles
    if (lost & discoverable) writes.push(...this.rotation.withdraw(device))
    if (lost & discoverer) writes.push(...this.relations.forgetHeard(device.key))
    if ((before ^ device.roles) & discoverer) this.announcing.settlePeersOf(device.key)
    if (device.roles & ~before & discoverable) {
      device.active = this.announcing.announces(device.key)
      this.notifying.tellOwners(device.key)
    }
    if (device.subscriptions.length === 0 && device.code === undefined) this.devices.delete(device)
    return writes
  }

  /** A device without any subscription needs no code. */
  releaseUnused(device: Device): StoreWrite[] {
    if (device.subscriptions.length > 0) return []
    this.devices.delete(device)
    return this.rotation.withdraw(device)
  }

  stop(): void {
    this.rotation.stop()
    this.relations.stop()
  }
}
