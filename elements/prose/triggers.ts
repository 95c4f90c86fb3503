/** Monitor lists by trigger (SPEC §3.1, FIG 9): an application server names any device, a UE devices that have it as a friend. */
import type { Exchange } from '../../signalling/index.ts'
import { readBody, type SubscriberRecord } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { keysOf } from '../shared/clients/device-keys.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { isNameOf } from '../shared/identifiers/devices.ts'
import { notPermitted, notTheirFriend, notYours, recordFor } from '../shared/permissions/authorisation.ts'
import { discoverer } from '../shared/permissions/device-permissions.ts'
import { PeerPermissions } from './peers.ts'
import type { Registry } from './state/registry.ts'
import { tooManyStrangers } from './state/strangers.ts'
import { noneTriggered, type TriggeredPeers, withListed, withNamed, withOwn, withoutPeers } from './state/triggered.ts'

export class Triggers {
  private readonly registry: Registry
  private readonly subscribers: Subscribers
  private readonly peers: PeerPermissions
  private readonly recheck: (device: string) => void

  /** @param recheck asks the HSS again about a device */
  constructor(registry: Registry, subscribers: Subscribers, recheck: (device: string) => void) {
    this.registry = registry
    this.subscribers = subscribers
    this.recheck = recheck
    this.peers = new PeerPermissions(registry.strangers, subscribers, registry.host.domains, registry.rules)
  }

  /** Answers a `prose-monitor`: durable, then acknowledged, then told to the device. */
  async handle(exchange: Exchange): Promise<void> {
    const body = readBody(exchange.request, 'prose-monitor')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { registry, subscribers } = this
    const { device: named, application, set, add = [], remove = [] } = body.value
    const { domains } = registry.host
    const asker = askerOf(exchange, domains)
    const found = asker && (await recordFor(subscribers, asker, named, application))
    if (!found || (found.permitted & discoverer) === 0) return this.refuse(exchange, found ? notPermitted : notYours)
    const device = found.record.id
    const ownDevice = isNameOf(asker!, found.record, domains) ? device : undefined
    const wanted = [...(set ?? []), ...add]
    if (!this.peers.admits([...wanted, ...remove], ownDevice)) return exchange.reply(503, tooManyStrangers)
    const taken = await keysOf(subscribers, domains, remove)
    await registry.triggers.inTurn(device, async () => {
      const given = await this.peers.of(wanted, ownDevice)
      const still = await recordFor(subscribers, asker!, named, application) // it may have lost that meanwhile
      if (still?.record.id !== device) return this.refuse(exchange, notYours)
      if ((still.permitted & discoverer) === 0) return this.refuse(exchange, notPermitted)
      if (wanted.length > 0 && given.size === 0) return this.refuse(exchange, notTheirFriend)
      const server = ownDevice === undefined ? { server: asker!, application } : undefined
      await this.writeAndPlace(device, (before) =>
        withoutPeers(withNamed(set === undefined ? before : noneTriggered, given, server), taken),
      )
      exchange.reply(200)
      if (subscribers.known(device) === undefined) this.recheck(device)
    })
  }
  private refuse(exchange: Exchange, warning: string): void {
    this.registry.host.count('triggers_refused')
    exchange.reply(403, { warning })
  }

  /** Durable, then in force. */
  private async writeAndPlace(device: string, change: (before: TriggeredPeers) => TriggeredPeers): Promise<void> {
    const { triggers } = this.registry
    for (;;) {
      const before = triggers.get(device) ?? noneTriggered
      const after = change(before)
      const stands = await (after.peers.size === 0 ? triggers.remove(device) : triggers.put(device, after))
      if (!stands) continue // something was taken off while it was written
      const allowed = this.allowed(device, after)
      if (allowed !== after) void this.enforce(device, allowed)
      return this.announce(device, before, allowed)
    }
  }
  private enforce(device: string, after: TriggeredPeers): Promise<boolean> {
    const { triggers } = this.registry
    return after.peers.size === 0 ? triggers.expel(device) : triggers.enforce(device, after)
  }
  private announce(device: string, before: TriggeredPeers, after: TriggeredPeers): void {
    const [come, gone] = [without(after.peers, before.peers), without(before.peers, after.peers)]
    this.registry.announcing.changeMonitors(device, come, gone, 'standing')
  }

  /**
   * The list without devices that have dropped it as a friend, or peers of servers not listed any more, as far as is known
   * here.
   */
  private allowed(device: string, triggered: TriggeredPeers): TriggeredPeers {
    const { peers, all } = this.peers.known([...triggered.own], device)
    if (!all) this.recheck(device)
    const record = this.subscribers.known(device)
    const listed = record === undefined ? triggered : withListed(triggered, record)
    return all && peers.size < listed.own.size ? withOwn(listed, peers) : listed
  }

  /**
   * Takes off peers that a device's friends, its list of application servers, or its own end no longer allow: at once, and
   * durable soon.
   */
  permissionsChanged(id: string, record: SubscriberRecord | undefined): void {
    const { monitors, triggers } = this.registry
    const before = triggers.get(id)
    if (before !== undefined) {
      const listed = record === undefined ? noneTriggered : withListed(before, record)
      if (listed !== before) this.withdraw(id, listed)
    }
    for (const owner of new Set([id, ...monitors.ownersOf(id)])) {
      const triggered = triggers.get(owner)
      if (triggered !== undefined && triggered.own.size > 0 && (owner === id || triggered.own.has(id)))
        this.narrow(owner, triggered)
    }
  }
  private narrow(device: string, triggered: TriggeredPeers): void {
    const named = [...triggered.own]
    const { peers, all } = this.peers.known(named, device)
    const narrowTo = (friends: ReadonlySet<string>): void => {
      const now = this.registry.triggers.get(device) ?? noneTriggered
      const kept = new Set([...now.own].filter((key) => friends.has(key) || !triggered.own.has(key)))
      if (kept.size < now.own.size) this.withdraw(device, withOwn(now, kept))
    }
    if (all) return narrowTo(peers)
    this.peers.of(named, device).then(narrowTo, (fault: unknown) => {
      this.registry.host.log.warn({ device, fault: String(fault) }, 'a list is not checked again: the HSS does not answer')
    })
  }
  private withdraw(device: string, after: TriggeredPeers): void {
    const before = this.registry.triggers.get(device) ?? noneTriggered
    void this.enforce(device, after)
    this.announce(device, before, after)
  }

  /** Asks after a restart, and where the HSS's feed has a gap, whether the peers on the list may still be. */
  start(): void {
    const recheckAll = (): void => {
      for (const [device] of this.registry.triggers.entries()) this.recheck(device)
    }
    this.subscribers.onGap(recheckAll)
    recheckAll()
  }
}

function without(a: ReadonlySet<string>, b: ReadonlySet<string>): string[] {
  return [...a].filter((key) => !b.has(key))
}
