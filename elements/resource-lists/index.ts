/**
 * Resource lists (RFC 4662): one SUBSCRIBE to a list is a subscription to everybody on it. `sip:<name>@<domain>` is the list of
 * the subscriber's own friends, whoever asks; further lists are settings. What a resource lets the subscriber see, the
 * resource's own server decides.
 */
import type { Element, EventPackage, Exchange, Host, Notifier } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { SignedIn } from '../shared/clients/signed-in.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, namesOf, subscriberKey } from '../shared/identifiers/devices.ts'
import { type Lifetimes, lifetimesOf } from '../shared/values/lifetimes.ts'
import { Offers } from '../shared/values/offers.ts'
import { type ListState, listBody, listPart, listType, sameList } from './rlmi.ts'
import { WatchedList } from './watched-list.ts'

/** Of the dialplan, `role: resource-lists`. */
export interface ResourceListSettings {
  /** User part of a list's URI -> identifiers on it. */
  readonly lists?: { readonly [name: string]: readonly string[] }
  /** Seconds. */
  readonly expires?: Lifetimes
  /** URI of the HSS. Default `sip:hss@<first domain>`. */
  readonly hss?: string
}

const event = 'presence'
const accept = ['application/pidf+xml']
const offers = new Offers([{ method: 'SUBSCRIBE', event }], ['eventlist'])

export function createResourceLists(name: string, settings: ResourceListSettings): Element {
  return new ResourceLists(name, settings)
}

class ResourceLists implements Element {
  readonly name: string
  readonly claims
  readonly packages: readonly EventPackage[]
  private readonly settings: ResourceListSettings
  private host!: Host
  private subscribers!: Subscribers
  private signedIn!: SignedIn
  private readonly lists = new Map<Notifier, WatchedList>()

  constructor(name: string, settings: ResourceListSettings) {
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
      same: sameList,
      render: (state, { version, previous }) => listBody(state, previous, version - 1),
      part: (state, { version, previous, room }) => listPart(state, previous, version - 1, room),
    }
    this.packages = [pack]
  }
  start(host: Host): void {
    this.host = host
    this.subscribers = new Subscribers(host, this.settings.hss)
    this.subscribers.onChange((id, record) => this.friendsChanged(id, record))
    this.signedIn = new SignedIn(host, this.subscribers)
    this.subscribers.start()
    host.gauge('lists_watched', () => this.lists.size)
  }
  /** Told once all its resources have spoken: until then the subscriber has what it was told before. */
  async restored(notifier: Notifier): Promise<void> {
    const list = this.list(notifier.resource, notifier.subscriber, () => notifier.notify(list.state))
    this.lists.set(notifier, list)
    const turn = list.turn()
    let resources: readonly string[] = []
    try {
      resources = await this.resourcesOf(notifier.resource, notifier.subscriber)
    } catch (fault) {
      this.host.log.warn({ fault: String(fault), list: notifier.resource }, 'a list stays empty: the HSS does not answer')
    }
    list.begin(resources, () => notifier.notify(list.state), turn)
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
    const record = this.subscribers.known(watcher)
    const resources = this.resourcesOf(user, watcher)
    const open = async (found: readonly string[]): Promise<void> => {
      const notifier = await this.open(exchange, user, watcher, found)
      // his friends may be others since
      if (notifier !== undefined && this.subscribers.known(watcher) !== record) this.listAnew(notifier)
    }
    if (!(resources instanceof Promise)) return open(resources)
    return resources.then(open, (fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
  /** Who is on the list that this user part names. */
  private resourcesOf(user: string, watcher: string): readonly string[] | Promise<readonly string[]> {
    const fixed = this.settings.lists?.[user]
    if (fixed !== undefined) return this.ownersOf(fixed)
    const record = this.subscribers.lookup(watcher)
    return record instanceof Promise
      ? record.then((found) => this.ownersOf(found?.friends ?? []))
      : this.ownersOf(record?.friends ?? [])
  }
  /** Whom these names mean, each once (SPEC §2.1). */
  private ownersOf(ids: readonly string[]): Promise<readonly string[]> {
    const keys = ids.flatMap((id) => subscriberKey(id, this.host.domains) ?? [])
    const owners = (records: readonly (SubscriberRecord | undefined)[]): readonly string[] => [
      ...new Set(keys.map((key, i) => records[i]?.id ?? key)),
    ]
    // a name stands for itself where the HSS does not answer
    return this.subscribers.all(keys).then(owners, () => owners([]))
  }
  private list(user: string, watcher: string, changed: () => void): WatchedList {
    const uri = `sip:${user}@${this.host.domains[0]}`
    return new WatchedList({ host: this.host, uri, watcher, event, accept, changed })
  }
  /** The resources are asked first, so that the first NOTIFY says something; none of them holds it up for long. */
  private async open(
    exchange: Exchange,
    user: string,
    watcher: string,
    resources: readonly string[],
  ): Promise<Notifier | undefined> {
    let notifier: Notifier<ListState> | undefined
    const list = this.list(user, watcher, () => notifier?.notify(list.state))
    await new Promise<void>((resolve) => list.begin(resources, resolve))
    notifier = exchange.accept<ListState>({ package: event, resource: user, state: list.state })
    if (!notifier.live || exchange.request.expires === 0) {
      list.stop()
      return undefined
    }
    this.lists.set(notifier, list)
    this.signedIn.follow(notifier)
    return notifier
  }
  refreshed(notifier: Notifier): undefined {
    this.lists.get(notifier)?.again()
  }
  stop(): void {
    this.signedIn.stop()
  }
  ended(notifier: Notifier): void {
    this.lists.get(notifier)?.stop()
    this.lists.delete(notifier)
  }
  private friendsChanged(id: string, record: SubscriberRecord | undefined): void {
    const { domains } = this.host
    const names = new Set(namesOf(record ?? { id }, domains))
    for (const notifier of this.lists.keys()) {
      const watcher = deviceKey(notifier.subscriber, domains)
      if (watcher !== undefined && names.has(watcher)) this.listAnew(notifier)
    }
  }
  private listAnew(notifier: Notifier): void {
    const turn = this.lists.get(notifier)?.turn()
    Promise.resolve(this.resourcesOf(notifier.resource, notifier.subscriber)).then(
      (resources) => {
        const list = this.lists.get(notifier)
        if (list === undefined) return
        list.hold(resources, turn)
        notifier.notify(list.state)
      },
      (fault: unknown) => this.host.log.warn({ fault: String(fault), list: notifier.resource }, 'a list stays as it was'),
    )
  }
}
