/**
 * Resource lists (RFC 4662): one SUBSCRIBE to a list is a subscription to everybody on it. `sip:<name>@<domain>` is the list
 * of the subscriber's own friends, for every subscriber; further lists are settings. The server of a resource decides what
 * the subscriber sees of it.
 */
import {
  type Element,
  type EventPackage,
  type Exchange,
  type Host,
  type Notifier,
  RateLimit,
  type RateSettings,
  type ReplyFields,
} from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { SignedIn } from '../shared/clients/signed-in.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, namesOf, subscriberKey } from '../shared/identifiers/devices.ts'
import { lifetimesOf } from '../shared/values/lifetimes.ts'
import { Offers } from '../shared/values/offers.ts'
import { Pages } from './pages.ts'
import { type ListState, listBody, listPart, listType, sameList } from './rlmi.ts'
import type { ResourceListsSettings } from './settings-type.ts'
import { WatchedList } from './watched-list.ts'

const event = 'presence'
const accept = ['application/pidf+xml']
/** Resources that one subscriber's lists may begin to ask. */
const beginnings: RateSettings = { rate: 20, burst: 1000 }
const tooOften: ReplyFields = {
  headers: [['Retry-After', '15']],
  warning: 'long lists begun too often; expected a subscription that stands, or fewer names a second',
}
const namesOfAPlace = 16 // resources of a list for which its subscription takes one more place in its subscriber's share
const offers = new Offers([{ method: 'SUBSCRIBE', event }], ['eventlist'])

/** A list that one subscriber watches, by one subscription or many: its resources are asked once for all. */
interface Watching {
  readonly user: string
  readonly watcher: string
  readonly list: WatchedList
  readonly notifiers: Set<Notifier<ListState>>
  /** Subscriptions that wait for the state of its resources. */
  arriving: number
  /** All its resources have spoken, or have had the time to. */
  begun: Promise<void> | undefined
  /** `opening`: changes are looked up when its first subscription stands; `restored`: at once, and told later. */
  phase: 'opening' | 'restored' | 'standing'
}

export function createResourceLists(name: string, settings: ResourceListsSettings): Element {
  return new ResourceLists(name, settings)
}

class ResourceLists implements Element {
  readonly name: string
  readonly claims
  readonly packages: readonly EventPackage[]
  private readonly settings: ResourceListsSettings
  private host!: Host
  private subscribers!: Subscribers
  private signedIn!: SignedIn
  private pages!: Pages
  private beginnings!: RateLimit
  private readonly lists = new Map<string, Watching>()
  private readonly watched = new Map<Notifier, Watching>()

  constructor(name: string, settings: ResourceListsSettings) {
    this.name = name
    this.settings = settings
    const user = [name, ...Object.keys(settings.lists ?? {})]
    this.claims = [
      { method: 'SUBSCRIBE', event, user },
      { method: 'OPTIONS', user },
    ]
    const pack: EventPackage<ListState> = {
      name: event,
      types: [listType],
      expires: lifetimesOf(settings.expires),
      requires: 'eventlist',
      same: (a, b) => a === b || sameList(a, b),
      render: (state, { version, previous }) => listBody(state, previous, version - 1),
      part: (state, { version, previous, room }) => listPart(state, previous, version - 1, room),
    }
    this.packages = [pack]
  }
  start(host: Host): void {
    this.host = host
    this.pages = new Pages(host.clock)
    this.beginnings = new RateLimit(host.clock, beginnings)
    this.subscribers = new Subscribers(host, this.settings.hss)
    this.subscribers.onChange((id, record) => this.friendsChanged(id, record))
    this.signedIn = new SignedIn(host, this.subscribers)
    this.subscribers.start()
    host.gauge('lists_watched', () => this.lists.size)
  }
  /** Told once all its resources have spoken: until then the subscriber has the state that he was told before. */
  restored(notifier: Notifier<ListState>): void {
    const watching = this.watching(notifier.resource, this.watcherOf(notifier), 'restored')
    this.addNotifier(watching, notifier)
    watching.begun ??= this.takeUp(watching)
    void watching.begun.then(() => notifier.notify(watching.list.state))
  }
  private async takeUp(watching: Watching): Promise<void> {
    const { user, watcher, list } = watching
    const turn = list.turn()
    let resources: readonly string[] = []
    try {
      resources = await this.resourcesOf(user, watcher)
    } catch (fault) {
      this.host.log.warn({ fault: String(fault), list: user }, 'a list stays empty: the HSS does not answer')
    }
    await new Promise<void>((resolve) => list.begin(resources, resolve, turn))
    watching.phase = 'standing'
  }
  handle(exchange: Exchange): void | Promise<void> {
    if (offers.answer(exchange)) return
    const { request, asserted } = exchange
    const watcher = deviceKey((asserted ?? request.from).uri, this.host.domains)
    if (watcher === undefined) return exchange.reply(403, { warning: 'nobody vouches for who you are: sign in' })
    if (!request.list('Supported').some((option) => option.toLowerCase() === 'eventlist'))
      return exchange.reply(421, {
        headers: [['Require', 'eventlist']],
        warning: 'this is a list; expected Supported: eventlist',
      }) // RFC 4662 §4.5
    const { user } = request.uri
    const existing = this.lists.get(keyOf(user, watcher))
    if (existing === undefined && this.beginnings.isSpent(watcher)) return exchange.reply(503, tooOften)
    const record = this.subscribers.known(watcher)
    const turn = existing?.list.turn()
    const resources = this.resourcesOf(user, watcher)
    const open = async (found: readonly string[]): Promise<void> => {
      const watching = await this.open(exchange, user, watcher, found, turn)
      // his friends may be others since
      if (watching !== undefined && this.subscribers.known(watcher) !== record) this.listAnew(watching)
    }
    if (!(resources instanceof Promise)) return open(resources)
    return resources.then(open, (fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
  /** Members of the list that this user part names. */
  private resourcesOf(user: string, watcher: string): readonly string[] | Promise<readonly string[]> {
    const fixed = this.settings.lists?.[user]
    if (fixed !== undefined) return this.ownersOf(fixed)
    const record = this.subscribers.lookup(watcher)
    return record instanceof Promise
      ? record.then((found) => this.ownersOf(found?.friends ?? []))
      : this.ownersOf(record?.friends ?? [])
  }
  /** The subscribers that these names mean, each once (SPEC §2.1). */
  private ownersOf(ids: readonly string[]): Promise<readonly string[]> {
    const keys = ids.flatMap((id) => subscriberKey(id, this.host.domains) ?? [])
    const owners = (records: readonly (SubscriberRecord | undefined)[]): readonly string[] => [
      ...new Set(keys.map((key, i) => records[i]?.id ?? key)),
    ]
    // a name stands for itself where the HSS does not answer
    return this.subscribers.all(keys).then(owners, () => owners([]))
  }
  private list(user: string, watcher: string, fetch: boolean, changed: () => void): WatchedList {
    const uri = `sip:${user}@${this.host.domains[0]}`
    return new WatchedList({ host: this.host, pages: this.pages, uri, watcher, event, accept, fetch, changed })
  }
  /** The one that is there, or a new one, which has not begun. */
  private watching(user: string, watcher: string, phase: 'opening' | 'restored'): Watching {
    const key = keyOf(user, watcher)
    const existing = this.lists.get(key)
    if (existing !== undefined) return existing
    const list = this.list(user, watcher, false, () => this.tell(watching))
    const watching: Watching = { user, watcher, list, notifiers: new Set(), arriving: 0, begun: undefined, phase }
    this.lists.set(key, watching)
    return watching
  }
  private addNotifier(watching: Watching, notifier: Notifier<ListState>): void {
    watching.notifiers.add(notifier)
    this.watched.set(notifier, watching)
  }
  private tell({ list, notifiers, phase }: Watching): void {
    if (phase !== 'standing') return
    const { state } = list
    for (const notifier of notifiers) notifier.notify(state)
  }
  /**
   * The resources are asked first, so that the first NOTIFY says something; none of them holds it up for long. Those of a list that
   * its subscriber watches already are not asked again.
   *
   * @param turn of the question who is on the list, where it is watched already
   */
  private async open(
    exchange: Exchange,
    user: string,
    watcher: string,
    resources: readonly string[],
    turn: number | undefined,
  ): Promise<Watching | undefined> {
    const existing = this.lists.get(keyOf(user, watcher))
    const fetch = exchange.request.expires === 0
    if (existing === undefined) this.beginnings.spend(watcher, resources.length)
    else if (turn !== undefined) {
      existing.list.hold(resources, turn)
      this.tell(existing)
    }
    if (existing === undefined && fetch) return this.fetch(exchange, user, watcher, resources)
    const watching = existing ?? this.watching(user, watcher, 'opening')
    watching.begun ??= new Promise<void>((resolve) => watching.list.begin(resources, resolve))
    watching.arriving++
    await watching.begun
    watching.arriving--
    watching.phase = 'standing'
    try {
      const notifier = this.accept(exchange, user, watching.list.state)
      if (!notifier.live || fetch) return undefined
      this.addNotifier(watching, notifier)
      this.signedIn.follow(notifier)
      return watching
    } finally {
      this.leave(watching)
    }
  }
  private async fetch(exchange: Exchange, user: string, watcher: string, resources: readonly string[]): Promise<undefined> {
    const list = this.list(user, watcher, true, () => undefined)
    await new Promise<void>((resolve) => list.begin(resources, resolve))
    this.accept(exchange, user, list.state)
    list.stop()
  }
  private accept(exchange: Exchange, user: string, state: ListState): Notifier<ListState> {
    const weight = 1 + Math.floor(state.resources.size / namesOfAPlace)
    return exchange.accept<ListState>({ package: event, resource: user, state, weight })
  }
  /** Nobody may watch it any more. */
  private leave(watching: Watching): void {
    const key = keyOf(watching.user, watching.watcher)
    if (watching.notifiers.size > 0 || watching.arriving > 0 || this.lists.get(key) !== watching) return
    this.lists.delete(key)
    watching.list.stop()
  }
  /** Resources that have refused, or gone, are asked again, within the subscriber's allowance. */
  refreshed(notifier: Notifier): undefined {
    const watching = this.watched.get(notifier)
    if (watching === undefined || this.beginnings.isSpent(watching.watcher)) return
    this.beginnings.spend(watching.watcher, watching.list.gone.length)
    watching.list.again()
  }
  stop(): void {
    this.signedIn.stop()
  }
  ended(notifier: Notifier): void {
    const watching = this.watched.get(notifier)
    if (watching === undefined) return
    this.watched.delete(notifier)
    watching.notifiers.delete(notifier as Notifier<ListState>)
    this.leave(watching)
  }
  private watcherOf({ subscriber }: Notifier): string {
    return deviceKey(subscriber, this.host.domains) ?? subscriber
  }
  private friendsChanged(id: string, record: SubscriberRecord | undefined): void {
    const names = new Set(namesOf(record ?? { id }, this.host.domains))
    for (const watching of this.lists.values())
      if (watching.phase !== 'opening' && names.has(watching.watcher)) this.listAnew(watching)
  }
  private listAnew(watching: Watching): void {
    const { user, watcher, list } = watching
    const turn = list.turn()
    Promise.resolve(this.resourcesOf(user, watcher)).then(
      (resources) => {
        if (this.lists.get(keyOf(user, watcher)) !== watching) return
        list.hold(resources, turn)
        this.tell(watching)
      },
      (fault: unknown) => this.host.log.warn({ fault: String(fault), list: user }, 'a list stays as it was'),
    )
  }
}

function keyOf(user: string, watcher: string): string {
  return `${user} ${watcher}`
}
