/** The PCRF (SPEC §6.2): decisions about services and their quotas, and charging records; it speaks to elements only. */
import type { Element, EndReason, EventPackage, Exchange, Host, Notifier, SipRequest } from '../../signalling/index.ts'
import { hasBody, mediaType, readBody, writeBody } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import { ownUser, usualAskers } from '../shared/identifiers/element-names.ts'
import { NamedSubscribers } from '../shared/identifiers/named-subscribers.ts'
import { Offers } from '../shared/values/offers.ts'
import { Charging } from './charging.ts'
import type { Lease, LeaseRecord } from './lease.ts'
import { Leases } from './leases.ts'
import { PolicyRules } from './rules.ts'
import type { PcrfSettings } from './settings-type.ts'

export { type ChargingRecord, linesOf, parseRecord } from './records.ts'
export type { PcrfSettings, RuleSettings } from './settings-type.ts'

/** An element whose rules can be changed while it runs. */
export interface Pcrf extends Element {
  reload(settings: PcrfSettings): readonly string[]
}

/** State of one subscription, rendered from the lease as it is then; no lease: the feed. */
interface PolicyState {
  readonly lease?: Lease
}

const query = mediaType('policy-query')
const chargingEvent = mediaType('charging-event')
const offers = new Offers([
  { method: 'SUBSCRIBE', event: 'service-policy', types: [query] },
  { method: 'MESSAGE', types: [chargingEvent] },
])
const minute = 60_000
const patience = 4000 // milliseconds that an asker may have to wait for the HSS to say which subscribers the rules mean

/** Throws where a rule makes no sense, naming it. */
export function createPcrf(name: string, settings: PcrfSettings): Pcrf {
  return new PolicyServer(name, settings)
}

class PolicyServer implements Pcrf {
  readonly name: string
  readonly claims
  readonly packages: readonly EventPackage[]
  private readonly settings: PcrfSettings
  private readonly askers: ReadonlySet<string>
  private readonly feeds = new Set<Notifier<PolicyState>>()
  private rules: PolicyRules
  private moment = ''
  private leases!: Leases
  private subscribers: Subscribers | undefined
  private named: NamedSubscribers | undefined
  private charging!: Charging
  private host!: Host
  private stopped = false

  constructor(name: string, settings: PcrfSettings) {
    this.name = name
    this.settings = settings
    this.claims = [
      { method: 'SUBSCRIBE', event: 'service-policy', user: name },
      { method: 'MESSAGE', content: chargingEvent, user: name },
    ]
    this.askers = new Set(settings.askers ?? usualAskers.filter((role) => role !== 'pcrf'))
    this.rules = rulesOf(settings, ['localhost'])
    const policy: EventPackage<PolicyState> = {
      name: 'service-policy',
      types: [mediaType('service-policy')],
      expires: { usual: 3600, max: 86_400 },
      render: ({ lease }, { version }) => this.render(lease, version),
    }
    this.packages = [policy]
  }

  async start(host: Host): Promise<void> {
    this.host = host
    this.rules = rulesOf(this.settings, host.domains)
    const { count = 10, seconds = 300 } = this.settings.block ?? {}
    this.leases = new Leases(host, { count, time: seconds * 1000 }, () => this.rules)
    this.charging = new Charging(host, this.settings.records)
    await this.charging.open()
    this.moment = this.rules.moment(host.clock.date())
    this.identify()
    this.nextMinute()
  }

  stop(): void {
    this.stopped = true
    this.named?.stop()
    this.leases.stop()
    this.charging.close()
  }

  handle(exchange: Exchange): void | Promise<void> {
    const asker = askerOf(exchange, this.host.domains)
    // an asker without permission learns nothing from the faults of his question
    if (asker === undefined || !this.isElement(asker)) {
      if (exchange.request.method === 'ACK') return
      this.host.count('refused')
      return exchange.reply(403, { warning: 'only elements of this network may ask; expected one of the askers of the PCRF' })
    }
    if (offers.answer(exchange)) return
    if (exchange.request.method === 'MESSAGE') return this.charging.handle(exchange)
    if (hasBody(exchange.request)) return this.decideKnowing(exchange, asker)
    const feed = exchange.accept<PolicyState>({ package: 'service-policy', resource: '', state: {} })
    if (feed.live) this.feeds.add(feed)
  }

  /** The asker wants more, or ends its use. A grant is told when it is durable. */
  refreshed(notifier: Notifier, request: SipRequest): undefined | number {
    const lease = this.leases.of(notifier)
    if (lease === undefined || !hasBody(request)) return undefined
    const body = readBody(request, 'policy-query')
    if (body.fault !== undefined) return body.fault.status
    lease.report(body.value.used ?? 0)
    if (body.value.done === true) this.leases.close(lease, true)
    else this.leases.decideAgain(lease)
    return undefined
  }

  ended(notifier: Notifier, _reason: EndReason): void | Promise<void> {
    if (this.stopped) return
    this.feeds.delete(notifier)
    const lease = this.leases.of(notifier)
    if (lease !== undefined) return this.leases.close(lease, false)
  }

  async restored(notifier: Notifier): Promise<void> {
    const subscription: Notifier<PolicyState> = notifier
    if (notifier.record === undefined) {
      this.feeds.add(subscription)
      subscription.notify({})
      return
    }
    const lease = this.leases.make(notifier.subscriber, notifier.resource, notifier.record as LeaseRecord)
    this.leases.setNotifier(lease, subscription)
    const decide = async (): Promise<void> => {
      await lease.decide()
      subscription.keep(lease.record)
      subscription.notify({ lease })
    }
    const { named } = this
    if (named === undefined || named.settled) return decide()
    // earlier decisions count until the HSS has said which subscribers the rules mean
    void this.whenKnown(named)
      .then(decide)
      .catch((fault: unknown) => this.host.log.error({ fault: String(fault) }, 'a lease is not decided anew'))
  }
  private async whenKnown(named: NamedSubscribers): Promise<void> {
    while (!this.stopped && !(await named.settle(patience)));
  }

  /** Rules change at once, for uses under way too. */
  reload(settings: PcrfSettings): readonly string[] {
    this.rules = rulesOf(settings, this.host.domains)
    this.moment = this.rules.moment(this.host.clock.date())
    this.identify()
    this.leases.decideAll()
    for (const feed of this.feeds) feed.notify({})
    const fixed = ['block', 'records', 'hss', 'askers'] as const
    return fixed.filter((name) => JSON.stringify(settings[name]) !== JSON.stringify(this.settings[name]))
  }

  private isElement(key: string): boolean {
    const name = ownUser(key, this.host.domains)
    return name !== undefined && this.askers.has(name)
  }

  /** Subscribers that rules name by aliases are looked up in the HSS (SPEC §2.1). */
  private identify(): void {
    const { names } = this.rules
    if (names.length > 0 && this.named === undefined) {
      this.subscribers = new Subscribers(this.host, this.settings.hss)
      const changed = (): void => {
        this.rules.identify((name) => this.named!.idOf(name))
        this.leases.decideAll()
      }
      this.named = new NamedSubscribers(this.host, this.subscribers, changed, this.settings.hss !== undefined)
      this.subscribers.start()
    }
    this.named?.follow(names)
    this.rules.identify((name) => this.named?.idOf(name) ?? name)
  }

  /** While the subscribers of a rule are not known, nobody can be let in past it. */
  private decideKnowing(exchange: Exchange, asker: string): Promise<void> {
    const { named } = this
    if (named === undefined || named.settled) return this.decide(exchange, asker)
    return named.settle(patience).then((known) => {
      if (known) return this.decide(exchange, asker)
      this.host.count('unanswered')
      exchange.reply(503, {
        headers: [['Retry-After', '5']],
        warning: 'the HSS does not say now whom the rules name: come again later',
      })
    })
  }

  /** A question about one device: standing, or once, and then nothing is used. */
  private async decide(exchange: Exchange, asker: string): Promise<void> {
    const body = readBody(exchange.request, 'policy-query')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const device = deviceKey(body.value.device, this.host.domains)!
    const lease = this.leases.obtain(asker, device, body.value)
    lease.report(body.value.used ?? 0)
    try {
      await lease.decide()
    } catch (fault) {
      if (lease.notifier === undefined) void this.leases.close(lease, false)
      throw fault
    }
    this.host.count(lease.decision === 'allow' ? 'allowed' : 'denied')
    if (lease.decision === 'deny') this.host.log.debug({ device, service: lease.service, cause: lease.cause }, 'denied')
    const options = { package: 'service-policy', resource: device, state: { lease }, record: lease.record }
    const notifier = exchange.accept<PolicyState>(options)
    if (notifier.live && exchange.request.expires !== 0) this.leases.setNotifier(lease, notifier)
    else this.leases.close(lease, true)
  }

  /** Time alone changes decisions, at full minutes. */
  private nextMinute(): void {
    const { clock } = this.host
    clock.after(minute - (clock.date() % minute), () => {
      if (this.stopped) return
      const moment = this.rules.moment(clock.date())
      if (moment !== this.moment) {
        this.moment = moment
        this.leases.decideAll()
      }
      this.nextMinute()
    })
  }

  private render(lease: Lease | undefined, version: number) {
    if (lease === undefined) return writeBody('service-policy', { version, open: this.rules.open })
    const { device, service, decision, cause, roles } = lease
    const { count, until } = lease.limit
    const limits = { count, until: until === undefined ? undefined : new Date(until).toISOString() }
    const granted = decision === 'deny' || (count ?? until) === undefined ? undefined : limits
    return writeBody('service-policy', { version, device, service, decision, roles, granted, cause })
  }
}

function rulesOf({ rules = [], otherwise = 'allow' }: PcrfSettings, domains: readonly string[]): PolicyRules {
  return new PolicyRules(rules, otherwise, domains)
}
