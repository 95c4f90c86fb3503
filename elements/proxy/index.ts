/** The proxy (SPEC §2.2): registrar, edge and home proxy; the only element that talks to UEs unless the dialplan says otherwise. */
import { isIP } from 'node:net'
import type { Element, Exchange, Flow, ForwardTarget, Host } from '../../signalling/index.ts'
import { elementOfRoute, H, RateLimit, tokenOfRoute } from '../../signalling/index.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, type IdentifiedSubscriber, isAddress } from '../shared/identifiers/devices.ts'
import { type Assertion, assertionOf, credentialsOf, towardUe } from './assertion.ts'
import { Authentication, type KnownSender, notThis, type SenderVerdict } from './authentication.ts'
import { Bindings } from './bindings.ts'
import { Gruus } from './gruu.ts'
import { namedByAddress, noRelay, Reach } from './reach.ts'
import { Refusals } from './refusals.ts'
import { Registrar } from './registrar.ts'
import { asSips, insecure, isOfSipDialog, isSecure, isSips } from './secure.ts'
import { type ProxyRules, type ProxySettings, proxyRules, renewRules } from './settings.ts'
import { DialogWays } from './ways.ts'

export type { ProxySettings } from './settings.ts'

const allow = 'INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, MESSAGE, INFO, UPDATE, PRACK, REGISTER, PUBLISH'
const asks = ['SUBSCRIBE', 'MESSAGE'] // methods for an element between UEs and another one
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
  private reach!: Reach
  private refusals!: Refusals
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
    const { bindings, dialogWays, gruus, subscribers, authentication, rules } = this
    this.reach = new Reach({ host, rules, bindings, dialogWays, gruus, subscribers, authentication })
    this.registrar = new Registrar(host, this.rules, this.bindings, this.dialogWays, this.gruus, this.authentication)
  }

  private followSubscribers(): void {
    this.subscribers.onChange((id, record) => {
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
  stop(): void {
    this.bindings.stop()
  }

  relay(token: string, requestUri: string): Flow | undefined {
    if (requestUri.includes(';gr')) return undefined // a GRUU has to become the Contact it stands for
    const way = this.dialogWays.of(token, requestUri)
    return way !== undefined && /^sips:/i.test(requestUri) && !isSecure(way) ? undefined : way
  }
  handle(exchange: Exchange): void | Promise<void> {
    return this.serve(exchange)?.catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
  private serve(exchange: Exchange): void | Promise<void> {
    const { request } = exchange
    const refused = this.unsupported(exchange)
    if (refused) return
    const open = this.isInSipDialog(exchange) ? undefined : insecure(exchange)
    if (open !== undefined) {
      if (request.method !== 'ACK') exchange.reply(open.status, { warning: open.text })
      return
    }
    if (request.method === 'OPTIONS' && this.isForUs(exchange)) return this.describe(exchange)
    if (request.method === 'REGISTER') return this.registrar.handle(exchange)
    if (request.method === 'ACK') return this.route(exchange, undefined)
    if (exchange.flow.trusted) return this.route(exchange, undefined)
    if (!request.fromIsSound)
      return exchange.reply(400, { warning: 'From is no address; expected one such as <sip:alice@localhost>' })
    return this.admitBy(exchange, this.authentication.judge(exchange))
  }
  private admitBy(exchange: Exchange, verdict: SenderVerdict | Promise<SenderVerdict>): void | Promise<void> {
    if (verdict instanceof Promise) return verdict.then((settled) => this.admit(exchange, settled))
    return this.admit(exchange, verdict)
  }
  private isInSipDialog(exchange: Exchange): boolean {
    return isOfSipDialog(exchange) && this.dialogWays.isSealed(exchange.ownRoutes)
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
    if (this.rules.registrationRequired && this.bindings.of(verdict.identity).length === 0 && !this.isInDialog(exchange)) {
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
    const { request, ownRoutes, routes } = exchange
    const identity = sender?.identity
    const inside = exchange.flow.trusted
    const asserted = inside ? {} : assertionOf(request, identity)
    if (identity !== undefined) this.dialogWays.note(exchange, identity)
    if (sender !== undefined && routes.length === 0 && this.throughElement(exchange, asserted, sender)) return
    const gruu = this.gruus.isOurs(request.uri)
    const last = ownRoutes.at(-1)
    if (last !== undefined && !this.isForAnElement(exchange, gruu)) {
      const way = this.flowOfRoute(last.uri.user, exchange, identity)
      // RFC 5627 §3.4: a GRUU leads to its device even where the flow is gone
      if (gruu && way !== undefined) return this.reach.toDevice(exchange, asserted, way === 'dead' ? undefined : way)
      if (way === 'dead') return exchange.reply(430)
      if (way !== undefined && isSips(request) && !isSecure(way) && !this.isInSipDialog(exchange))
        return exchange.reply(480, {
          warning: 'the other end is not reached by TLS or WSS, as sips: demands; expected a sip: URI',
        })
      if (way !== undefined) {
        const user = this.dialogWays.userOf(last.uri)
        exchange.forward(
          { uri: request.uriText, flow: way },
          { ...towardUe(request, asserted), ...this.dialogWays.recordRoutes(exchange, identity, way, user) },
        )
        return
      }
    }
    if (!inside && routes.length > 0)
      return exchange.reply(403, { warning: 'no relay by your Route; expected none but what this server has recorded' })
    if (request.method === 'ACK' && !inside && !this.dialogWays.isSealed(ownRoutes)) return // nobody vouches for it, nobody waits for an answer
    const { uri } = request
    const ours = uri.scheme === 'tel' || this.host.flows.isOurs(uri.host, uri.port) || this.isAddressOfUser(exchange, identity)
    const element = exchange.planned ?? this.elementOfAddress(exchange, identity)
    if (element !== undefined) return this.toElement(exchange, asserted, sender, element)
    if (!ours && inside) {
      exchange.forward({}, { ...asserted, ...this.dialogWays.recordRoutes(exchange, identity) })
      return
    }
    if (ours && gruu && request.method !== 'PUBLISH') return this.reach.toDevice(exchange, asserted, undefined)
    if (ours) return this.reach.toUser(exchange, asserted)
    // Both ends of the dialog are behind one address: a request from there may go back there, and nowhere else.
    if (ownRoutes.length > 1 && this.dialogWays.isSealed(ownRoutes)) {
      const { flow } = exchange
      exchange.forward(
        { flow },
        { ...asserted, ...this.dialogWays.recordRoutes(exchange, identity, flow, this.dialogWays.userOf(last!.uri)) },
      )
    } else noRelay(exchange, this.host)
  }
  /** A user may be called by an IP address; elsewhere it is where a request goes. */
  private isAddressOfUser({ request }: Exchange, identity: string | undefined): boolean {
    const { uri, toTag } = request
    return identity !== undefined && toTag === '' && uri.user === '' && uri.port === 0 && isIP(uri.host) !== 0
  }
  /** The element that serves a request about a user called by an address, as if that were a user of the first domain. */
  private elementOfAddress(exchange: Exchange, identity: string | undefined): string | undefined {
    const { method, uri } = exchange.request
    if (method !== 'SUBSCRIBE' && method !== 'PUBLISH') return undefined
    if (this.rules.open || !this.isAddressOfUser(exchange, identity)) return undefined
    return exchange.plannedAt(namedByAddress(uri, this.host))
  }
  /** To the element that the plan names: a request for an alias is made one for its owner (SPEC §2.1). */
  private toElement(
    exchange: Exchange,
    asserted: Assertion,
    sender: KnownSender | undefined,
    element: string,
  ): void | Promise<void> {
    const { request } = exchange
    const asks = (request.method === 'SUBSCRIBE' || request.method === 'PUBLISH') && request.toTag === ''
    const byAddress = request.uri.user === '' && exchange.planned === undefined
    const named = asks && !this.rules.open && (byAddress || request.uri.user !== '')
    const name = named ? deviceKey(request.uri, this.host.domains) : undefined
    const forward = (record: IdentifiedSubscriber | undefined): void | Promise<void> => {
      if (byAddress && record === undefined) return this.reach.toUser(exchange, asserted) // nobody is called so
      exchange.forward(this.asked(exchange, name, record, element), {
        ...asserted,
        ...credentialsOf(request, sender),
        ...this.dialogWays.recordRoutes(exchange, sender?.identity),
      })
    }
    const found = name === undefined ? undefined : this.subscribers.of(name)
    if (!(found instanceof Promise)) return forward(found)
    return found.then(forward, () => forward(undefined)) // the element decides what it can do without the HSS
  }
  private asked(
    { request }: Exchange,
    name: string | undefined,
    record: IdentifiedSubscriber | undefined,
    element: string,
  ): ForwardTarget {
    if (record === undefined || (record.id === name && !isAddress(name))) return {}
    const uri = isSips(request) ? asSips(record.id) : record.id
    if (!isAddress(record.id)) return { uri }
    // by the address alone it would go there
    const home = `sip:${encodeURIComponent(request.uri.host)}@${this.host.domains[0]}`
    return element.includes(':') ? (request.uri.user === '' ? { uri: home } : {}) : { uri, element }
  }
  /** By the Route of a UE to an element that stands between it and others: an MME (SPEC §3.6). */
  private throughElement(exchange: Exchange, asserted: Assertion, sender: KnownSender): boolean {
    const { through } = this.rules
    const { ownRoutes, request } = exchange
    if (through.length === 0 || ownRoutes.length === 0 || !asks.includes(request.method)) return false
    // no further than to such elements: a token of somebody else's flow behind them leads nobody there
    const route = ownRoutes.filter(({ uri }) => through.includes(elementOfRoute(uri.user))).map(({ uri }) => `<${uri.text}>`)
    if (route.length === 0) return false
    exchange.forward(
      { route },
      { ...asserted, ...credentialsOf(exchange.request, sender), ...this.dialogWays.recordRoutes(exchange, sender.identity) },
    )
    return true
  }
  /** An outsider's request to one of our elements goes there: a token of somebody else's flow in its Route leads nobody to them. */
  private isForAnElement(exchange: Exchange, gruu: boolean): boolean {
    if (exchange.flow.trusted || gruu) return false
    const { host, port } = exchange.request.uri
    return this.host.flows.isOurs(host, port) && exchange.planned !== undefined
  }
  /** The way that a Record-Route of ours names: undefined where it leads back to where the request came from. */
  private flowOfRoute(user: string, exchange: Exchange, identity: string | undefined): Flow | 'dead' | undefined {
    const token = tokenOfRoute(user)
    if (token === undefined) return undefined
    const flow = this.dialogWays.of(token, exchange.request.uriText)
    if (flow === exchange.flow) return undefined
    // A route set of the sender's own side, from before it moved or made its connection anew: the Request-URI decides.
    const isOwnSide = exchange.ownRoutes.length === 1 && identity !== undefined && this.host.flows.read(token)?.user === identity
    if (isOwnSide) return undefined
    if (flow !== undefined) return flow
    return exchange.planned !== undefined && !exchange.flow.trusted ? undefined : 'dead'
  }
}
