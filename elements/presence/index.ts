/**
 * Presence (RFC 3856) of published PIDF documents (RFC 3903), for the watchers that the presentity allows. And
 * `presence.winfo` (RFC 3857), which tells the presentity its watchers.
 */
import type { Element, EndReason, EventPackage, Exchange, Host, Notifier, Uri } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { SignedIn } from '../shared/clients/signed-in.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, namesOf } from '../shared/identifiers/devices.ts'
import { SetIndex } from '../shared/state/set-index.ts'
import { Spread } from '../shared/state/spread.ts'
import { type Lifetimes, lifetimesOf } from '../shared/values/lifetimes.ts'
import { Offers } from '../shared/values/offers.ts'
import { escaped } from '../shared/values/xml.ts'
import { type Children, childrenOf, partialBody, partialType } from './partial.ts'
import { type Verdict, verdictOn } from './policy.ts'
import { Publications, sound } from './publications.ts'
import type { PresenceSettings } from './settings-type.ts'
import { sameWatchers, type Watcher, type Watchers, watcherInfo, watcherInfoType, watcherPart } from './winfo.ts'

export type { PresenceSettings } from './settings-type.ts'

/** The state told to watchers of one presentity: the document, or none. */
interface Presence {
  readonly entity: string
  readonly document: string | undefined
}

const pidfType = 'application/pidf+xml'
const offers = new Offers([
  { method: 'SUBSCRIBE', event: 'presence' },
  { method: 'SUBSCRIBE', event: 'presence.winfo' },
  { method: 'PUBLISH', event: 'presence', types: [pidfType] },
])
const endedRemembered = 20
const settling = 1000 // ms after a restart in which presentities are not told of their watchers
const pendingOfOne = 5 // of these, by one watcher: as many devices
const pendingAtMost = 100 // watchers that wait for one presentity: strangers, for whom its list of watchers has to have room
const listed = 1000 // watchers that a presentity is told of; those that come later, when others have gone

export function createPresence(name: string, settings: PresenceSettings): Element {
  return new PresenceElement(name, settings)
}

class PresenceElement implements Element {
  readonly name: string
  readonly claims = [
    { method: ['SUBSCRIBE', 'PUBLISH'], event: 'presence' },
    { method: 'SUBSCRIBE', event: 'presence.winfo' },
  ]
  readonly packages: readonly EventPackage[]
  private readonly settings: PresenceSettings
  /** Seconds, of subscriptions and publications. */
  private readonly expires: Required<Lifetimes>
  private host!: Host
  private publications!: Publications
  private subscribers: Subscribers | undefined
  private signedIn!: SignedIn
  private readonly watchers = new SetIndex<string, Notifier<Presence>>()
  /** Accepted, and not durable yet. */
  private readonly arriving = new SetIndex<string, Notifier>()
  private spread!: Spread<string, Notifier<Presence>>
  /** Of states that a watcher takes in parts. */
  private readonly children = new WeakMap<Presence, Children>()
  /** The present verdicts of watchers that were allowed once. */
  private readonly verdicts = new WeakMap<Notifier, Verdict>()
  private readonly presentities = new SetIndex<string, Notifier<Watchers>>()
  private readonly bySubscriber = new SetIndex<string, Notifier>()
  /** Watchers that have gone, of presentities that are told. */
  private readonly lately = new Map<string, readonly Watcher[]>()

  constructor(name: string, settings: PresenceSettings) {
    this.name = name
    this.settings = settings
    const expires = lifetimesOf(settings.expires)
    this.expires = expires
    const presence: EventPackage<Presence> = {
      name: 'presence',
      types: [pidfType, partialType],
      expires,
      render: (state, { type, version, previous }) => {
        if (type !== partialType) return { type: pidfType, content: documentOf(state) }
        const before = previous && this.childrenOf(previous)
        return { type, content: partialBody(this.childrenOf(state), before, version) }
      },
    }
    const winfo: EventPackage<Watchers> = {
      name: 'presence.winfo',
      types: [watcherInfoType],
      expires,
      same: sameWatchers,
      render: (state, { version, previous }) => ({ type: watcherInfoType, content: watcherInfo(state, previous, version - 1) }),
      part: (state, { version, previous, room }) => {
        const part = watcherPart(state, previous, version - 1, room)
        return part && { body: { type: watcherInfoType, content: part.body }, state: part.state }
      },
    }
    this.packages = [presence, winfo]
  }
  async start(host: Host): Promise<void> {
    this.host = host
    this.spread = new Spread(host.clock)
    const { size = 32_768, publications: count = 10, watchers, hss } = this.settings
    const rules = { ...this.expires, size, count }
    const begun = (subscriber: string, credentials: string | undefined): void => this.signedIn.follow({ subscriber, credentials })
    this.publications = new Publications(host, rules, (entity) => this.tell(entity), begun)
    await this.publications.load()
    const subscribers = new Subscribers(host, hss)
    this.signedIn = new SignedIn(host, subscribers, this.publications)
    if (watchers === undefined) return
    this.subscribers = subscribers
    this.subscribers.onChange((id, record) => {
      for (const entity of [id, ...(record?.aliases ?? [])]) this.judgeAgain(entity, record)
      if (record === undefined) this.sendAway(id)
      else this.watcherChanged(id)
    })
    this.subscribers.start()
  }
  /** The stored verdict counts until the HSS has spoken; nothing is told before that. */
  restored(notifier: Notifier): void {
    const { resource } = notifier
    const watches = notifier.package === 'presence'
    if (watches) this.watchers.add(resource, notifier as Notifier<Presence>)
    this.bySubscriber.add(notifier.subscriber, notifier)
    this.signedIn.follow(notifier)
    this.verdicts.set(notifier, notifier.pending ? 'confirm' : 'allow')
    const tell = (): void => (watches ? this.tellRestored(notifier as Notifier<Presence>) : this.tellOfWatchersSoon(notifier))
    if (this.subscribers === undefined) return tell()
    this.judgeRestored(notifier, this.subscribers).then(
      (isChanged) => isChanged || tell(),
      (fault: unknown) => {
        this.host.log.warn({ fault: String(fault), entity: resource }, 'a watcher is judged as before: the HSS does not answer')
        tell()
      },
    )
  }
  /** True: its subscriber has been told the result. */
  private async judgeRestored(notifier: Notifier, subscribers: Subscribers): Promise<boolean> {
    const { resource, subscriber } = notifier
    const ours = subscriber.endsWith(`@${this.host.domains[0]}`)
    if (ours && (await subscribers.of(subscriber)) === undefined) {
      notifier.terminate('rejected')
      return true
    }
    if (notifier.package !== 'presence') return false
    return this.judge(notifier as Notifier<Presence>, await subscribers.of(resource))
  }
  private tellRestored(notifier: Notifier<Presence>): void {
    notifier.notify(this.state(notifier))
  }
  /** When all its watchers have been judged, and have had time to come back: one NOTIFY says it all. */
  private tellOfWatchersSoon(notifier: Notifier<Watchers>): void {
    this.host.clock.after(settling, () => {
      if (!notifier.live) return
      this.presentities.add(notifier.resource, notifier)
      notifier.notify(this.watchersOf(notifier.resource))
    })
  }

  handle(exchange: Exchange): void | Promise<void> {
    if (offers.answer(exchange)) return
    const { subscribers } = this
    const named = deviceKey(exchange.request.uri, this.host.domains)
    if (named === undefined) return exchange.reply(404)
    if (subscribers === undefined) return this.serve(exchange, named, undefined)
    const record = subscribers.of(named) // maybe by an alias
    const serve = (found: SubscriberRecord | undefined) => this.serve(exchange, found?.id ?? named, found)
    const served = record instanceof Promise ? record.then(serve) : serve(record)
    return served?.catch((fault: unknown) => subscribers.refuse(exchange, fault))
  }
  private serve(exchange: Exchange, entity: string, record: SubscriberRecord | undefined): void | Promise<void> {
    if (!this.host.owns(entity)) return void exchange.forward({ uri: asSecureAs(exchange.request.uri, entity) }) // by an alias
    if (exchange.request.method === 'PUBLISH') return this.publications.publish(exchange, record ?? { id: entity })
    if (exchange.request.event?.value === 'presence.winfo') return this.showWatchers(exchange, entity)
    if (this.subscribers === undefined) return this.admit(exchange, entity, 'allow', undefined)
    const names = this.namesOf(asking(exchange, this.host), record)
    if (!(names instanceof Promise)) return this.admit(exchange, entity, this.verdict(names, entity, record), record)
    return names.then((all) => this.admit(exchange, entity, this.verdict(all, entity, record), record))
  }
  /** All identifiers of a watcher, where the presentity has settled anything for anybody. */
  private namesOf(watcher: string, record: SubscriberRecord | undefined): readonly string[] | Promise<readonly string[]> {
    const { friends = [], watchers = {} } = record ?? {}
    const { allow = [], block = [], polite = [] } = watchers
    const { domains } = this.host
    if (friends.length + allow.length + block.length + polite.length === 0) return [watcher]
    const all = (found: SubscriberRecord | undefined): readonly string[] => namesOf(found ?? { id: watcher }, domains)
    const found = this.subscribers?.of(watcher)
    return found instanceof Promise ? found.then(all) : all(found)
  }
  /** @param record by which the verdict is */
  private admit(exchange: Exchange, entity: string, verdict: Verdict, record: SubscriberRecord | undefined): void {
    if (verdict === 'block')
      return exchange.reply(403, { warning: 'you may not watch this presentity; expected its friend, or whom it allows' })
    const state = verdict === 'polite' ? { entity, document: undefined } : this.presence(entity)
    const pending = verdict === 'confirm'
    const full = pending ? this.fullFor(entity, asking(exchange, this.host)) : undefined
    if (full !== undefined) return exchange.reply(480, { headers: [['Retry-After', '60']], warning: full })
    let stands = false
    const begun = (notifier: Notifier<Presence>): void => {
      stands = true
      this.arriving.delete(entity, notifier)
      this.signedIn.follow(notifier)
      this.watchers.add(entity, notifier)
      this.bySubscriber.add(notifier.subscriber, notifier)
      if (this.subscribers !== undefined) this.verdicts.set(notifier, verdict)
      notifier.notify(this.state(notifier)) // it may be another meanwhile
      if (this.subscribers?.known(entity) !== record) this.judgeNow(notifier) // so may the rules of its presentity
      this.tellWatchers(entity)
    }
    const notifier = exchange.accept<Presence>({ package: 'presence', resource: entity, state, pending, begun })
    if (!stands && notifier.live) this.arriving.add(entity, notifier)
  }
  /** Why one more may not wait for that presentity; undefined: it may. */
  private fullFor(entity: string, watcher: string): string | undefined {
    let count = 0
    let ownCount = 0
    for (const waiting of [this.watchers.of(entity), this.arriving.of(entity)]) {
      for (const { pending, subscriber } of waiting) {
        if (!pending) continue
        count++
        if ((deviceKey(subscriber, this.host.domains) ?? subscriber) === watcher) ownCount++
      }
    }
    if (ownCount >= pendingOfOne) return `you wait ${ownCount} times already for this presentity: end one of them`
    return count >= pendingAtMost ? 'too many wait for this presentity' : undefined
  }
  private verdict(watcher: readonly string[], entity: string, record: SubscriberRecord | undefined): Verdict {
    return verdictOn(watcher, entity, record, this.settings.watchers ?? 'everybody')
  }
  /** The rules of the presentity have changed: they hold at once. */
  private judgeAgain(entity: string, record: SubscriberRecord | undefined): void {
    for (const notifier of [...this.watchers.of(entity)]) this.judgeSoon(notifier, record)
    this.tellWatchers(entity)
  }
  private judgeSoon(notifier: Notifier<Presence>, record: SubscriberRecord | undefined): void {
    const judged = this.judge(notifier, record)
    if (judged instanceof Promise) void judged.then((changed) => (changed ? this.tellWatchers(notifier.resource) : undefined))
  }
  /** He may have another alias by now, for which something has been settled. */
  private watcherChanged(id: string): void {
    for (const notifier of [...this.bySubscriber.of(id)]) {
      if (notifier.package === 'presence') this.judgeNow(notifier as Notifier<Presence>)
    }
  }
  private judgeNow(notifier: Notifier<Presence>): void {
    const { resource, subscriber } = notifier
    const record = this.subscribers!.of(resource)
    if (!(record instanceof Promise)) return this.judgeSoon(notifier, record)
    record.then(
      (found) => this.judgeSoon(notifier, found),
      (fault: unknown) =>
        this.host.log.warn({ fault: String(fault), subscriber }, 'a watcher is judged as before: the HSS does not answer'),
    )
  }
  /** One who is no subscriber any more watches nobody, not even who watches. */
  private sendAway(id: string): void {
    for (const notifier of [...this.bySubscriber.of(id)]) notifier.terminate('rejected')
  }
  /** False: nothing has changed for it. */
  private judge(notifier: Notifier<Presence>, record: SubscriberRecord | undefined): boolean | Promise<boolean> {
    const names = this.namesOf(notifier.subscriber, record)
    if (!(names instanceof Promise)) return this.judgeBy(names, notifier, record)
    return names
      .catch(() => [notifier.subscriber]) // the HSS does not answer: by the name that he has come with
      .then((all) => notifier.live && this.judgeBy(all, notifier, record))
  }
  private judgeBy(names: readonly string[], notifier: Notifier<Presence>, record: SubscriberRecord | undefined): boolean {
    const { resource } = notifier
    const verdict = this.verdict(names, resource, record)
    if (verdict === this.verdicts.get(notifier)) return false
    this.verdicts.set(notifier, verdict)
    if (verdict === 'block') notifier.terminate('rejected')
    else notifier.authorise(verdict !== 'confirm', this.state(notifier))
    return true
  }
  stop(): Promise<void> {
    this.signedIn.stop()
    return this.publications.stop()
  }
  ended(notifier: Notifier, reason: EndReason): void {
    const { resource } = notifier
    this.arriving.delete(resource, notifier)
    this.bySubscriber.delete(notifier.subscriber, notifier)
    if (this.presentities.delete(resource, notifier) && this.presentities.of(resource).size === 0) this.lately.delete(resource)
    if (!this.watchers.delete(resource, notifier) || this.presentities.of(resource).size === 0) return
    const event = reason === 'invariant' ? 'noresource' : reason
    const ended: Watcher = { id: notifier.id, uri: notifier.subscriber, status: 'terminated', event }
    this.lately.set(resource, [...(this.lately.get(resource) ?? []), ended].slice(-endedRemembered))
    this.tellWatchers(resource)
  }

  /** RFC 3857 §4.5: the presentity alone. */
  private showWatchers(exchange: Exchange, entity: string): void {
    if (asking(exchange, this.host) !== entity)
      return exchange.reply(403, { warning: 'you may see your own watchers only; expected your own address' })
    const begun = (notifier: Notifier<Watchers>): void => {
      this.signedIn.follow(notifier)
      this.presentities.add(entity, notifier)
      this.bySubscriber.add(notifier.subscriber, notifier)
      notifier.notify(this.watchersOf(entity))
    }
    exchange.accept<Watchers>({ package: 'presence.winfo', resource: entity, state: this.watchersOf(entity), begun })
  }
  private watchersOf(entity: string): Watchers {
    const live = [...this.watchers.of(entity)].slice(0, listed).map(({ id, subscriber, pending }): Watcher => {
      return { id, uri: subscriber, status: pending ? 'pending' : 'active', event: pending ? 'subscribe' : 'approved' }
    })
    return { entity, live, ended: this.lately.get(entity) ?? [] }
  }
  private tellWatchers(entity: string): void {
    const notifiers = this.presentities.of(entity)
    if (notifiers.size === 0) return
    const state = this.watchersOf(entity)
    for (const notifier of notifiers) notifier.notify(state)
  }

  /** Read once, however many watchers are told. */
  private childrenOf(state: Presence): Children {
    let children = this.children.get(state)
    if (children === undefined) this.children.set(state, (children = childrenOf(sound(documentOf(state)))))
    return children
  }
  private state(notifier: Notifier<Presence>): Presence {
    const { resource } = notifier
    return this.verdicts.get(notifier) === 'polite' ? { entity: resource, document: undefined } : this.presence(resource)
  }
  private presence(entity: string): Presence {
    return { entity, document: this.publications.document(entity) }
  }
  private tell(entity: string): void {
    const state = this.presence(entity)
    this.spread.over(entity, this.watchers.of(entity), (notifier) => {
      const verdict = this.verdicts.get(notifier)
      if (verdict === undefined || verdict === 'allow') notifier.notify(state)
    })
  }
}

/** The subscriber: the one that the proxy vouches for, or that From names where nobody need be vouched for. */
function asking({ asserted, request }: Exchange, { domains }: Host): string {
  return deviceKey((asserted ?? request.from).uri, domains) ?? ''
}

function documentOf({ entity, document }: Presence): string {
  return document ?? closed(entity)
}

function closed(entity: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${escaped(entity)}"><tuple id="none"><status><basic>closed</basic></status></tuple></presence>`
}

/** That user's URI, which stays `sips:` where the request was to one (RFC 5630 §3.1). */
function asSecureAs({ scheme }: Uri, user: string): string {
  return scheme === 'sips' ? user.replace(/^sip:/, 'sips:') : user
}
