/** The proximity service server (SPEC §3.1–§3.4): claims requests, wires the rules, holds nothing itself. */
import type {
  Element,
  EndReason,
  EventPackage,
  Exchange,
  Host,
  Notifier,
  RefreshChange,
  SipRequest,
} from '../../signalling/index.ts'
import { hasBody, mediaType, type SubscriberRecord } from '../schemas/index.ts'
import { admitted, Policing, type ServiceUse } from '../shared/clients/policing.ts'
import { Rechecks } from '../shared/clients/rechecks.ts'
import { SignedIn } from '../shared/clients/signed-in.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { Offers } from '../shared/values/offers.ts'
import { proseBody, proximityBody, proximityPart } from './bodies.ts'
import { ConfiguredMonitors } from './configured-monitors.ts'
import { handleMatch } from './matches.ts'
import { ProximityQueries } from './queries.ts'
import { Identities } from './registration/identities.ts'
import { EpuidRegistration, registrationTypes } from './registration/index.ts'
import { Moves } from './registration/moves.ts'
import { type ProseSettings, rulesOf } from './settings.ts'
import type { ProseView } from './state/devices.ts'
import { Registry } from './state/registry.ts'
import type { ProximityView } from './state/watchers.ts'
import { ProseSubscriptions } from './subscriptions.ts'
import { Triggers } from './triggers.ts'

export type { ProseSettings } from './settings.ts'

const matchType = mediaType('prose-match')
const reportTypes = [matchType, mediaType('prose-monitor'), ...registrationTypes]
const offers = new Offers([
  { method: 'SUBSCRIBE', event: 'prose', types: [mediaType('prose-request')] },
  { method: 'SUBSCRIBE', event: 'proximity', types: [mediaType('proximity-query')] },
  { method: 'MESSAGE', types: reportTypes },
])
const orphansAfter = 10_000 // milliseconds after a restart in which subscriptions are taken up again

/** Throws where the settings contradict each other. */
export function createProse(name: string, settings: ProseSettings): Element {
  return new ProximityServer(name, settings)
}

class ProximityServer implements Element {
  readonly name: string
  readonly claims
  readonly packages: readonly EventPackage[]
  private readonly settings: ProseSettings
  private readonly rules
  private registry!: Registry
  private subscribers!: Subscribers
  private prose!: ProseSubscriptions
  private proximity!: ProximityQueries
  private triggers!: Triggers
  private rechecks!: Rechecks
  private signedIn!: SignedIn
  private monitors!: ConfiguredMonitors
  private policing!: Policing
  private automated!: EpuidRegistration
  private stopped = false

  constructor(name: string, settings: ProseSettings) {
    this.name = name
    this.settings = settings
    this.rules = rulesOf(settings)
    this.claims = [
      { method: 'SUBSCRIBE', event: 'prose', user: name },
      { method: 'SUBSCRIBE', event: 'proximity' },
      { method: 'MESSAGE', content: reportTypes, user: name },
    ]
    const { expires } = this.rules
    const prose: EventPackage<ProseView> = {
      name: 'prose',
      types: [mediaType('prose-state')],
      expires,
      render: (view, context) => proseBody(this.registry, view, context),
    }
    const proximity: EventPackage<ProximityView> = {
      name: 'proximity',
      types: [mediaType('proximity-list'), mediaType('proximity-pair'), mediaType('proximity-diff')],
      expires,
      conditional: true, // SPEC §3.4
      render: (view, context) => proximityBody(this.registry, view, context),
      part: (view, context) => proximityPart(this.registry, view, context),
      ...(admitted(settings) ? { admit: (notifier: Notifier) => this.policing.admit(notifier) } : {}),
    }
    this.packages = [prose, proximity]
  }

  /** The state that policy and charging ask about. */
  private use(): ServiceUse {
    return {
      service: 'proximity',
      users: () => this.users(),
      uses: (device) =>
        (this.registry.devices.find(device)?.subscriptions.length ?? 0) > 0 || this.registry.watchers.of(device).size > 0,
      applicationOf: (notifier) => this.registry.watchers.find(notifier.id)?.application,
      write: async (event) => void (await this.registry.host.store.write([event])),
      narrowed: (device, roles) => {
        this.prose.policyChanged(device, roles)
        this.proximity.policyChanged(device, roles)
      },
    }
  }
  private *users(): Iterable<string> {
    yield* this.registry.devices.keys()
    yield* this.registry.watchers.devices()
  }

  async start(host: Host): Promise<void> {
    this.policing = new Policing(host, this.settings, this.use())
    this.registry = new Registry(host, this.rules, this.policing.charges)
    await this.policing.load()
    this.subscribers = new Subscribers(host, this.settings.hss)
    const begun = (notifier: Notifier, hssChanged: boolean): void => {
      this.signedIn.follow(notifier)
      if (hssChanged) this.rechecks.add(notifier.resource)
    }
    this.prose = new ProseSubscriptions(this.registry, this.subscribers, this.policing, begun)
    this.proximity = new ProximityQueries(
      this.registry,
      this.subscribers,
      this.policing,
      (device) => this.rechecks.add(device),
      begun,
      (device) => this.automated.whereabouts.of(device),
    )
    this.triggers = new Triggers(this.registry, this.subscribers, (device) => this.rechecks.add(device))
    const identities = new Identities(host)
    await identities.load()
    const moves = new Moves(host, identities)
    await moves.load()
    const { fellows = [] } = this.settings
    this.automated = new EpuidRegistration(this.registry, this.subscribers, identities, moves, fellows, (device) => {
      this.prose.moved(device)
      this.proximity.moved(device)
    })
    this.automated.start()
    this.monitors = new ConfiguredMonitors(this.registry, this.subscribers, this.settings.monitors ?? {})
    await this.registry.load()
    await this.proximity.load()
    const changed = (id: string, record: SubscriberRecord | undefined): void => {
      this.prose.permissionsChanged(id, record)
      this.proximity.permissionsChanged(id, record)
      this.triggers.permissionsChanged(id, record)
    }
    this.subscribers.onChange(changed)
    this.rechecks = new Rechecks(host, this.subscribers, changed)
    host.gauge('rechecks_waiting', () => this.rechecks.size)
    this.signedIn = new SignedIn(host, this.subscribers)
    this.subscribers.start()
    this.monitors.start()
    this.triggers.start()
    this.policing.start()
    host.clock.after(orphansAfter, () => {
      if (this.stopped) return
      this.registry.dropOrphans()
      this.proximity.dropOrphans()
    })
  }

  handle(exchange: Exchange): void | Promise<void> {
    if (offers.answer(exchange)) return
    const { request } = exchange
    let work: void | Promise<void>
    if (request.method === 'MESSAGE') {
      if (!hasBody(request)) return exchange.reply(400, { warning: `${reportTypes.join(' or ')} expected, there is no body` })
      if (request.contentType === matchType) work = handleMatch(exchange, this.registry, this.subscribers)
      else if (registrationTypes.includes(request.contentType ?? '')) work = this.automated.handle(exchange)
      else work = this.triggers.handle(exchange)
    } else if (request.event?.value === 'prose') work = this.prose.handle(exchange)
    else work = this.proximity.handle(exchange)
    return work?.catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }

  refreshed(notifier: Notifier, request: SipRequest): undefined | number | RefreshChange {
    return notifier.package === 'prose' ? this.prose.refreshed(notifier, request) : this.proximity.refreshed(notifier, request)
  }

  ended(notifier: Notifier, _reason: EndReason): void | Promise<void> {
    if (this.stopped) return
    return notifier.package === 'prose' ? this.prose.ended(notifier) : this.proximity.ended(notifier)
  }

  /** Takes a subscription up again, and asks the HSS whether it still may be. */
  async restored(notifier: Notifier): Promise<void> {
    if (notifier.package === 'prose') await this.prose.restored(notifier)
    else this.proximity.restored(notifier)
    this.rechecks.add(notifier.resource)
  }

  handBack(): void {
    this.policing.handBack()
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.rechecks.stop()
    this.signedIn.stop()
    this.monitors.stop()
    this.policing.stop()
    await Promise.all([this.registry.stop(), this.proximity.stop(), this.automated.stop()])
  }
}
