/** The application server (SPEC §3.5; FIG 5, 6, 12, 13): users of one application, and the users near each. */
import { type Element, type EventPackage, type Exchange, type Host, keptSecret, type Notifier } from '../../signalling/index.ts'
import { hasBody, mediaType, type SubscriberRecord } from '../schemas/index.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import { Rechecks } from '../shared/clients/rechecks.ts'
import { SignedIn } from '../shared/clients/signed-in.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { serverUri } from '../shared/identifiers/devices.ts'
import { ownUser, usualView } from '../shared/identifiers/element-names.ts'
import { decoded } from '../shared/identifiers/percent.ts'
import { SetIndex } from '../shared/state/set-index.ts'
import { lifetimesOf } from '../shared/values/lifetimes.ts'
import { Offers } from '../shared/values/offers.ts'
import { SettingsError } from '../shared/values/settings-error.ts'
import { ApplicationRegistration, automatedTypes } from './automated.ts'
import { type BuddyView, buddyBody, pidfType, type UsersView, usersBody } from './bodies.ts'
import { type NearAnswer, NearUsers, type ServedDevice } from './near-users.ts'
import { UserRegistrations } from './registration.ts'
import type { ApplicationServerSettings } from './settings.ts'
import { type ApplicationUser, Users, userKey } from './users.ts'

export type { ApplicationServerSettings } from './settings.ts'

const usersEvent = 'proximate-users'
const registrationType = mediaType('user-registration')
const messageTypes = [registrationType, ...automatedTypes]
const offers = new Offers([
  { method: 'SUBSCRIBE', event: usersEvent },
  { method: 'SUBSCRIBE', event: 'presence' },
  { method: 'MESSAGE', types: messageTypes },
])
const retryLater = 30 // seconds
const settling = 1000 // milliseconds after a start in which users are as they were

/** The user that the presence view of one watcher is about; kept over a restart. */
interface Buddy {
  readonly [member: string]: string
  readonly user: string
  readonly entity: string
}

/** Throws where the settings make no sense. */
export function createApplicationServer(name: string, settings: ApplicationServerSettings): Element {
  return new ApplicationServer(name, settings)
}

class ApplicationServer implements Element {
  readonly name: string
  readonly claims
  readonly packages: readonly EventPackage[]
  private readonly settings: ApplicationServerSettings
  private readonly view: string
  private host!: Host
  private users!: Users
  private near!: NearUsers
  private subscribers!: Subscribers
  private rechecks!: Rechecks
  private signedIn!: SignedIn
  private registration!: UserRegistrations
  private automated!: ApplicationRegistration
  /** By device. */
  private readonly notifiers = new SetIndex<string, Notifier>()
  private readonly held = new Map<Notifier, ServedDevice>()
  /** The last state that each presence view has told. */
  private readonly sinceSent = new WeakMap<Notifier, string | undefined>()
  private stopped = false

  constructor(name: string, settings: ApplicationServerSettings) {
    this.name = name
    this.settings = settings
    this.view = `${settings.view ?? usualView}-`
    if (!/^[\w.-]+$/.test(this.view))
      throw new SettingsError(`view: ${settings.view} cannot begin the user part of a URI`, 'letters, digits, dots, dashes and _')
    for (const setting of ['period', 'gap'] as const)
      if (settings[setting] !== undefined && !(settings[setting] > 0))
        throw new SettingsError(`${setting}: ${settings[setting]} s`, 'seconds, above 0')
    this.claims = [
      { method: 'MESSAGE', content: messageTypes, user: name },
      { method: 'SUBSCRIBE', event: usersEvent, user: name },
      { method: 'SUBSCRIBE', event: 'presence', user: `${this.view}*` },
    ]
    const expires = lifetimesOf(settings.expires)
    const users: EventPackage<UsersView> = {
      name: usersEvent,
      types: [mediaType('proximate-users')],
      expires,
      conditional: true,
      render: (view, { version }) => usersBody(settings.application, view, version),
    }
    const buddy: EventPackage<BuddyView> = { name: 'presence', types: [pidfType], expires, render: buddyBody }
    this.packages = [users, buddy]
  }

  async start(host: Host): Promise<void> {
    this.host = host
    const { application, open = false, feedback = 'change', period = 10, hss } = this.settings
    const { gap, wake = false, listed = false } = this.settings
    const { proseServers = [], prosePlaces } = this.settings
    const prose = serverUri(this.settings.prose ?? 'prose', host.domains)
    this.users = new Users(host, (device) => this.lapsed(device))
    await this.users.load()
    this.near = new NearUsers({ host, prose, application, feedback, period: period * 1000, gap, wake, listed }, this.users, {
      changed: (device) => this.tell(device),
      ended: (device, status, reason) => this.endSubscriptions(device, status === 403 || reason === 'rejected'),
    })
    this.subscribers = new Subscribers(host, hss)
    const secrets = new Map((this.settings.users ?? []).map(({ user, secret }) => [userKey(user, host.domains), secret]))
    const registration = new UserRegistrations(host, { application, open, secrets }, this.users, this.subscribers, {
      changed: (users, device) => this.near.userChanged(users, device),
      left: (user) => void this.automated.release(user),
    })
    this.registration = registration
    this.automated = new ApplicationRegistration({
      host,
      application,
      open,
      secrets,
      proseServers: [prose, ...proseServers],
      prosePlaces,
      users: this.users,
      registration,
      conversations: new Conversations(host),
      key: await keptSecret(host.store, host.ids, `as/${host.name}/secret`),
    })
    this.subscribers.onChange((id, record) => this.recordChanged(id, record))
    this.rechecks = new Rechecks(host, this.subscribers, (id, record) => this.recordChanged(id, record))
    this.subscribers.onGap(() => this.lookAgain())
    host.clock.after(settling, () => this.lookAgain()) // subscribers may have gone while we were away
    this.signedIn = new SignedIn(host, this.subscribers)
    this.subscribers.start()
  }

  handle(exchange: Exchange): void | Promise<void> {
    if (offers.answer(exchange)) return
    return this.work(exchange)?.catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
  private work(exchange: Exchange): void | Promise<void> {
    const { request } = exchange
    if (request.method !== 'MESSAGE')
      return request.event?.value === usersEvent ? this.showUsers(exchange) : this.showBuddy(exchange)
    if (!hasBody(request)) return exchange.reply(400, { warning: `${messageTypes.join(' or ')} expected, there is no body` })
    return request.contentType === registrationType ? this.registration.handle(exchange) : this.automated.handle(exchange)
  }

  /** Answers a query for the users near its sender, once or standing. */
  private showUsers(exchange: Exchange): Promise<void> {
    return this.serve(exchange, (user, { near = [] }) => {
      const state: UsersView = { user: user.user, near }
      return exchange.accept<UsersView>({ package: usersEvent, resource: user.device, state })
    })
  }

  /** The same of one buddy, for softphones (SPEC §3.5): `sip:near-bob@…`, `sip:near-msn%3Abob@…`. */
  private showBuddy(exchange: Exchange): Promise<void> {
    const { uri } = exchange.request
    const [domain] = this.host.domains
    const named = decoded(uri.user.slice(this.view.length))
    const buddy = userKey(named.includes(':') ? named : `sip:${named}@${domain}`, this.host.domains)
    const entity = `sip:${uri.user}@${uri.host}`
    return this.serve(exchange, (user, { near = [] }) => {
      const state = this.viewOf({ user: buddy, entity }, near)
      if (this.users.named(buddy).length === 0)
        this.host.log.info({ buddy, by: user.user }, 'somebody is watched who is no user of the application: he is never near')
      const record: Buddy = { user: buddy, entity }
      const notifier = exchange.accept<BuddyView>({ package: 'presence', resource: user.device, state, record })
      this.sinceSent.set(notifier, state.since)
      return notifier
    })
  }

  private async serve(
    exchange: Exchange,
    accept: (user: ApplicationUser, answer: Extract<NearAnswer, { near: unknown }>) => Notifier,
  ): Promise<void> {
    const record = await this.registration.recordOfAsker(exchange)
    const user = record && (await this.registration.userOf(record))
    const none = `you are no user of ${this.settings.application} yet: register your user first`
    if (user === undefined) return this.registration.refuse(exchange, record && none)
    const held = exchange.request.expires === 0 ? undefined : this.near.hold(user)
    const answer = await (held === undefined ? this.near.once(user) : this.near.first(held))
    if (answer.status !== undefined) {
      if (held !== undefined) this.near.release(held)
      if (answer.status === 403) return this.registration.refuse(exchange)
      return exchange.reply(503, {
        headers: [['Retry-After', String(retryLater)]],
        warning: 'the proximity server does not answer now: come again later',
      })
    }
    if (this.users.of(user.device) === undefined) {
      if (held !== undefined) this.near.release(held) // his time was over meanwhile
      return this.registration.refuse(exchange, none)
    }
    const notifier = accept(user, answer)
    if (held === undefined) return
    if (!notifier.live) return this.near.release(held)
    this.notifiers.add(user.device, notifier)
    this.held.set(notifier, held)
    this.signedIn.follow(notifier)
  }

  /** After a restart: taken up again, where it still may be. The start does not wait for a proximity server that is away. */
  restored(notifier: Notifier): void {
    const { resource } = notifier
    const user = this.users.of(resource)
    if (user === undefined) return notifier.terminate('rejected')
    this.notifiers.add(resource, notifier)
    this.checkAgain(resource)
    const held = this.near.hold(user)
    this.held.set(notifier, held)
    this.near.first(held).then(
      ({ status }) => {
        if (status === undefined) this.tell(resource)
        // 503: it is away too; the feed goes on asking, and tells when it answers
        else if (status !== 503 && notifier.live) this.finish(notifier, status === 403)
      },
      (fault: unknown) => this.host.log.error({ err: fault, device: resource }, 'a subscription is not taken up again'),
    )
  }
  private checkAgain(device: string): void {
    Promise.resolve(this.subscribers.of(device)).then(
      (record) => this.recordChanged(device, record),
      (fault: unknown) => this.host.log.warn({ fault: String(fault), device }, 'a user stays: the HSS does not answer'),
    )
  }

  ended(notifier: Notifier): void {
    const { resource } = notifier
    const held = this.held.get(notifier)
    this.held.delete(notifier)
    if (!this.stopped && this.notifiers.delete(resource, notifier) && held !== undefined) this.near.release(held)
  }

  stop(): Promise<void> {
    this.stopped = true
    this.rechecks.stop()
    this.signedIn.stop()
    this.near.stop()
    return this.users.stop()
  }

  private tell(device: string): void {
    const user = this.users.of(device)
    if (user === undefined) return
    const near = this.near.of(device)
    const all: UsersView = { user: user.user, near }
    for (const notifier of this.notifiers.of(device)) {
      if (notifier.package === usersEvent) notifier.notify(all)
      else this.tellOfBuddy(notifier, near)
    }
  }
  private tellOfBuddy(notifier: Notifier, near: UsersView['near']): void {
    const state = this.viewOf(notifier.record as Buddy, near)
    if (this.sinceSent.has(notifier) && this.sinceSent.get(notifier) === state.since) return
    this.sinceSent.set(notifier, state.since)
    notifier.notify(state)
  }
  /** A buddy has all the names of his subscriber. */
  private viewOf({ user, entity }: Buddy, near: UsersView['near']): BuddyView {
    const usersOfName = this.users.named(user)
    const since = near.find((one) => usersOfName.some((each) => each.user === one.user))?.since
    const { application } = this.settings
    return { entity, since, name: ownUser(user, this.host.domains) ?? user, application }
  }

  /** Nobody tells any more who is near that device. */
  private endSubscriptions(device: string, forGood: boolean): void {
    for (const notifier of [...this.notifiers.of(device)]) this.finish(notifier, forGood)
  }
  private finish(notifier: Notifier, forGood: boolean): void {
    if (forGood) notifier.terminate('rejected')
    else notifier.terminate('probation', retryLater)
  }

  private lookAgain(): void {
    if (!this.stopped) for (const device of this.users.devices()) this.rechecks.add(device)
  }
  private recordChanged(id: string, record: SubscriberRecord | undefined): void {
    if (!this.registration.recordChanged(id, record)) this.endSubscriptions(id, true)
  }

  /** His time is over, and nobody is near him, nor he near anybody. */
  private lapsed(device: string): void {
    if (this.stopped) return
    this.endSubscriptions(device, true)
    void this.registration.expel(device)
  }
}
