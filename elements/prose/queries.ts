/** Asking who is near (SPEC §3.3, §3.4; FIG 3, 4, 10, 11, 13): the event package `proximity`. */
import { type Exchange, elementOfRoute, type Notifier, type RefreshChange, type SipRequest } from '../../signalling/index.ts'
import { type ProximityQuery, readOptionalBody, type SubscriberRecord } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { keysOf } from '../shared/clients/device-keys.ts'
import { type Policing, refuse } from '../shared/clients/policing.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, isNameOf } from '../shared/identifiers/devices.ts'
import { notPermitted, notTheirFriend, notYours, recordFor, stillActsFor } from '../shared/permissions/authorisation.ts'
import { discoverer, permittedRoles, type RoleBits } from '../shared/permissions/device-permissions.ts'
import { Kept } from '../shared/state/kept.ts'
import { PeerPermissions } from './peers.ts'
import type { Registry } from './state/registry.ts'
import { tooManyStrangers } from './state/strangers.ts'
import {
  type ProximityQuestion,
  type ProximityView,
  type ProximityWatcher,
  viewOf,
  type WatcherRecord,
} from './state/watchers.ts'

type PeersQuestion = Extract<ProximityQuestion, { kind: 'set' }>
/** With the device that the Request-URI names. */
type AskedQuery = ProximityQuery & { readonly target: string | undefined }
type QueryRefusal = { readonly status: number; readonly warning?: string }

export class ProximityQueries {
  private readonly registry: Registry
  private readonly subscribers: Subscribers
  private readonly policing: Policing
  private readonly peers: PeerPermissions
  private readonly recheck: (device: string) => void
  private readonly begun: (notifier: Notifier, changed: boolean) => void
  private readonly whereabouts: (device: string) => Promise<string | undefined>
  /** Peers of set queries (FIG 11), too long for the subscription's own record. */
  private readonly sets: Kept<PeersQuestion>
  /** Sets that were read back, until the subscriptions that they belong to are restored. */
  private readonly unclaimed = new Set<string>()

  /**
   * @param recheck asks the HSS again about a device
   * @param begun as of `ProseSubscriptions`
   * @param whereabouts gives the URI of the server that a device is at, if it is at another
   */
  constructor(
    registry: Registry,
    subscribers: Subscribers,
    policing: Policing,
    recheck: (device: string) => void,
    begun: (notifier: Notifier, changed: boolean) => void,
    whereabouts: (device: string) => Promise<string | undefined>,
  ) {
    this.begun = begun
    this.whereabouts = whereabouts
    this.registry = registry
    this.recheck = recheck
    this.peers = new PeerPermissions(registry.strangers, subscribers, registry.host.domains, registry.rules)
    this.subscribers = subscribers
    this.policing = policing
    this.sets = new Kept<PeersQuestion>(registry.host, {
      prefix: `prose/${registry.host.name}/set/`,
      noun: 'a set of peers',
      toStored: ({ id, peers, wake }) => ({ id, peers: [...peers], wake }),
      fromStored: (stored, id) => {
        const { peers, wake } = stored as { readonly peers: readonly string[]; readonly wake: boolean }
        return [id, { kind: 'set', id, peers: new Set(peers), wake }]
      },
    })
  }

  /** Reads back the sets of peers, before their subscriptions are restored. */
  async load(): Promise<void> {
    await this.sets.load()
    for (const { id } of this.sets.values()) this.unclaimed.add(id)
  }

  stop(): Promise<void> {
    return this.sets.stop()
  }

  async handle(exchange: Exchange): Promise<void> {
    const { registry } = this
    const query = this.read(exchange)
    if ('status' in query) return exchange.reply(query.status, { warning: query.warning })
    const asker = askerOf(exchange, registry.host.domains)
    const { target } = query
    const named = query.device ?? target ?? asker
    const found = asker && named && (await recordFor(this.subscribers, asker, named, query.application, exchange))
    const differs =
      query.device !== undefined && target !== undefined && deviceKey(query.device, registry.host.domains) !== target
    // that both are one device is told to nobody but who may ask about it
    if (differs && !(found && (await this.subscribers.of(target))?.id === found.record.id))
      return exchange.reply(400, { warning: '/device is not the device of the Request-URI; expected one of them alone' })
    if (!found || (found.permitted & discoverer) === 0) {
      registry.host.count('queries_refused')
      return exchange.reply(403, { warning: found ? notPermitted : notYours })
    }
    const device = found.record.id
    const recordBefore = this.subscribers.known(device)
    if (target !== undefined && this.mayBeElsewhere(exchange)) {
      const server = await this.whereabouts(device)
      // that server judges the query itself
      if (server !== undefined) return void exchange.forward({ route: [`<${server};lr>`] })
    }
    const once = exchange.request.expires === 0
    const refusal = once ? this.policing.fetch(device, query.application) : this.policing.question(device)
    const refused = refusal instanceof Promise ? await refusal : refusal
    if (refused !== undefined) {
      registry.host.count('queries_refused')
      return refuse(exchange, refused)
    }
    if ((this.policing.rolesOf(device) & discoverer) === 0) {
      registry.host.count('queries_refused')
      return refuse(exchange, { status: 403, cause: 'the policy does not let you discover now: ask your operator' })
    }
    const mutual = query.mutual === true
    const isOwn = isNameOf(asker!, found.record, registry.host.domains)
    if (!this.peers.admits(query.peers ?? [], isOwn ? device : undefined)) return exchange.reply(503, tooManyStrangers)
    const question = await this.question(query, isOwn ? device : undefined)
    if (question.kind === 'set' && question.peers.size === 0) {
      registry.host.count('queries_refused')
      return exchange.reply(403, { warning: notTheirFriend })
    }
    const { application } = query
    const options = { package: 'proximity', resource: device, state: viewOf({ device, question, mutual }) }
    if (once) {
      exchange.accept<ProximityView>(options)
      return
    }
    const change = question.kind === 'set' ? this.setting(question) : undefined
    exchange.accept<ProximityView>({
      ...options,
      record: recordOf(question, mutual, application, isOwn),
      writes: change?.writes,
      begun: (notifier) => {
        change?.apply()
        this.addAndRecheck({ notifier, device, question, mutual, application, own: isOwn })
        this.begun(notifier, this.subscribers.known(device) !== recordBefore)
      },
    })
  }
  /**
   * Whether the device may be at another server. A query by the name of this one is for this one: another server may have
   * found that out.
   */
  private mayBeElsewhere({ ownRoutes }: Exchange): boolean {
    const { name } = this.registry.host
    return !ownRoutes.some(({ uri }) => elementOfRoute(uri.user) === name)
  }
  private setting(question: PeersQuestion) {
    return this.sets.changing(question.id, () => question)!
  }

  /** A refresh may bring another set of peers; other questions stay as they are. */
  refreshed(notifier: Notifier, request: SipRequest): undefined | number | RefreshChange {
    const { registry } = this
    const body = readOptionalBody(request, 'proximity-query')
    if (body.fault !== undefined) return body.fault.status
    const watcher = registry.watchers.find(notifier.id)
    const named = body.value.peers
    if (watcher === undefined || named === undefined) return undefined
    const before = watcher.question
    if (before.kind !== 'set') return 403
    const wake = body.value.wake ?? before.wake
    if (!this.peers.admits(named, watcher.own ? watcher.device : undefined)) return 503
    const { peers, all } = this.peers.known(named, watcher.own ? watcher.device : undefined)
    const question: PeersQuestion = { kind: 'set', id: before.id, peers, wake }
    const change = this.setting(question)
    const apply = (): void => {
      change.apply()
      this.replaceSet(watcher, question)
      notifier.notify(viewOf(watcher))
      if (!all) void this.complete(watcher, question, named) // when the HSS has said who they are
    }
    return { writes: change.writes, apply }
  }
  private async complete(watcher: ProximityWatcher, question: PeersQuestion, named: readonly string[]): Promise<void> {
    try {
      const peers = await this.peers.of(named, watcher.own ? watcher.device : undefined)
      if (watcher.question === question) await this.changeSet(watcher, { ...question, peers })
    } catch (fault) {
      this.registry.host.log.warn({ fault: String(fault) }, 'a set stays without its new peers: the HSS does not answer')
    }
  }
  private changeSet(watcher: ProximityWatcher, question: PeersQuestion): Promise<boolean> {
    const written = this.sets.enforce(question.id, question)
    this.replaceSet(watcher, question)
    watcher.notifier.notify(viewOf(watcher))
    return written
  }

  async ended(notifier: Notifier): Promise<void> {
    const watcher = this.registry.watchers.remove(notifier.id)
    if (watcher === undefined || watcher.question.kind !== 'set') return
    const { id } = watcher.question
    this.replaceSet(watcher, { kind: 'list' })
    await this.sets.expel(id)
  }

  /** After a restart: sets whose subscription was not taken up again. */
  dropOrphans(): void {
    for (const id of this.unclaimed) void this.sets.expel(id)
    this.unclaimed.clear()
  }

  restored(notifier: Notifier): void {
    const { peer, set: id, mutual = false, application, own: stored } = (notifier.record ?? {}) as WatcherRecord
    const isOwn = stored ?? deviceKey(notifier.subscriber, this.registry.host.domains) === notifier.resource
    let question: ProximityQuestion = peer === undefined ? { kind: 'list' } : { kind: 'pair', peer }
    if (id !== undefined) {
      this.unclaimed.delete(id)
      question = this.sets.get(id) ?? { kind: 'set', id, peers: new Set(), wake: false }
      if (isOwn) for (const each of question.peers) this.recheck(each)
    }
    const watcher: ProximityWatcher = { notifier, device: notifier.resource, question, mutual, application, own: isOwn }
    this.addAndRecheck(watcher)
    watcher.notifier.notify(viewOf(watcher))
  }

  /** A watcher who may no longer ask, or ask about that device, is told so and no more (SPEC §3.1). */
  permissionsChanged(id: string, record: SubscriberRecord | undefined): void {
    const { host, watchers } = this.registry
    const allowed = (permittedRoles(record) & discoverer) !== 0
    for (const { notifier, application } of [...watchers.of(id)]) {
      if (allowed && stillActsFor(notifier, record, application, host.domains)) continue
      host.count('permissions_lost')
      notifier.terminate('rejected')
    }
    this.friendsChanged(id, record)
  }

  /** A UE may no longer ask about a device whose friend it is not any more. */
  private friendsChanged(id: string, record: SubscriberRecord | undefined): void {
    const { monitors, watchers } = this.registry
    for (const watcher of watchers.of(id))
      if (watcher.own && watcher.question.kind === 'set') this.narrow(watcher, watcher.question)
    for (const owner of [...monitors.ownersOf(id)]) {
      for (const watcher of watchers.of(owner)) {
        const { question, own } = watcher
        if (!own || question.kind !== 'set' || !question.peers.has(id)) continue
        const may = this.peers.allowsStill(record, owner)
        if (may instanceof Promise) void may.then((still) => this.keepOrDrop(watcher, id, still))
        else this.keepOrDrop(watcher, id, may)
      }
    }
  }
  private keepOrDrop(watcher: ProximityWatcher, id: string, may: boolean): void {
    const { question, notifier } = watcher
    if (may || question.kind !== 'set' || !question.peers.has(id)) return
    if (this.registry.watchers.find(notifier.id) !== watcher) return
    void this.changeSet(watcher, { ...question, peers: new Set([...question.peers].filter((peer) => peer !== id)) })
  }

  /** The device is at another server, which is asked about it from now on. */
  moved(id: string): void {
    for (const { notifier } of [...this.registry.watchers.of(id)]) notifier.terminate('noresource')
  }

  /** A UE may have been somebody's friend by an alias that it has no longer. */
  private narrow(watcher: ProximityWatcher, question: PeersQuestion): void {
    const { peers, all } = this.peers.known([...question.peers], watcher.device)
    if (all && peers.size < question.peers.size) void this.changeSet(watcher, { ...question, peers })
  }

  /** The PCRF allows these roles and no others: as a lost permission. */
  policyChanged(id: string, allowed: RoleBits): void {
    if (allowed & discoverer) return
    for (const { notifier } of [...this.registry.watchers.of(id)]) notifier.terminate('rejected')
  }

  /** The query, from the body, the Event parameter `peer` and the Request-URI, which must not contradict each other. */
  private read(exchange: Exchange): AskedQuery | QueryRefusal {
    const { request } = exchange
    const { domains, name } = this.registry.host
    const body = readOptionalBody(exchange.request, 'proximity-query')
    if (body.fault !== undefined) return body.fault
    const query = body.value
    const peer = request.event?.parameters.get('peer')?.replace(/^<(.*)>$/, '$1')
    if (peer !== undefined && deviceKey(peer, domains) === undefined) {
      return { status: 400, warning: 'Event parameter peer is no device; expected a URI or an IP address' }
    }
    if ((peer ?? query.peer) !== undefined && query.peers !== undefined) {
      return { status: 400, warning: '/peers and a single peer exclude each other; expected one of them' }
    }
    const target = deviceKey(request.uri, domains)
    const isService = request.uri.user === '' || target === `sip:${name}@${domains[0]}`
    return { ...query, peer: peer ?? query.peer, target: isService ? undefined : target }
  }

  /** @param own the UE that asks for itself; undefined: an application server asks */
  private async question({ peer, peers, wake }: ProximityQuery, own: string | undefined): Promise<ProximityQuestion> {
    const { host } = this.registry
    if (peers !== undefined)
      return { kind: 'set', id: host.ids.token(12), peers: await this.peers.of(peers, own), wake: wake === true }
    if (peer === undefined) return { kind: 'list' }
    return { kind: 'pair', peer: (await keysOf(this.subscribers, host.domains, [peer]))[0]! }
  }

  private addAndRecheck(watcher: ProximityWatcher): void {
    this.registry.watchers.add(watcher)
    this.policing.recheck(watcher.device)
    const { question } = watcher
    if (question.kind !== 'set') return
    watcher.question = { kind: 'list' }
    this.replaceSet(watcher, question)
  }

  /** Monitor list and wakes follow the peers of a set (FIG 11). */
  private replaceSet(watcher: ProximityWatcher, question: ProximityQuestion): void {
    const { registry } = this
    const before = watcher.question
    watcher.question = question
    const old = before.kind === 'set' ? before : undefined
    const next = question.kind === 'set' ? question : undefined
    if (next?.wake) for (const peer of next.peers) registry.announcing.wakes.wake(peer)
    if (old?.wake) for (const peer of old.peers) registry.announcing.wakes.sleep(peer)
    registry.announcing.changeMonitors(watcher.device, next?.peers ?? [], old?.peers ?? [], 'set')
  }
}

function recordOf(question: ProximityQuestion, mutual: boolean, application: string | undefined, own: boolean): WatcherRecord {
  return {
    peer: question.kind === 'pair' ? question.peer : undefined,
    set: question.kind === 'set' ? question.id : undefined,
    mutual: mutual || undefined,
    application,
    own,
  }
}
