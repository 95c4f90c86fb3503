/** The Push server (SPEC §5): reaches a user by Push identifier, at each of his devices, now or when they are there. */
import type { Claim, EventPackage, Exchange, Host, Notifier } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { SignedIn } from '../shared/clients/signed-in.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { serverUri } from '../shared/identifiers/devices.ts'
import { type FlagWidths, flagBits, isPushInForce, type PushFlags, usualWidths } from '../shared/identifiers/push.ts'
import { Blocking } from '../shared/permissions/blocking.ts'
import { Acceptance } from './acceptance.ts'
import { Aliases } from './aliases.ts'
import { allocationTypes, IdentifierAllocation } from './allocation.ts'
import { ApplicationFeed, applicationsEvent, applicationsPackage } from './application-feed.ts'
import { ApplicationRules } from './application-rules.ts'
import { Applications, maySend } from './applications.ts'
import { BoundDevices } from './bound-devices.ts'
import { PushCalls } from './calls.ts'
import { CircuitFallback } from './circuit-fallback.ts'
import { Conservation, type PushAudit } from './conservation.ts'
import { Decisions, subjectOf } from './decisions.ts'
import { Destinations } from './destinations.ts'
import type { DeviceBinding } from './device-binding.ts'
import { DeviceQueues } from './device-queues.ts'
import { Dispatch } from './dispatch.ts'
import { Explanation, type PushExplanation } from './explanation.ts'
import { FollowedApplications } from './followed-applications.ts'
import { Gateway } from './gateway.ts'
import { MessageSummaries, summaryEvent, summaryPackage } from './message-summaries.ts'
import { MessageOutcomes } from './outcomes.ts'
import { OwnMessages } from './own-messages.ts'
import type { PushMessage } from './push-message.ts'
import type { PushServer } from './push-server.ts'
import { ReceiptCheck } from './receipt-check.ts'
import { Receipts } from './receipts.ts'
import { Registration } from './registration.ts'
import { nextServerOf, Relay } from './relay.ts'
import { RoamingAgreements } from './roaming.ts'
import { ServerRoutes } from './routes.ts'
import { nextServer, type StoringRules, storingRules } from './rules.ts'
import type { PushSettings } from './settings-type.ts'
import { Sources } from './source.ts'
import { Submissions } from './submissions.ts'
import { WakeProviders } from './waking/providers.ts'
import { WakeRequests, wakeType } from './waking/wake-requests.ts'
import { Wakes } from './waking/wakes.ts'
import { WatchedBindings } from './watched-bindings.ts'

export { type ApplicationStep, applicationSteps } from './applications.ts'
export type { PushAudit } from './conservation.ts'
export { pushRoutes } from './http-routes.ts'
export type { PushServer } from './push-server.ts'
export type { PushSettings } from './settings-type.ts'

const allow = 'INVITE, MESSAGE, REGISTER, SUBSCRIBE, OPTIONS'

export function createPush(name: string, settings: PushSettings): PushServer {
  return new PushElement(name, settings)
}

class PushElement implements PushServer {
  readonly name: string
  readonly claims: readonly Claim[]
  readonly packages: readonly EventPackage[] = [applicationsPackage, summaryPackage]
  readonly isProxy = true
  private readonly settings: PushSettings
  private readonly own: PushFlags
  private readonly widths: FlagWidths
  private readonly rules: StoringRules
  private host!: Host
  private devices!: BoundDevices
  private queues!: DeviceQueues
  private acceptance!: Acceptance
  private receipts!: Receipts
  private subscribers!: Subscribers
  private registration!: Registration
  private allocation!: IdentifierAllocation
  private fallback: CircuitFallback | undefined
  private bindings: WatchedBindings | undefined
  private roaming!: RoamingAgreements
  private gateway!: Gateway
  private sources!: Sources
  private aliases!: Aliases
  private applicationRules!: ApplicationRules
  private applicationFeed!: ApplicationFeed
  private followed!: FollowedApplications
  private outcomes!: MessageOutcomes
  applications!: Applications
  private routes!: ServerRoutes
  submissions!: Submissions
  readonly http: PushServer['http']
  private dispatch!: Dispatch
  private wakes!: Wakes
  decisions!: Decisions
  private conservation!: Conservation
  private explanation!: Explanation
  private receiptCheck!: ReceiptCheck
  private destinations!: Destinations
  private blocking!: Blocking
  private ownMessages!: OwnMessages
  private wakeRequests!: WakeRequests
  private summaries!: MessageSummaries
  private calls!: PushCalls
  private signedIn!: SignedIn

  constructor(name: string, settings: PushSettings) {
    this.name = name
    this.claims = [
      { method: ['MESSAGE', 'INVITE'], label: 'push' },
      ...allocationTypes.map((content) => ({ method: 'MESSAGE', content, user: name })),
      { method: 'REGISTER', user: 'push' },
      { method: ['REGISTER', 'OPTIONS'], label: 'push' },
      { method: 'SUBSCRIBE', event: applicationsEvent, user: name },
      { method: 'MESSAGE', content: wakeType, user: name },
      { method: 'SUBSCRIBE', event: summaryEvent },
    ]
    this.settings = settings
    this.own = { operator: settings.flags ?? 0, server: settings.server ?? 0 }
    this.widths = { ...usualWidths, ...settings.widths }
    this.rules = storingRules(settings)
    this.http = { open: false, ...settings.http }
  }
  async start(host: Host): Promise<void> {
    this.host = host
    const { own, rules, widths } = this
    this.devices = new BoundDevices(host, rules, (gone) => {
      for (const binding of gone) {
        this.wakes.forget(binding)
        void this.queues.forget(binding.subscriber, binding.device)
      }
    })
    this.decisions = new Decisions(host)
    const providers = await WakeProviders.open(host, this.settings.wake ?? {})
    this.wakes = this.wakesBy(host, providers)
    const { wakes } = this
    const allows = (application: string, element: string): boolean => this.allowsReceipts(application, element)
    this.receipts = new Receipts(
      host,
      (to, ownId, body) => this.ownMessages.tell(to, ownId, body),
      (id) => this.queues.store.message(id),
      allows,
    )
    const { devices, receipts } = this
    this.outcomes = new MessageOutcomes(host)
    const { outcomes } = this
    const relay = (uri: string): DeviceBinding => nextServerOf(host, this.routes, uri)
    this.conservation = new Conservation(host)
    const counted = this.conservation.host
    this.queues = new DeviceQueues(counted, {
      devices,
      outcomes,
      receipts,
      relay,
      rules,
      waking: wakes,
      decisions: this.decisions,
      isHeld: (id) => this.fallback?.has(id) === true,
    })
    this.subscribers = new Subscribers(host, this.settings.hss)
    this.fallback = this.fallbackAt(host)
    this.acceptance = new Acceptance(counted, rules, this.queues, this.fallback)
    this.applications = new Applications({ host, settings: this.settings.applications ?? [], own, widths })
    const { applications } = this
    const fellows = (this.settings.servers ?? []).map(({ element }) => element)
    this.followed = new FollowedApplications(host, fellows)
    this.applicationFeed = new ApplicationFeed(host, applications, fellows)
    const { followed } = this
    this.applicationRules = new ApplicationRules({ host, applications, followed, maxBytes: this.settings.maxBytes ?? 65_535 })
    await this.applications.load()
    await this.devices.load()
    await this.receipts.load()
    await this.outcomes.load()
    await this.fallback?.load()
    await this.queues.load()
    this.conservation.begin(this.queues.store.size)
    this.bindings = this.bindingsAt(host)
    this.subscribers.start()
    this.signedIn = this.signedInAt(host)
    const { decisions, queues, subscribers } = this
    this.destinations = new Destinations(host, subscribers)
    this.blocking = new Blocking(host, subscribers)
    const { peers = [], servers = [] } = this.settings
    this.receiptCheck = new ReceiptCheck({ host, subscribers, own, allows, peers, widths, keep: rules.keep })
    await this.receiptCheck.load()
    this.explanation = new Explanation({ ...{ decisions, devices, host, own, queues, subscribers, wakes, widths } })
    this.submissions = new Submissions({ host, outcomes, queues, subscribers })
    const isApplication = (id: string): boolean => {
      const found = applications.ofPush(id) ?? followed.ofPush(id)
      return found !== undefined && maySend(found)
    }
    this.roaming = new RoamingAgreements(host, peers)
    this.gateway = new Gateway({ host, devices, subscribers })
    const { roaming } = this
    this.allocation = this.allocationAt(host)
    const { allocation } = this
    this.registration = new Registration({
      host,
      allocation,
      devices,
      own,
      providers,
      queues,
      roaming,
      signedIn: this.signedIn,
      subscribers,
      wakes,
      widths,
      isKeptElsewhere: this.bindings !== undefined,
    })
    this.sources = new Sources({ host, subscribers, peers, isApplication, fellows: servers.map(({ flags }) => flags) })
    this.aliases = new Aliases(host, this.settings.addressbook, this.decisions)
    this.routes = this.routesOf(host)
    this.routes.start()
    this.summaries = new MessageSummaries({ host, queues, routes: this.routes, signedIn: this.signedIn, subscribers })
    const { acceptance, destinations, routes } = this
    this.calls = new PushCalls({ host, blocking: this.blocking, decisions, destinations, routes, sources: this.sources })
    this.ownMessages = new OwnMessages({ host, acceptance, destinations, routes, keep: rules.keep })
    this.wakeRequests = new WakeRequests({ host, devices, wakes, proxies: this.settings.proxies ?? ['proxy'] })
    const { receiptCheck } = this
    const relayed = new Relay({ host, rules, acceptance, decisions, receiptCheck })
    this.dispatch = new Dispatch({
      ...{
        host,
        acceptance,
        aliases: this.aliases,
        applicationRules: this.applicationRules,
        blocking: this.blocking,
        decisions,
        destinations,
        peers,
      },
      ...{
        receiptCheck,
        routes,
        rules,
        bindings: this.bindings,
        sources: this.sources,
        nextServers: this.settings.relay === 'store' ? relayed : undefined,
      },
    })
    this.followed.start()
    this.wakes.start()
    this.queues.start()
    this.fallback?.start()
    if (this.bindings !== undefined) for (const { subscriber } of this.queues.store.all()) void this.bindings.ready(subscriber)
    this.receipts.start()
  }
  private bindingsAt(host: Host): WatchedBindings | undefined {
    const { devices, queues } = this
    const { bindings } = this.settings
    if (bindings === undefined) return undefined
    return new WatchedBindings({
      ...{ host, devices, element: serverUri(bindings, host.domains) },
      bound: (subscriber, device) => queues.bound(subscriber, device),
      isAwaited: (subscriber) => queues.waitingFor(subscriber).length > 0,
    })
  }
  private fallbackAt(host: Host): CircuitFallback | undefined {
    const { queues, subscribers } = this
    const { smsc } = this.settings
    if (smsc === undefined) return undefined
    return new CircuitFallback({
      ...{ host, smsc, subscribers, after: this.rules.fallback },
      message: (id) => queues.store.message(id),
      delivered: (message) => queues.end([message], 'copies_delivered'),
      released: (subscriber) => queues.release(subscriber),
    })
  }
  private allocationAt(host: Host): IdentifierAllocation {
    const { subscribers } = this
    const { allocation, hss } = this.settings
    return new IdentifierAllocation({
      ...{ host, hss, subscribers, isChosenByHss: allocation === 'hss' },
      flags: flagBits(this.own, this.widths),
    })
  }
  private wakesBy(host: Host, providers: WakeProviders): Wakes {
    const { allow = [], wakeExpired = false } = this.settings.wake ?? {}
    const { decisions, devices } = this
    return new Wakes({
      ...{ allow, decisions, devices, host, providers, wakeExpired },
      isNeeded: (binding) => this.queues.isUrgentFor(binding),
      unwakeable: (binding) => this.queues.unwakeable(binding),
    })
  }
  private routesOf(host: Host): ServerRoutes {
    const { peers = [], routes: asked, servers = [] } = this.settings
    const own = servers.map(({ element, flags }) => ({ flags, server: `sip:${element}@${host.domains[0]}` }))
    const routes = [...own, ...peers.flatMap(({ servers: theirs = [] }) => theirs)]
    return new ServerRoutes({ host, own: flagBits(this.own, this.widths), routes, asked })
  }
  /** By the rule of an application (SPEC §5.4); without one all are. */
  private allowsReceipts(application: string, element: string): boolean {
    const rule = this.applications.get(application) ?? this.followed.get(application)
    const kinds: readonly string[] | undefined = rule?.receipts
    return kinds === undefined || kinds.includes(element.replace(/-notification$/, ''))
  }
  /** Told of changed records, and after a start of those of whom something is kept. */
  private signedInAt(host: Host): SignedIn {
    const { devices, queues } = this
    function* owners(): Iterable<string> {
      yield* devices.owners()
      for (const { device, subscriber } of queues.store.all()) if (device !== nextServer) yield subscriber
    }
    return new SignedIn(host, this.subscribers, { owners, endOld: (id, record) => this.changed(id, record) })
  }
  /** A subscriber has other credentials: his devices sign in anew. Or he has lost Push identifiers: what waits under them is over. */
  private changed(id: string, record: SubscriberRecord | undefined): void {
    const now = this.host.clock.date()
    const left = (record?.push ?? []).filter((one) => isPushInForce(one, now)).map((one) => one.id)
    const over = this.queues.waitingFor(id).filter(({ identifier }) => !left.includes(identifier))
    if (over.length > 0) void this.queues.endSurely(over, 'copies_expired')
    for (const ended of this.devices.endOld(id, record?.credentialsId)) this.wakes.registered(ended)
    if (left.length === 0) this.devices.expel(id)
    if (record?.watchers?.block !== undefined) void this.endBlocked(record)
  }
  /** Messages of whom he blocks now: their senders are told. */
  private async endBlocked(record: SubscriberRecord): Promise<void> {
    const blocked = new Set<string>()
    const waiting = this.queues.waitingFor(record.id)
    try {
      for (const source of new Set(waiting.map((message) => message.source)))
        if (await this.blocking.isBlocked(record, source)) blocked.add(source)
    } catch (fault) {
      this.host.log.warn({ fault: String(fault) }, 'what blocked senders have sent waits on: the HSS does not answer')
    }
    const over = waiting.filter(({ source }) => blocked.has(source))
    if (over.length > 0) await this.queues.endSurely(over, 'copies_refused')
  }
  audit(): Promise<PushAudit> {
    return this.conservation.audit(this.queues.store)
  }
  async retry(name: string | undefined): Promise<number | undefined> {
    const record = name === undefined ? undefined : await this.explanation.recordOf(name)
    if (name !== undefined && record === undefined) return undefined
    return this.queues.retry(record?.id)
  }
  why(name: string): Promise<PushExplanation | undefined> {
    return this.explanation.of(name)
  }
  waiting(subscriber: string): readonly PushMessage[] {
    return this.queues.waitingFor(subscriber)
  }
  async stop(): Promise<void> {
    this.routes.stop()
    this.followed.stop()
    this.wakes.stop()
    this.signedIn.stop()
    this.summaries.stop()
    this.bindings?.stop()
    const parts = [
      ...(this.fallback === undefined ? [] : [this.fallback]),
      this.queues,
      this.devices,
      this.receipts,
      this.receiptCheck,
      this.applications,
      this.outcomes,
    ]
    await Promise.all(parts.map((part) => part.stop()))
  }

  handle(exchange: Exchange): Promise<void> | void {
    const { method } = exchange.request
    if (method !== 'ACK' && this.gateway.isOutside(exchange)) return this.orRefuse(exchange, this.gateway.admit(exchange))
    if (this.gateway.isDelivery(exchange)) return this.gateway.deliver(exchange)
    if (method !== 'REGISTER' && method !== 'ACK' && this.roaming.isOnPath(exchange)) return this.roaming.follow(exchange)
    if (method === 'REGISTER') return this.orRefuse(exchange, this.registration.handle(exchange))
    if (method === 'SUBSCRIBE' && exchange.request.event?.value === summaryEvent)
      return this.orRefuse(exchange, this.summaries.handle(exchange))
    if (method === 'SUBSCRIBE') return this.applicationFeed.handle(exchange)
    if (method === 'INVITE') return this.orRefuse(exchange, this.calls.handle(exchange))
    if (method === 'MESSAGE' && this.wakeRequests.isOne(exchange)) return this.wakeRequests.handle(exchange)
    if (method === 'MESSAGE' && this.fallback?.isReport(exchange) === true)
      return this.orRefuse(exchange, this.fallback.report(exchange))
    if (method === 'MESSAGE' && this.allocation.isOne(exchange)) return this.orRefuse(exchange, this.allocation.handle(exchange))
    if (method === 'MESSAGE') return this.orRefuse(exchange, this.dispatch.handle(exchange))
    if (method !== 'ACK') exchange.reply(method === 'OPTIONS' ? 200 : 405, { headers: [['Allow', allow]] })
  }
  restored(notifier: Notifier): void {
    if (notifier.package === summaryEvent) this.summaries.restored(notifier)
    else this.applicationFeed.restored(notifier)
  }
  ended(notifier: Notifier): void {
    if (notifier.package === summaryEvent) this.summaries.ended(notifier)
    else this.applicationFeed.ended(notifier)
  }
  private orRefuse(exchange: Exchange, served: Promise<void>): Promise<void> {
    return served.catch((fault: unknown) => {
      this.decisions.note({ ...subjectOf(exchange, ''), rule: 'fault', text: String(fault).slice(0, 200) })
      this.subscribers.refuse(exchange, fault)
    })
  }
}
