/** The proximity server's state in memory, and the effects of every change of it: what to write and whom to tell. */
import type { Host, Notifier, Write } from '../../signalling/index.ts'
import { mediaType } from '../schemas/index.ts'
import { mustAnnounce, Wakes } from './announcing.ts'
import { type BroadcastCode, BroadcastCodes } from './broadcast-codes.ts'
import { Deadlines } from './deadlines.ts'
import { Ledger, type PeerSet } from './ledger.ts'
import { MonitorLists, type MonitorReason } from './monitor-lists.ts'
import { discoverable, discoverer, type Roles } from './permissions.ts'
import { ProximateLists, type Relation } from './proximate-list.ts'
import type { Rules } from './settings.ts'
import { concerns, type ProximityView, viewOf, Watchers } from './watchers.ts'

/** Its states hold what one subscriber was told, and are not shared. */
export const diffType = mediaType('proximity-diff')

/** State of one NOTIFY of the package `prose`: rendered when it leaves. */
export interface ProseView {
  readonly device: string
  readonly roles: Roles
}

/** One standing proximity service request. */
export interface ProseSubscription {
  readonly notifier: Notifier<ProseView>
  roles: Roles
  readonly application: string | undefined
}

/** A device that was granted something, or whose code is not yet withdrawn. */
export interface Device {
  readonly key: string
  /** Granted to any of its subscriptions. */
  roles: Roles
  /** What the HSS permits, as last heard. */
  permitted: Roles
  code: BroadcastCode | undefined
  /** The code before, while both count. */
  fading: BroadcastCode | undefined
  /** Whether it was last told to broadcast. */
  active: boolean
  readonly subscriptions: ProseSubscription[]
}

export class Registry {
  readonly rules: Rules
  readonly host: Host
  readonly ledger: Ledger
  readonly codes: BroadcastCodes
  readonly lists: ProximateLists
  readonly monitors = new MonitorLists()
  readonly wakes = new Wakes()
  readonly watchers = new Watchers()
  readonly devices = new Map<string, Device>()
  /** Monitor lists by trigger (FIG 9). */
  readonly triggers = new Map<string, ReadonlySet<string>>()
  /** Read back, until the subscriptions they belong to are restored. */
  readonly restoredSets = new Map<string, PeerSet>()
  private readonly codeDeadlines: Deadlines<BroadcastCode>
  private readonly relationDeadlines: Deadlines<Relation>
  /** From the start until subscriptions of an earlier process have had their time to come back. */
  private takingUp = true

  constructor(host: Host, rules: Rules) {
    this.host = host
    this.rules = rules
    this.ledger = new Ledger(host.store, host.name)
    this.codes = new BroadcastCodes(host.ids, rules.codeLifetime, rules.codeGrace)
    this.lists = new ProximateLists(rules.entryLifetime)
    this.codeDeadlines = new Deadlines(
      host.clock,
      (code) => this.codeDue(code),
      (codes, now) => this.codesDue(codes, now),
    )
    this.relationDeadlines = new Deadlines(
      host.clock,
      (relation) => (this.lists.holds(relation) ? this.lists.due(relation) : undefined),
      (relations) => this.dropRelations(relations),
    )
    host.gauge('devices', () => this.devices.size)
    host.gauge('codes', () => this.codes.size)
    host.gauge('relations', () => this.lists.size)
    host.gauge('watchers', () => this.watchers.size)
    host.gauge('monitor_lists', () => this.monitors.size)
  }

  now(): number {
    return this.host.clock.date()
  }

  /** Reads back what was acknowledged before a restart. */
  async load(): Promise<void> {
    await this.ledger.load({
      code: (code) => this.restoreCode(code),
      relation: (relation) => this.placeRelation(relation),
      trigger: (device, peers) => {
        this.triggers.set(device, new Set(peers))
        for (const peer of peers) this.monitors.add(device, peer, 'standing')
      },
      set: (set) => this.restoredSets.set(set.id, set),
    })
  }

  /** After a restart: codes and relations of devices whose subscription was not taken up again. */
  dropOrphans(): void {
    this.takingUp = false
    for (const device of [...this.devices.values()]) {
      if (device.subscriptions.length > 0) continue
      this.devices.delete(device.key)
      void this.record([...this.withdraw(device), ...this.forgetHeard(device.key)])
    }
    const has = (key: string, role: Roles): boolean => ((this.devices.get(key)?.roles ?? 0) & role) !== 0
    const stale = [...this.lists.all()].filter(({ reporter, peer }) => !has(reporter, discoverer) || !has(peer, discoverable))
    this.dropRelations(stale)
    void this.record([...this.restoredSets.keys()].map((id) => this.ledger.deleteSet(id)))
    this.restoredSets.clear()
  }

  stop(): void {
    this.codeDeadlines.stop()
    this.relationDeadlines.stop()
  }

  device(key: string): Device {
    let device = this.devices.get(key)
    if (device === undefined) {
      const none = { roles: 0, permitted: 0, code: undefined, fading: undefined, active: false }
      this.devices.set(key, (device = { key, ...none, subscriptions: [] }))
    }
    return device
  }

  /** Writes that nobody waits for: what they record is true already, and a restart without them heals itself. */
  record(writes: readonly Write[]): Promise<void> {
    return this.ledger.write(writes).catch((fault: unknown) => {
      this.host.log.error({ fault: String(fault) }, 'the store failed')
    })
  }

  // ---- roles

  /** To be called after a device's subscriptions changed. Returns what the change wants written; watchers are told. */
  settleRoles(device: Device): Write[] {
    const before = device.roles
    device.roles = device.subscriptions.reduce((roles, subscription) => roles | subscription.roles, 0)
    const writes: Write[] = []
    const lost = before & ~device.roles
    if (lost & discoverable) writes.push(...this.withdraw(device))
    if (lost & discoverer) writes.push(...this.forgetHeard(device.key))
    if ((before ^ device.roles) & discoverer) this.settleActivityOfPeers(device.key)
    if (device.roles & ~before & discoverable) {
      device.active = this.announces(device.key)
      this.tellOwners(device.key)
    }
    if (device.subscriptions.length === 0 && device.code === undefined) this.devices.delete(device.key)
    return writes
  }

  /** A device without any subscription needs no code. */
  releaseUnused(device: Device): Write[] {
    if (device.subscriptions.length > 0) return []
    this.devices.delete(device.key)
    return this.withdraw(device)
  }

  /** Takes back a device's codes and every relation that rests on them (SPEC §3.1). */
  withdraw(device: Device): Write[] {
    const writes: Write[] = []
    for (const code of [device.code, device.fading]) {
      if (code === undefined) continue
      this.codes.withdraw(code)
      writes.push(this.ledger.deleteCode(code))
    }
    device.code = undefined
    device.fading = undefined
    const relations: Relation[] = []
    for (const reporter of this.lists.hearersOf(device.key)) {
      const relation = this.lists.entriesOf(reporter).get(device.key)
      if (relation !== undefined) relations.push(relation)
    }
    this.dropRelations(relations)
    this.tellOwners(device.key)
    return writes
  }

  private forgetHeard(reporter: string): Write[] {
    const relations = [...this.lists.entriesOf(reporter).values()]
    const removed = relations.filter((relation) => this.lists.remove(relation))
    this.tellWatchers(
      reporter,
      removed.map(({ peer }) => peer),
    )
    return removed.map((relation) => this.ledger.deleteRelation(relation))
  }

  // ---- codes

  /** A code for a device that has none, durable. Rejects, and takes it back, if the store failed. */
  async allocateDurably(device: Device): Promise<void> {
    try {
      await this.ledger.write([this.allocate(device)])
    } catch (fault) {
      this.withdraw(device)
      throw fault
    }
  }

  /** As above; the caller sees to it that the write is made. */
  allocate(device: Device): Write {
    const code = this.codes.issue(device.key, this.now())
    device.code = code
    this.codeDeadlines.add(code)
    this.host.count('codes_issued')
    return this.ledger.putCode(code)
  }

  private restoreCode(code: BroadcastCode): void {
    const device = this.device(code.device)
    const newer = device.code === undefined || device.code.issued <= code.issued
    this.codes.restore(code)
    device.fading = newer ? device.code : code
    if (newer) device.code = code
    this.codeDeadlines.add(code)
  }

  private codeDue(code: BroadcastCode): number | undefined {
    const device = this.devices.get(code.device)
    if (device?.code === code) return this.codes.rotateAt(code)
    return device?.fading === code ? code.validUntil : undefined
  }

  /** Rotation with overlap, and the end of the overlap (SPEC §2.1, §3.1). */
  private codesDue(codes: readonly BroadcastCode[], now: number): void {
    const writes: Write[] = []
    const rotated: Device[] = []
    const changed = new Set<string>()
    for (const code of codes) {
      const device = this.devices.get(code.device)
      if (device === undefined) continue
      changed.add(device.key)
      if (device.code !== code) {
        if (device.fading === code) device.fading = undefined
        this.codes.withdraw(code)
      } else if (this.takingUp && device.subscriptions.length === 0) {
        // Its subscription is not taken up again yet: that gives it the next code, and keeps its relations.
        device.code = undefined
        device.fading = undefined
        this.codes.withdraw(code)
      } else if ((device.roles & discoverable) === 0) {
        writes.push(...this.withdraw(device))
      } else {
        if (device.fading !== undefined) this.codes.withdraw(device.fading)
        device.fading = code.validUntil > now ? code : undefined
        if (device.fading === undefined) this.codes.withdraw(code)
        else this.codeDeadlines.add(code)
        writes.push(this.allocate(device))
        rotated.push(device)
      }
    }
    void this.record(writes).then(() => {
      for (const device of rotated) this.tellDevice(device.key, discoverable)
      for (const key of changed) this.tellOwners(key)
    })
  }

  /** Codes that a device is to listen for. */
  codesFor(owner: string): string[] {
    const now = this.now()
    const codes: string[] = []
    for (const peer of this.monitors.peersOf(owner)) {
      const device = this.devices.get(peer)
      if (device === undefined || (device.roles & discoverable) === 0) continue
      if (device.code !== undefined) codes.push(device.code.text)
      if (device.fading !== undefined && device.fading.validUntil > now) codes.push(device.fading.text)
    }
    return codes
  }

  // ---- relations

  placeRelation(relation: Relation): void {
    this.lists.put(relation)
    this.relationDeadlines.add(relation)
  }

  /** Ends relations, durably in a while, and tells who watches them. */
  dropRelations(relations: readonly Relation[]): void {
    const writes: Write[] = []
    const byReporter = new Map<string, string[]>()
    for (const relation of relations) {
      if (!this.lists.remove(relation)) continue
      writes.push(this.ledger.deleteRelation(relation))
      const peers = byReporter.get(relation.reporter)
      if (peers === undefined) byReporter.set(relation.reporter, [relation.peer])
      else peers.push(relation.peer)
    }
    void this.record(writes)
    for (const [reporter, peers] of byReporter) this.tellWatchers(reporter, peers)
  }

  // ---- monitor lists and announcing

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
    for (const peer of peers) this.settleActivity(peer)
    if (changed && this.rules.mode === 'listed') this.tellDevice(owner, discoverer)
  }

  /** Whether a device must broadcast now. */
  announces(key: string): boolean {
    const mode = this.rules.announce
    if (mode === 'permanent') return true
    let monitored = false
    for (const owner of this.monitors.ownersOf(key)) {
      const listens = ((this.devices.get(owner)?.roles ?? 0) & discoverer) !== 0
      if (listens && this.monitors.isStanding(owner, key)) monitored = true
    }
    return mustAnnounce({ mode, monitored, woken: this.wakes.awake(key) })
  }

  /** Tells a device to start or stop broadcasting if that is new to it. */
  settleActivity(key: string): void {
    const device = this.devices.get(key)
    if (device === undefined || (device.roles & discoverable) === 0) return
    const active = this.announces(key)
    if (active === device.active) return
    device.active = active
    this.tellDevice(key, discoverable)
  }

  private settleActivityOfPeers(owner: string): void {
    if (this.rules.announce === 'permanent') return
    for (const peer of this.monitors.peersOf(owner)) this.settleActivity(peer)
  }

  // ---- telling

  /** NOTIFYs the device's subscriptions that hold one of the roles. */
  tellDevice(key: string, roles: Roles): void {
    for (const { notifier, roles: granted } of this.devices.get(key)?.subscriptions ?? []) {
      if (granted & roles) notifier.notify({ device: key, roles: granted })
    }
  }

  /** The peer's codes are others now: whoever has it on its list gets a new list. */
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
      const own = watcher.question.kind !== 'list' || watcher.mutual || watcher.notifier.type === diffType
      watcher.notifier.notify(own ? viewOf(watcher) : (shared ??= viewOf(watcher)))
    }
    for (const peer of peers) {
      for (const watcher of this.watchers.mutualOf(peer)) {
        if (concerns(watcher.question, [reporter])) watcher.notifier.notify(viewOf(watcher))
      }
    }
  }
}
