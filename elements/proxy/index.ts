/** The proxy (SPEC §2.2): registrar, edge and home proxy; the only element that talks to UEs unless the dialplan says otherwise. */
import type { Address, Element, Exchange, Flow, Host } from '../../signalling/index.ts'
import { H, RateLimit } from '../../signalling/index.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { Blocking } from '../shared/permissions/blocking.ts'
import { isOfStation } from '../shared/values/base-station.ts'
import { Authentication, type KnownSender, notThis, type SenderVerdict } from './authentication.ts'
import { Bindings } from './bindings.ts'
import { Crossing } from './crossing.ts'
import { type Destination, forward, type NetworkBorder } from './destination.ts'
import { Gruus } from './gruu.ts'
import { HiddenContacts } from './hidden-contacts.ts'
import { PushClients } from './push-clients.ts'
import { PushRegistrar } from './push-registrar.ts'
import { Reach } from './reach.ts'
import { Refusals } from './refusals.ts'
import { Registrar } from './registrar.ts'
import { Roaming } from './roaming.ts'
import { isPush, Router } from './router.ts'
import { insecure, isSecure } from './secure.ts'
import { type ProxyRules, type ProxySettings, proxyRules, renewRules } from './settings.ts'
import { Sleepers } from './sleepers.ts'
import { DialogWays } from './ways.ts'

export type { ProxySettings } from './settings.ts'

const allow = 'INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, MESSAGE, INFO, UPDATE, PRACK, REGISTER, PUBLISH'
const notYou = 'From names another user of this network than the one who signed in; expected your own address in From'

export function createProxy(name: string, settings: ProxySettings): Element {
  return new ProxyElement(name, settings)
}

class ProxyElement implements Element {
  readonly name: string
  readonly claims = [{ method: '*' }]
  readonly isProxy = true
  private readonly settings: ProxySettings
  private readonly rules: ProxyRules
  private host!: Host
  private bindings!: Bindings
  private dialogWays!: DialogWays
  private gruus!: Gruus
  private subscribers!: Subscribers
  private authentication!: Authentication
  private registrar!: Registrar
  private router!: Router
  private refusals!: Refusals
  private border!: NetworkBorder
  private clients!: PushClients
  private pushRegistrar!: PushRegistrar
  private roaming!: Roaming
  private rate: RateLimit | undefined

  constructor(name: string, settings: ProxySettings) {
    this.name = name
    this.settings = settings
    this.rules = proxyRules(settings)
  }
  async start(host: Host): Promise<void> {
    this.host = host
    this.limit()
    this.bindings = new Bindings(host)
    this.refusals = new Refusals(host)
    await this.bindings.load()
    this.dialogWays = new DialogWays(host, this.bindings)
    this.subscribers = new Subscribers(host, this.settings.hss)
    if (!this.rules.open) this.followSubscribers()
    this.authentication = await Authentication.open(host, this.rules, this.subscribers, this.bindings, this.refusals)
    this.gruus = await Gruus.open(host, this.bindings)
    const hidden = await HiddenContacts.open(host)
    const crossing = new Crossing(host, hidden)
    this.clients = new PushClients(host)
    await this.clients.load()
    this.border = { domains: host.domains, crossing, visitors: this.clients }
    const { bindings, dialogWays, gruus, subscribers, authentication, rules } = this
    const sleepers = new Sleepers(host, rules, bindings, subscribers)
    const reach = new Reach({ host, rules, bindings, dialogWays, gruus, subscribers, authentication, sleepers })
    const blocking = new Blocking(host, subscribers)
    this.router = new Router({ host, rules, dialogWays, gruus, hidden, subscribers, reach, blocking })
    this.registrar = new Registrar({ host, rules, bindings, dialogWays, gruus, authentication, sleepers, clients: this.clients })
    this.pushRegistrar = new PushRegistrar({ host, rules, authentication, subscribers, clients: this.clients, hidden })
    this.roaming = new Roaming({ host, clients: this.clients, hidden, subscribers, crossing })
  }

  private followSubscribers(): void {
    this.subscribers.onChange((id, record) => {
      this.clients.keep(id, record && this.authentication.nameOf(record))
      if (record === undefined) this.bindings.end(id)
      if (record === undefined || this.bindings.keep(id, this.authentication.nameOf(record))) this.dialogWays.forget(id)
    })
    this.subscribers.start()
  }
  private limit(): void {
    this.rate = this.rules.rate && new RateLimit(this.host.clock, this.rules.rate)
  }
  reload(settings: ProxySettings): readonly string[] {
    const waiting = renewRules(this.rules, this.settings, settings)
    this.limit()
    return waiting
  }
  async stop(): Promise<void> {
    this.registrar.stop()
    await Promise.all([this.bindings.stop(), this.clients.stop()])
  }

  relay(token: string, requestUri: string): Flow | undefined {
    if (requestUri.includes(';gr')) return undefined // a GRUU has to become the Contact it stands for
    const way = this.dialogWays.of(token, requestUri)
    if (way !== undefined && this.host.peers.isAt(way)) return undefined // what leaves for another operator says who sends
    return way !== undefined && /^sips:/i.test(requestUri) && !isSecure(way) ? undefined : way
  }
  handle(exchange: Exchange): void | Promise<void> {
    return this.serve(exchange)?.catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
  private serve(exchange: Exchange): void | Promise<void> {
    const { request } = exchange
    if (isOfStation(exchange)) exchange.distrust()
    const refused = this.unsupported(exchange)
    if (refused) return
    const open = this.dialogWays.isInSipDialog(exchange) ? undefined : insecure(exchange)
    if (open !== undefined) {
      if (request.method !== 'ACK') exchange.reply(open.status, { warning: open.text })
      return
    }
    if (request.method === 'OPTIONS' && this.isForUs(exchange)) return this.describe(exchange)
    if (request.method === 'REGISTER')
      return this.pushRegistrar.takes(exchange) ? this.pushRegistrar.handle(exchange) : this.registrar.handle(exchange)
    if (request.method === 'ACK') return this.route(exchange, undefined)
    if (exchange.flow.trusted) return this.route(exchange, undefined)
    if (!request.fromIsSound)
      return exchange.reply(400, { warning: 'From is no address; expected one such as <sip:alice@localhost>' })
    const { asserted } = exchange
    if (this.host.peers.isAny) {
      const roams = this.ofRoaming(exchange, asserted)
      if (roams !== 'other') return roams
    }
    if (asserted !== undefined) return this.admitBy(exchange, this.authentication.vouched(exchange, asserted))
    return this.admitBy(exchange, this.authentication.judge(exchange))
  }
  /** Pushes from and to users who roam; `other`: it is none. */
  private ofRoaming(exchange: Exchange, asserted: Address | undefined): void | Promise<void> | 'other' {
    const { roaming } = this
    const admit = (sender: KnownSender | undefined): void | Promise<void> => sender && this.admit(exchange, sender)
    if (roaming.isDelivery(exchange)) return roaming.deliver(exchange)
    const mayRoam = isPush(exchange, undefined, this.host) // nothing else is sent from another network than one's own
    if (asserted !== undefined && !roaming.isOfAnother(exchange, asserted)) return 'other'
    if (asserted !== undefined && !mayRoam) return roaming.refuseVoucher(exchange)
    if (asserted !== undefined) return roaming.isOfOurs(asserted) ? roaming.ofOurs(exchange, asserted).then(admit) : 'other'
    if (!mayRoam) return 'other'
    if (roaming.isVouchedInVain(exchange)) return roaming.refuseVoucher(exchange)
    return roaming.isOfVisitor(exchange) ? admit(roaming.visitor(exchange)) : 'other'
  }
  private admitBy(exchange: Exchange, verdict: SenderVerdict | Promise<SenderVerdict>): void | Promise<void> {
    if (verdict instanceof Promise) return verdict.then((settled) => this.admit(exchange, settled))
    return this.admit(exchange, verdict)
  }
  private unsupported(exchange: Exchange): boolean {
    const { request } = exchange
    const { scheme } = request.uri
    if (scheme !== 'sip' && scheme !== 'sips' && scheme !== 'tel' && exchange.planned === undefined) {
      if (request.method !== 'ACK') exchange.reply(416) // RFC 3261 §16.3 step 2
      return true
    }
    if (request.find(H['Proxy-Require']) < 0) return false
    exchange.reply(420, { headers: [['Unsupported', request.list(H['Proxy-Require']).join(', ')]] }) // RFC 3261 §16.3
    return true
  }
  private isForUs({ request }: Exchange): boolean {
    const { user, host, port } = request.uri
    return (user === '' || user === this.name) && this.host.flows.isOurs(host, port)
  }
  private describe(exchange: Exchange): void {
    exchange.reply(200, {
      headers: [
        ['Allow', allow],
        ['Accept', '*/*'],
        ['Supported', 'path, outbound, gruu'],
      ],
    })
  }
  private admit(exchange: Exchange, verdict: SenderVerdict): void | Promise<void> {
    if (verdict === 'forbidden') return exchange.reply(403, { warning: notYou })
    if (verdict === 'another') return exchange.reply(400, { warning: notThis(exchange.request) })
    if (typeof verdict === 'string') return this.challenge(exchange, verdict === 'stale')
    if (this.mustRegister(verdict) && !this.isRegistered(verdict) && !this.isInDialog(exchange)) {
      // a sender that this request does not prove may be somebody else by now
      if (verdict.fresh !== true) return this.admitBy(exchange, this.authentication.ask(exchange))
      this.refusals.note(exchange, verdict.identity, 'register first')
      return exchange.reply(403, { warning: 'register first' })
    }
    if (this.begins(exchange) && this.rate?.take(verdict.identity) === false) {
      return exchange.reply(503, {
        headers: [['Retry-After', '1']],
        warning: 'too many requests from you: come again in a second',
      })
    }
    return this.route(exchange, verdict)
  }

  private mustRegister({ peer, visitor }: KnownSender): boolean {
    return this.rules.registrationRequired && peer !== true && visitor !== true
  }
  private isRegistered({ identity }: KnownSender): boolean {
    return this.bindings.of(identity).length > 0 || this.clients.of(identity).length > 0
  }
  private challenge(exchange: Exchange, stale: boolean): void {
    const challenges = this.authentication.challenges(stale)
    exchange.reply(407, { headers: challenges.map((value) => ['Proxy-Authenticate', value] as const) })
  }
  /** Through us or at an element of ours: it outlives the registration that it was begun with. */
  private isInDialog(exchange: Exchange): boolean {
    return exchange.request.toTag !== '' && (this.dialogWays.isSealed(exchange.ownRoutes) || exchange.planned !== undefined)
  }
  /** Whether it counts against the rate of its sender. A To tag alone proves no dialog: one through us has a sealed route. */
  private begins(exchange: Exchange): boolean {
    const { method } = exchange.request
    if (method === 'SUBSCRIBE' || method === 'NOTIFY') return exchange.request.toTag === '' // without their dialog they get 481
    return exchange.request.toTag === '' || !this.dialogWays.isSealed(exchange.ownRoutes)
  }

  /** `sender`: where this proxy has checked; undefined where a trusted peer vouches, or nobody need. */
  private route(exchange: Exchange, sender: KnownSender | undefined): void | Promise<void> {
    if (sender !== undefined) this.dialogWays.note(exchange, sender.identity)
    const destination = this.router.destination(exchange, sender)
    return destination instanceof Promise
      ? forwardTo(destination, exchange, sender, this.border)
      : forward(exchange, sender, destination, this.border)
  }
}

/** Apart, so that a request whose destination is known at once pays for no closure. */
async function forwardTo(
  destination: Promise<Destination>,
  exchange: Exchange,
  sender: KnownSender | undefined,
  border: NetworkBorder,
): Promise<void> {
  forward(exchange, sender, await destination, border)
}
