/** The proxy (SPEC §2.2): registrar, edge and home proxy; the only element that talks to UEs unless the dialplan says otherwise. */
import { isIP } from 'node:net'
import type { Element, Exchange, Flow, ForwardOptions, Host, SipRequest, SipResponse, Target } from '../../signalling/index.ts'
import { H, RateLimit } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Binding } from '../services/bindings.ts'
import { deviceKey, type Identified, otherKeys } from '../services/devices.ts'
import { Subscribers } from '../services/subscribers.ts'
import { Authentication, type Known, notThis, type Verdict } from './authentication.ts'
import { Bindings } from './bindings.ts'
import { Gruus } from './gruu.ts'
import { devicesOf } from './reach.ts'
import { Registrar } from './registrar.ts'
import { type ProxyRules, type ProxySettings, proxyRules, renewRules } from './settings.ts'
import { Ways } from './ways.ts'

export type { ProxySettings } from './settings.ts'

const allow = 'INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, MESSAGE, INFO, UPDATE, PRACK, REGISTER, PUBLISH'
const asks = ['SUBSCRIBE', 'MESSAGE'] // what an element between UEs and another takes
/** What nobody from outside may say of himself. */
const onlyOurs = ['P-Prose-Checked', 'P-Credentials-Id', 'Remote-Party-ID', 'P-Asserted-Service', 'P-Served-User'] as const
const notYou = 'From names another user of this network than the one who signed in; expected your own address in From'
const makesDialog = ['INVITE', 'SUBSCRIBE', 'REFER']

export function createProxy(name: string, settings: ProxySettings): Element {
  return new ProxyElement(name, settings)
}

class ProxyElement implements Element {
  readonly name: string
  readonly claims = [{ method: '*' }]
  private readonly settings: ProxySettings
  private readonly rules: ProxyRules
  private host!: Host
  private bindings!: Bindings
  private ways!: Ways
  private gruus!: Gruus
  private subscribers!: Subscribers
  private authentication!: Authentication
  private registrar!: Registrar
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
    await this.bindings.load()
    this.ways = new Ways(host, this.bindings)
    this.subscribers = new Subscribers(host, this.settings.hss)
    if (!this.rules.open) this.followSubscribers()
    this.authentication = await Authentication.open(host, this.rules, this.subscribers, this.bindings)
    this.gruus = await Gruus.open(host, this.bindings)
    this.registrar = new Registrar(host, this.rules, this.bindings, this.ways, this.gruus, this.authentication)
  }

  private followSubscribers(): void {
    this.subscribers.onChange((id, record) => {
      if (record === undefined) this.bindings.end(id)
      else this.bindings.keep(id, this.authentication.nameOf(record))
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
    return this.ways.of(token, requestUri)
  }
  handle(exchange: Exchange): void | Promise<void> {
    return this.serve(exchange)?.catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
  private serve(exchange: Exchange): void | Promise<void> {
    const { request } = exchange
    const refused = this.unsupported(exchange)
    if (refused) return
    if (request.method === 'OPTIONS' && this.isForUs(exchange)) return this.describe(exchange)
    if (request.method === 'REGISTER') return this.registrar.handle(exchange)
    if (request.method === 'ACK') return this.route(exchange, undefined)
    if (exchange.flow.trusted) return this.route(exchange, undefined)
    if (!request.fromIsSound)
      return exchange.reply(400, { warning: 'From is no address; expected one such as <sip:alice@localhost>' })
    return this.admitBy(exchange, this.authentication.judge(exchange))
  }
  private admitBy(exchange: Exchange, verdict: Verdict | Promise<Verdict>): void | Promise<void> {
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
  private admit(exchange: Exchange, verdict: Verdict): void | Promise<void> {
    if (verdict === 'forbidden') return exchange.reply(403, { warning: notYou })
    if (verdict === 'another') return exchange.reply(400, { warning: notThis(exchange.request) })
    if (typeof verdict === 'string') return this.challenge(exchange, verdict === 'stale')
    if (this.rules.registrationRequired && this.bindings.of(verdict.identity).length === 0 && !this.isInDialog(exchange)) {
      // whoever has proven nothing by this request may be somebody else by now
      if (verdict.fresh !== true) return this.admitBy(exchange, this.authentication.ask(exchange))
      return exchange.reply(403, { warning: 'register first' })
    }
    if (exchange.request.toTag === '' && this.rate?.take(verdict.identity) === false) {
      return exchange.reply(503, { headers: [['Retry-After', '1']], warning: 'too many requests from you' })
    }
    return this.route(exchange, verdict)
  }

  private challenge(exchange: Exchange, stale: boolean): void {
    const challenges = this.authentication.challenges(stale)
    exchange.reply(407, { headers: challenges.map((value) => ['Proxy-Authenticate', value] as const) })
  }
  /** Through us or at an element of ours: it outlives the registration that it was begun with. */
  private isInDialog(exchange: Exchange): boolean {
    return exchange.request.toTag !== '' && (this.ways.isSealed(exchange.ownRoutes) || exchange.planned !== undefined)
  }

  /** `sender`: where this proxy has checked; undefined where a trusted peer vouches, or nobody need. */
  private route(exchange: Exchange, sender: Known | undefined): void | Promise<void> {
    const { request, ownRoutes, routes } = exchange
    const identity = sender?.identity
    const inside = exchange.flow.trusted
    const asserted = inside ? {} : this.vouching(request, identity)
    if (identity !== undefined) this.ways.note(exchange, identity)
    if (sender !== undefined && routes.length === 0 && this.throughElement(exchange, asserted, sender)) return
    const gruu = this.gruus.isOurs(request.uri)
    const last = ownRoutes.at(-1)
    if (last !== undefined && !this.isForAnElement(exchange, gruu)) {
      const way = this.flowOfRoute(last.uri.user, exchange, identity)
      // RFC 5627 §3.4: whatever became of the flow, a GRUU leads to its device
      if (gruu && way !== undefined) return this.toDevice(exchange, asserted, way === 'dead' ? undefined : way)
      if (way === 'dead') return exchange.reply(430)
      if (way !== undefined) {
        const user = this.ways.userOf(last.uri)
        exchange.forward(
          { uri: request.uriText, flow: way },
          { ...this.identityFor(exchange, asserted), ...this.recordRoute(exchange, identity, way, user) },
        )
        return
      }
    }
    if (!inside && routes.length > 0) return exchange.reply(403, { warning: 'no relay by your Route' })
    if (request.method === 'ACK' && !inside && !this.ways.isSealed(ownRoutes)) return // nobody vouches for it, nobody waits for an answer
    const { uri } = request
    const ours = uri.scheme === 'tel' || this.host.flows.isOurs(uri.host, uri.port) || this.isAddressOfUser(exchange, identity)
    if (exchange.planned !== undefined) return this.toElement(exchange, asserted, sender)
    if (!ours && inside) {
      exchange.forward({}, { ...asserted, ...this.recordRoute(exchange, identity) })
      return
    }
    if (ours && gruu && request.method !== 'PUBLISH') return this.toDevice(exchange, asserted, undefined)
    if (ours) return this.toUser(exchange, asserted)
    // Both ends of the dialog are behind one address: what came from there may go back there, and nowhere else.
    if (ownRoutes.length > 1 && this.ways.isSealed(ownRoutes)) {
      const { flow } = exchange
      exchange.forward({ flow }, { ...asserted, ...this.recordRoute(exchange, identity, flow, this.ways.userOf(last!.uri)) })
    } else exchange.reply(403, { warning: `no relay to ${uri.host}` })
  }
  /** A user may be called by an IP address; elsewhere it is where a request goes. */
  private isAddressOfUser({ request }: Exchange, identity: string | undefined): boolean {
    const { uri, toTag } = request
    return identity !== undefined && toTag === '' && uri.user === '' && uri.port === 0 && isIP(uri.host) !== 0
  }
  /** To the element that the plan names: what is asked there by an alias is asked about whose it is (SPEC §2.1). */
  private toElement(exchange: Exchange, asserted: { asserted?: string }, sender: Known | undefined): void | Promise<void> {
    const { request } = exchange
    const asks = (request.method === 'SUBSCRIBE' || request.method === 'PUBLISH') && request.toTag === ''
    const name = asks && request.uri.user !== '' && !this.rules.open ? deviceKey(request.uri, this.host.domains) : undefined
    const forward = (record: Identified | undefined): void => {
      const uri = record === undefined || record.id === name ? {} : { uri: record.id }
      exchange.forward(uri, { ...asserted, ...named(request, sender), ...this.recordRoute(exchange, sender?.identity) })
    }
    const found = name === undefined ? undefined : this.subscribers.of(name)
    if (!(found instanceof Promise)) return forward(found)
    return found.then(forward, () => forward(undefined)) // the element says what it can do without the HSS
  }
  /** What only we and elements say of a sender, whoever said it before (SPEC §2.5, §3.6). */
  private vouching(request: SipRequest, identity: string | undefined): { asserted?: string; drop?: readonly string[] } {
    const said = onlyOurs.filter((name) => request.find(H[name]) >= 0)
    return { asserted: identity ?? '', ...(said.length === 0 ? {} : { drop: said }) }
  }
  /** By the Route of a UE to an element that stands between it and others: an MME (SPEC §3.6). */
  private throughElement(exchange: Exchange, asserted: { asserted?: string }, sender: Known): boolean {
    const { through } = this.rules
    const { ownRoutes, request } = exchange
    if (through.length === 0 || ownRoutes.length === 0 || !asks.includes(request.method)) return false
    // no further than to such elements: a token of somebody else's flow behind them leads nobody there
    const route = ownRoutes.filter(({ uri }) => through.includes(uri.user.split('.', 1)[0]!)).map(({ uri }) => `<${uri.text}>`)
    if (route.length === 0) return false
    exchange.forward(
      { route },
      { ...asserted, ...named(exchange.request, sender), ...this.recordRoute(exchange, sender.identity) },
    )
    return true
  }
  /** An outsider's request to one of our elements goes there: a token of somebody else's flow in its Route leads nobody to them. */
  private isForAnElement(exchange: Exchange, gruu: boolean): boolean {
    if (exchange.flow.trusted || gruu) return false
    const { host, port } = exchange.request.uri
    return this.host.flows.isOurs(host, port) && exchange.planned !== undefined
  }
  /** RFC 3325 §7: toward a UE nobody's identity is told who does not want it told. */
  private identityFor(exchange: Exchange, asserted: { asserted?: string }): { asserted?: string } {
    const wishes = exchange.request.list(H.Privacy).flatMap((value) => value.toLowerCase().split(/[;\s]+/))
    return wishes.includes('id') ? { ...asserted, asserted: '' } : asserted
  }
  /** The way that a Record-Route of ours names: undefined where it leads back to where the request came from. */
  private flowOfRoute(user: string, exchange: Exchange, identity: string | undefined): Flow | 'dead' | undefined {
    const dot = user.indexOf('.')
    if (dot < 0) return undefined
    const token = user.slice(dot + 1)
    const flow = this.ways.of(token, exchange.request.uriText)
    if (flow === exchange.flow) return undefined
    // A route set of the sender's own side, from before it moved or made its connection anew: the Request-URI decides.
    const own = exchange.ownRoutes.length === 1 && identity !== undefined && this.host.flows.read(token)?.user === identity
    if (own) return undefined
    if (flow !== undefined) return flow
    return exchange.planned !== undefined && !exchange.flow.trusted ? undefined : 'dead'
  }
  /** `sender`: who sends, where this proxy has checked; `to`: the flow of `user`, where that is the next hop. */
  private recordRoute(exchange: Exchange, sender?: string, to?: Flow, user?: string): { recordRoute?: readonly string[] } {
    const { request, flow } = exchange
    // RFC 6665 §4.4.1: a subscriber may take its route set from a NOTIFY
    const tellsRoutes =
      (request.method === 'NOTIFY' && flow.internal !== true) || (makesDialog.includes(request.method) && request.toTag === '')
    if (!tellsRoutes) return {}
    const values = to === undefined ? [] : [this.ways.recordRoute(to, user)]
    if (exchange.flow.internal !== true) values.push(this.ways.recordRoute(flow, sender))
    return { recordRoute: values }
  }

  /** To every binding of a user (RFC 3261 §16.5). */
  private toUser(exchange: Exchange, asserted: { asserted?: string }): void | Promise<void> {
    const { uri } = exchange.request
    const aor = deviceKey(uri, this.host.domains)
    if (exchange.request.method === 'PUBLISH') return exchange.reply(489, { warning: 'nobody takes that event' }) // RFC 3903 §6
    if (aor === undefined || this.rules.open) return this.reach(exchange, aor, this.boundTo(aor), asserted)
    const record = this.subscribers.of(aor)
    if (record instanceof Promise) return record.then((found) => this.reachStill(exchange, aor, found, asserted))
    return this.reachStill(exchange, aor, record, asserted)
  }
  /** Bindings that outlived a restart may be of one who has gone since, or of another password; a name may be an alias. */
  private reachStill(
    exchange: Exchange,
    aor: string,
    record: SubscriberRecord | undefined,
    asserted: { asserted?: string },
  ): void | Promise<void> {
    if (record !== undefined) this.bindings.keep(record.id, this.authentication.nameOf(record))
    else if (this.bindings.of(aor).length > 0) this.bindings.end(aor)
    const owner = record?.id ?? aor
    return this.reach(exchange, owner, this.bindings.of(owner), asserted)
  }
  /** Where nobody knows whose aliases are whose: a telephone number is one in each of its forms. */
  private boundTo(aor: string | undefined): readonly Binding[] {
    if (aor === undefined) return []
    const names = [aor, ...otherKeys(aor, this.host.domains)]
    return names.map((name) => this.bindings.of(name)).find(({ length }) => length > 0) ?? []
  }
  private reach(
    exchange: Exchange,
    aor: string | undefined,
    bindings: readonly Binding[],
    asserted: { asserted?: string },
  ): void | Promise<void> {
    if (!this.toBindings(exchange, aor, bindings, asserted)) return this.unreachable(exchange, aor)
  }
  /** To the instance that a GRUU names (RFC 5627 §5.4), by the flow of its dialog where that still stands. */
  private toDevice(exchange: Exchange, asserted: { asserted?: string }, way: Flow | undefined): void | Promise<void> {
    const meant = this.gruus.meant(exchange.request.uri)
    const bindings = meant === undefined ? [] : this.gruus.bindingsOf(meant)
    const name = way && this.host.flows.nameOf(way)
    const onWay = name === undefined ? undefined : bindings.findLast((binding) => binding.flow === name)
    if (onWay === undefined && this.toBindings(exchange, meant?.aor, bindings, asserted)) return
    // A temporary GRUU may have ended before the dialog that was made with it.
    if (way !== undefined) {
      exchange.forward({ uri: onWay?.contact ?? exchange.request.uriText, flow: way }, this.identityFor(exchange, asserted))
    } else return this.unreachable(exchange, meant?.aor)
  }
  /** False: none of them can be reached. */
  private toBindings(
    exchange: Exchange,
    aor: string | undefined,
    bindings: readonly Binding[],
    asserted: { asserted?: string },
  ): boolean {
    const targetOf = (binding: Binding): Target | undefined => this.target(exchange, asserted.asserted || undefined, aor, binding)
    const only = bindings.length === 1 ? targetOf(bindings[0]!) : undefined
    const targets = only === undefined ? devicesOf(bindings, targetOf) : [only]
    if (targets.length === 0) return false
    const identity = this.identityFor(exchange, asserted)
    const relayed = bindings.some(({ path }) => path !== undefined)
    exchange.forward(targets, relayed ? { ...identity, onFinal: flowFailed } : identity)
    return true
  }
  private target(exchange: Exchange, sender: string | undefined, aor: string | undefined, binding: Binding): Target | undefined {
    const { contact, path, q } = binding
    if (path !== undefined) return { uri: contact, route: path, q, ...this.recordRoute(exchange, sender) }
    const flow = this.bindings.flowOf(binding)
    if (exchange.request.uri.scheme === 'sips' && flow?.transport !== 'TLS' && flow?.transport !== 'WSS') return undefined // RFC 5630 §3.1
    return flow && { uri: contact, flow, q, ...this.recordRoute(exchange, sender, flow, aor) }
  }
  /** 480 for a user of ours who is away, 404 for nobody. */
  private unreachable(exchange: Exchange, aor: string | undefined): void | Promise<void> {
    if (aor === undefined) return exchange.reply(404)
    if (exchange.request.uri.user === '')
      return exchange.reply(exchange.request.method === 'SUBSCRIBE' ? 489 : 405, { headers: [['Allow', 'OPTIONS, REGISTER']] })
    const found = this.subscribers.lookup(aor)
    if (found instanceof Promise) return found.then((record) => exchange.reply(record === undefined ? 404 : 480))
    return exchange.reply(found === undefined ? 404 : 480)
  }
}

/** By which credentials a subscriber is known, for the element that keeps the subscription. */
function named({ method }: SipRequest, sender: Known | undefined): Pick<ForwardOptions, 'headers'> {
  const id = sender?.subscriber?.credentialsId
  return id === undefined || method !== 'SUBSCRIBE' ? {} : { headers: [['P-Credentials-Id', id]] }
}

/** RFC 5626 §7: that a flow is dead is for us to know; to the sender its user is away. */
function flowFailed({ status }: SipResponse): number | undefined {
  return status === 430 ? 480 : undefined
}
