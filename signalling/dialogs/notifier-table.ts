/** Subscriptions that elements of a node serve: makes them, finds them by dialog, keeps them in the store, takes them up again. */
import type { Clock } from '../clock.ts'
import type { Element, EndReason, EventPackage, RefreshChange, SubscriptionOptions } from '../element.ts'
import type { Ids } from '../ids.ts'
import type { Log } from '../log.ts'
import { buildResponse, type HeaderList } from '../messages/build.ts'
import { H } from '../messages/names.ts'
import { canonical } from '../messages/uri.ts'
import type { Store } from '../storage/store.ts'
import type { ServerSide } from '../transactions/server.ts'
import type { Flow } from '../transports/transport.ts'
import { VouchedSubscriptions } from './by-credentials.ts'
import { EntityTags } from './entity-tag.ts'
import { EventHeaders, isAbout } from './event-header.ts'
import { Expiries } from './expiries.ts'
import { grant } from './header-fields.ts'
import { LettingGo } from './letting-go.ts'
import { MergedRequests } from './merged-requests.ts'
import { negotiate, unread } from './negotiate.ts'
import { NotifierDialog } from './notifier.ts'
import type { NotifierHolder } from './notifier-holder.ts'
import { type NotifyPace, Pace } from './pace.ts'
import { OfferedPackages } from './packages.ts'
import { isAlone, isFrom, isInside } from './parties.ts'
import { type NamedPeers, type PeerLimits, PeerShares } from './peer-limits.ts'
import { SubscriptionRecords } from './records.ts'
import { failed, merged, outgrown, overlong, tooMany, tooManyOfPeer, tooMuch } from './refusals.ts'
import { Restoring } from './restoring.ts'
import type { DialogSender } from './sender.ts'
import { alone, either, SharedStrings } from './shared-strings.ts'
import { SubscriberShares, usualLimit } from './subscription-limits.ts'
import { contactFor, cseqReserve, isCounted, type SubscriptionRecord, signedInBy, weightOf } from './subscription-record.ts'

export interface NotifierTableOptions {
  readonly clock: Clock
  readonly ids: Ids
  readonly store: Store
  readonly sender: DialogSender
  readonly log: Log
  /** Subscriptions of one subscriber at most, and as many fetches; our own elements' do not count. Default 10,000. */
  readonly limit?: number
  /** NOTIFYs to one subscriber (`usualPace`); more of them wait. */
  readonly notifies?: NotifyPace | undefined
  /** Other operators, and what their users may hold together. */
  readonly peers?: NamedPeers
  readonly peerLimits?: PeerLimits | undefined
  /** Whether a flow is that of another node of our network; default: there is none. */
  readonly isOtherNode?: (flow: Flow) => boolean
  /** Elements come and go: their subscriptions to each other outlive that, so that they are stored. Default: false. */
  readonly moves?: boolean
}

export class NotifierTable implements NotifierHolder {
  readonly clock: Clock
  readonly ids: Ids
  readonly sender: DialogSender
  readonly tags = new EntityTags()
  readonly eventHeaders = new EventHeaders()
  readonly vouched = new VouchedSubscriptions<NotifierDialog>()
  readonly expiries: Expiries
  private readonly merged: MergedRequests
  private readonly names = new SharedStrings()
  readonly pace: Pace
  private readonly shares: SubscriberShares
  private readonly peerShares: PeerShares
  private readonly store: Store
  private readonly records: SubscriptionRecords
  private readonly log: Log
  private readonly isOtherNode: (flow: Flow) => boolean
  private readonly stays: boolean
  readonly packages = new OfferedPackages()
  /** By our tag, which nobody can guess. */
  private readonly notifiers = new Map<string, NotifierDialog>()

  constructor({
    clock,
    ids,
    store,
    sender,
    log,
    limit,
    notifies,
    peers,
    peerLimits,
    isOtherNode = () => false,
    moves = false,
  }: NotifierTableOptions) {
    this.stays = !moves
    this.isOtherNode = isOtherNode
    this.peerShares = new PeerShares(peers, peerLimits)
    this.shares = new SubscriberShares(clock, limit, () => this.counted(), this.peerShares)
    this.pace = new Pace(clock, notifies)
    this.clock = clock
    this.expiries = new Expiries(clock)
    this.merged = new MergedRequests(clock)
    this.ids = ids
    this.store = store
    this.records = new SubscriptionRecords(clock, store, log)
    this.sender = sender
    this.log = log
  }
  get size(): number {
    return this.notifiers.size
  }
  /** As in the options; who holds more keeps it. */
  limit(limit: number | undefined, notifies: NotifyPace | undefined, ofPeers: PeerLimits = {}): void {
    this.peerShares.limits = ofPeers
    this.shares.limit = limit ?? usualLimit
    this.pace.limit(notifies)
  }

  /** The notifier of a new dialog, or the status (and headers) of a refusal. The 2xx leaves when the record is durable. */
  accept(
    element: string,
    side: ServerSide,
    asserted: string | undefined,
    options: SubscriptionOptions<unknown>,
  ): NotifierDialog | { status: number; headers?: HeaderList } {
    const { request } = side
    const found = this.packages.of(element, options.package)
    if (found === undefined || request.event === undefined)
      return { status: 489, headers: [['Allow-Events', this.packages.namesOf(element)]] }
    if (request.toTag !== '') return { status: 481 } // of a dialog that has ended, or never was
    const contact = request.contactUri
    if (contact === undefined) return { status: 400 }
    const type = negotiate(request, found.pack)
    if (type === undefined) return unread(found.pack)
    const long = overlong(request)
    if (long !== undefined) return long
    const { usual, max } = found.pack.expires
    const subscriber = asserted ?? canonical(request.from.uri)
    const granted = Math.min(request.expires ?? usual, max, options.expires ?? max)
    const inside = this.stays && isInside(side)
    const byOtherNode = !inside && isAlone(request) && (side.flow.internal === true || this.isOtherNode(side.flow))
    const held = { subscriber, element, package: options.package, resource: options.resource, fetch: granted === 0 }
    const weight = weightOf(request, options.weight)
    if (!inside && !byOtherNode && this.shares.isFull(held, weight)) return tooMany
    const full = inside || byOtherNode ? undefined : this.peerShares.fullBy({ ...held, pending: options.pending === true })
    if (full !== undefined) return tooManyOfPeer[full]
    if (!inside && !byOtherNode && this.pace.isFull(this.shares.of(subscriber))) return tooMuch
    if (!inside && this.merged.isKnown(request, `${element}/${options.package}/${options.resource}`)) return merged
    side.admitted = true
    const id = this.ids.token(16)
    const resource = this.names.of(options.resource)
    const stored: SubscriptionRecord = {
      package: options.package,
      resource,
      subscriber,
      event: this.eventHeaders.of(request.text(H.Event)!).event,
      type,
      callId: request.callId,
      localUri: either(request.to.uri.text, resource),
      localTag: id,
      remoteUri: either(request.from.uri.text, subscriber),
      remoteTag: request.fromTag,
      remoteTarget: alone(contact.text),
      routeSet: this.names.list(request.list(H['Record-Route'])),
      remoteSeq: request.cseq.number,
      ceiling: cseqReserve,
      expires: this.clock.date() + granted * 1000,
      ...(options.pending === true ? { pending: true } : {}),
      ...signedInBy(side),
      ...(inside ? { inside } : {}),
      ...(byOtherNode ? { fellow: byOtherNode } : {}),
      ...(weight > 1 ? { weight } : {}),
      ...(options.record === undefined ? {} : { record: options.record }),
    }
    const notifier = new NotifierDialog(this, element, found.pack, stored, granted === 0)
    this.enterNotifier(notifier)
    notifier.condition(request.text(H['Suppress-If-Match']))
    if (options.state !== undefined) notifier.notify(options.state)
    let kept = false
    const answer = (): void => {
      kept = true
      if (!notifier.ends) options.begun?.(notifier)
      const headers = grant(
        granted,
        contactFor(request, this.sender.contact(element, side.flow)),
        this.packages.namesOf(element),
        found.pack.requires,
      )
      side.respond(200, buildResponse(request, 200, { via: side.via, toTag: id, headers, recordRoute: true }))
      notifier.open()
    }
    const undo = (): void => {
      if (!kept && notifier.stored === stored) notifier.erased = true // it was never in the store
      notifier.close('deactivated')
    }
    if (granted === 0) this.attempt(notifier, side, answer, undo)
    else this.whenDone(this.records.save(notifier, options.writes), notifier, side, answer, undo)
    return notifier
  }

  enterNotifier(notifier: NotifierDialog): void {
    this.notifiers.set(notifier.id, notifier)
    if (isCounted(notifier)) notifier.share = this.shares.take(notifier, notifier.stored.weight)
    this.vouched.add(notifier)
  }
  private *counted(): Iterable<NotifierDialog> {
    for (const notifier of this.notifiers.values()) if (isCounted(notifier) && !notifier.fetch) yield notifier
  }
  /** `otherwise`: after the 500 for a request that cannot be kept. */
  private whenDone(
    written: Promise<void>,
    notifier: NotifierDialog,
    side: ServerSide,
    then: () => void | Promise<void>,
    otherwise: () => void,
  ): void {
    written
      .then(then, (fault: unknown) => this.refuse(notifier, side, fault, 'the store failed; the SUBSCRIBE is refused', otherwise))
      .catch((fault: unknown) => this.refuse(notifier, side, fault, 'the element failed; the SUBSCRIBE is refused', otherwise))
  }
  /** The same where nothing is written. */
  private attempt(notifier: NotifierDialog, side: ServerSide, then: () => void, otherwise: () => void): void {
    try {
      then()
    } catch (fault) {
      this.refuse(notifier, side, fault, 'the element failed; the SUBSCRIBE is refused', otherwise)
    }
  }
  private refuse(notifier: NotifierDialog, side: ServerSide, fault: unknown, why: string, otherwise: () => void): void {
    this.faulted(notifier, fault, why)
    const { status, headers } = failed
    side.respond(status, buildResponse(side.request, status, { via: side.via, toTag: notifier.id, headers }))
    otherwise()
  }
  faulted({ id, element }: NotifierDialog, fault: unknown, what: string): void {
    this.log.error({ fault: String(fault), subscription: id, element }, what)
  }
  save(notifier: NotifierDialog): Promise<void> {
    return this.records.save(notifier)
  }
  saveSoon(notifier: NotifierDialog): void {
    this.records.saveSoon(notifier)
  }
  authorised(notifier: NotifierDialog): void {
    if (isCounted(notifier)) this.peerShares.authorised(notifier)
  }
  tooLong({ id, package: pack, resource }: NotifierDialog, bytes: number): void {
    const fields = { subscription: id, package: pack, resource, bytes }
    this.log.warn(fields, 'a state is too long for the way to its subscriber: told in parts, or not at all')
  }
  remove(notifier: NotifierDialog): void {
    this.forget(notifier)
    this.records.eraseSoon(notifier)
  }
  private forget(notifier: NotifierDialog): void {
    if (this.notifiers.delete(notifier.id) && isCounted(notifier)) this.shares.give(notifier, notifier.stored.weight)
    this.vouched.delete(notifier)
  }
  ended(notifier: NotifierDialog, reason: EndReason): Promise<void> | undefined {
    const { id: subscription, element: name, package: pack } = notifier
    this.log.debug({ subscription, package: pack, reason }, 'subscription ended')
    if (notifier.expires > this.clock.date()) this.saveSoon(notifier) // one that has expired says so itself
    const couldNot = (fault: unknown): void => this.faulted(notifier, fault, 'an element could not end a subscription')
    try {
      return this.packages.of(name, pack)?.element.ended?.(notifier, reason)?.catch(couldNot)
    } catch (fault) {
      couldNot(fault)
      return undefined
    }
  }

  /** An in-dialog request for `element`. False: no dialog of that element is its, or its sender takes no part in that dialog. */
  receive(element: string, side: ServerSide): boolean {
    const { request } = side
    const notifier = this.notifiers.get(request.toTag)
    if (notifier?.element !== element || notifier.stored.callId !== request.callId || !isFrom(notifier.subscriber, side))
      return false
    side.admitted = true
    this.resubscribe(notifier, side)
    return true
  }

  private resubscribe(notifier: NotifierDialog, side: ServerSide): void {
    const { request } = side
    const { stored } = notifier
    const reply = (status: number, headers: HeaderList = []): void =>
      side.respond(status, buildResponse(request, status, { via: side.via, headers }))
    if (request.method !== 'SUBSCRIBE' || request.fromTag !== stored.remoteTag || !isAbout(notifier, request)) return reply(481)
    if (request.cseq.number <= stored.remoteSeq) return reply(500, [['Retry-After', '1']]) // RFC 3261 §12.2.2
    const offered = this.packages.of(notifier.element, notifier.package)
    if (offered === undefined) return reply(481) // it is being told that its package is gone
    const { element, pack } = offered
    const unknown = request.list(H.Require).filter((option) => option.toLowerCase() !== pack.requires)
    if (unknown.length > 0) return reply(420, [['Unsupported', unknown.join(', ')]]) // RFC 3261 §8.2.2.3
    const granted = Math.min(request.expires ?? pack.expires.usual, pack.expires.max)
    if (granted > 0 && (notifier.fetch || notifier.ends || notifier.erased)) return reply(481)
    const condition = request.text(H['Suppress-If-Match'])
    notifier.noteRequest(request.cseq.number)
    const changed = {
      ...signedInBy(side),
      event: request.text(H.Event) ?? stored.event,
      type: request.has(H.Accept) ? (negotiate(request, pack) ?? stored.type) : stored.type,
      remoteTarget: request.contactUri?.text ?? stored.remoteTarget,
      expires: this.clock.date() + granted * 1000,
    }
    const grown = granted > 0 ? outgrown(stored, changed) : undefined
    if (grown !== undefined) return reply(grown.status, grown.headers)
    const contact = contactFor(request, this.sender.contact(notifier.element, side.flow))
    const headers = grant(granted, contact, this.packages.namesOf(notifier.element), pack.requires)
    notifier.hold()
    if (granted === 0) return this.unsubscribe(notifier, side, { ...changed }, condition, () => reply(200, headers))
    let change: RefreshChange | number | undefined
    try {
      change = element.refreshed?.(notifier, request)
    } catch (fault) {
      notifier.open()
      throw fault
    }
    if (typeof change === 'number') {
      reply(change)
      notifier.open()
      return
    }
    const { record, writes, apply } = change ?? {}
    const next = record === undefined ? changed : { ...changed, record }
    const storedBefore = notifier.stored
    const then = (): void => {
      if (notifier.ends) {
        reply(481) // it has ended while this was written: nothing of it may come into force
        return notifier.open()
      }
      const before = this.tagFor(condition, notifier)
      const rewritten = notifier.stored !== storedBefore
      notifier.setRecordAndArm({ ...notifier.stored, ...next })
      this.vouched.add(notifier)
      if (rewritten) this.saveSoon(notifier) // by the element, without the change of this refresh
      apply?.()
      const unchanged =
        before !== undefined && before === this.tagFor(condition, notifier) && (condition === '*' || condition === before)
      if (unchanged) notifier.extended()
      else notifier.refreshed(condition)
      reply(unchanged ? 204 : 200, headers)
      notifier.open()
    }
    this.whenDone(this.records.save(notifier, writes, { ...storedBefore, ...next }), notifier, side, then, () => notifier.open())
  }
  /** Undefined: nobody asks for it, or it cannot be made. */
  private tagFor(condition: string | undefined, notifier: NotifierDialog): string | undefined {
    try {
      return condition === undefined ? undefined : notifier.tag
    } catch (fault) {
      this.faulted(notifier, fault, 'a state could not be rendered')
      return undefined
    }
  }
  /** Over, and durably so, before the 200: only its last NOTIFY may still be under way. */
  private unsubscribe(
    notifier: NotifierDialog,
    side: ServerSide,
    changed: Partial<SubscriptionRecord>,
    condition: string | undefined,
    reply: () => void,
  ): void {
    const over = (): void | Promise<void> => {
      notifier.setRecordAndArm({ ...notifier.stored, ...changed })
      notifier.refreshed(condition)
      const answer = (): void => {
        reply()
        notifier.open()
      }
      const withdrawn = notifier.terminate('timeout')
      return withdrawn === undefined ? answer() : withdrawn.then(answer)
    }
    const written = notifier.durable ? this.records.erase(notifier) : Promise.resolve()
    this.whenDone(written, notifier, side, over, () => notifier.open())
  }

  /** The subscriptions of an element that is let go. */
  lettingGo(element: string): LettingGo {
    const forget = (notifier: NotifierDialog): void => this.forget(notifier)
    const all = () => this.notifiers.values()
    return new LettingGo({ element, move: this.ids.token(6), all, records: this.records, forget })
  }
  /** Takes up the stored subscriptions of an element. */
  restore(element: Element): Promise<number> {
    return new Restoring(this, this.store, this.records, this.log).restore(element)
  }
  /** Ends the subscriptions of elements that were in the node's plan once, and are not now. */
  endGone(node: string, elements: readonly Pick<Element, 'name'>[]): Promise<void> {
    return new Restoring(this, this.store, this.records, this.log).endGone(node, elements)
  }
  packageOf(element: string, name: string): EventPackage | undefined {
    return this.packages.of(element, name)?.pack
  }
  holds(id: string): boolean {
    return this.notifiers.has(id)
  }
  /** Stops all timers; stored subscriptions stay for the next start. */
  stop(): void {
    this.records.stop()
    for (const notifier of this.notifiers.values()) notifier.dispose()
    this.notifiers.clear()
  }
}
