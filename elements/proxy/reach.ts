/**
 * Reach of a user, or of one of his devices: the targets of a fork. Every device at once, each by one flow at a time
 * (RFC 5626 §7).
 */
import { isIP } from 'node:net'
import type { Exchange, Flow, ForwardTarget, Host, SipResponse, Uri } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, otherKeys } from '../shared/identifiers/devices.ts'
import type { ContactBinding } from '../shared/state/contact-binding.ts'
import type { Authentication } from './authentication.ts'
import { type Bindings, sameContact } from './bindings.ts'
import type { Destination, DevicesDestination, RefusedDestination, TargetDestination } from './destination.ts'
import type { GruuOwner, Gruus } from './gruu.ts'
import { asSips, isSecure, isSecurePath, isSips } from './secure.ts'
import type { ProxyRules } from './settings.ts'
import type { Sleepers } from './sleepers.ts'
import type { DialogWays } from './ways.ts'

interface ReachParts {
  readonly host: Host
  readonly rules: ProxyRules
  readonly bindings: Bindings
  readonly dialogWays: DialogWays
  readonly gruus: Gruus
  readonly subscribers: Subscribers
  readonly authentication: Authentication
  readonly sleepers: Sleepers
}

/** `sender`: the identity that this proxy has checked; undefined where a trusted peer vouches, or nobody need. */
export class Reach {
  private readonly parts: ReachParts

  constructor(parts: ReachParts) {
    this.parts = parts
  }

  /** To every binding of a user (RFC 3261 §16.5). */
  toUser(exchange: Exchange, sender: string | undefined): Destination | Promise<Destination> {
    const { host, rules, subscribers } = this.parts
    const aor = deviceKey(exchange.request.uri, host.domains)
    if (exchange.request.method === 'PUBLISH') return refuseEvent(exchange, 'no element takes the event', this.parts.host) // RFC 3903 §6
    if (aor === undefined || rules.open) return this.reach(exchange, aor, this.boundTo(aor), sender)
    const record = subscribers.of(aor)
    if (record instanceof Promise) return record.then((found) => this.reachStill(exchange, aor, found, sender))
    return this.reachStill(exchange, aor, record, sender)
  }
  /** Bindings that outlived a restart may be of one who has gone since, or of another password; a name may be an alias. */
  private reachStill(
    exchange: Exchange,
    aor: string,
    record: SubscriberRecord | undefined,
    sender: string | undefined,
  ): Destination | Promise<Destination> {
    this.endOld(aor, record)
    if (record === undefined && this.isElsewhere(exchange)) return noRelay(exchange, this.parts.host)
    const owner = record?.id ?? aor
    return this.reach(exchange, owner, this.parts.bindings.of(owner), sender)
  }
  /** At an address that is none of ours, where it is nobody's name (SPEC §2.1). */
  private isElsewhere({ request: { uri } }: Exchange): boolean {
    return uri.scheme !== 'tel' && uri.user === '' && !this.parts.host.flows.isOurs(uri.host, uri.port)
  }
  private endOld(aor: string, record: SubscriberRecord | undefined): void {
    const { authentication, bindings } = this.parts
    if (record !== undefined) bindings.keep(record.id, authentication.nameOf(record))
    else if (bindings.of(aor).length > 0) bindings.end(aor)
  }
  /** Without an HSS nobody knows the owners of aliases: a telephone number then names a user in each of its forms. */
  private boundTo(aor: string | undefined): readonly ContactBinding[] {
    if (aor === undefined) return []
    const { bindings, host } = this.parts
    const names = [aor, ...otherKeys(aor, host.domains)]
    return names.map((name) => bindings.of(name)).find(({ length }) => length > 0) ?? []
  }
  private reach(
    exchange: Exchange,
    aor: string | undefined,
    bindings: readonly ContactBinding[],
    sender: string | undefined,
  ): Destination | Promise<Destination> {
    const { method, toTag } = exchange.request
    const isOwnQuery = method === 'SUBSCRIBE' && toTag === '' && aor !== undefined && sender === aor
    const asked = isOwnQuery ? bindings.filter((binding) => !this.isOfSender(binding, exchange)) : bindings
    if (isOwnQuery && asked.length === 0)
      return refuseEvent(exchange, 'no element and no other device of yours serves the event', this.parts.host)
    return this.toBindings(exchange, aor, asked, sender) ?? this.unreachable(exchange, aor)
  }
  /** Whether a target is the very device that asks: it is not asked itself. */
  private isOfSender({ flow, contact, instance, path }: ContactBinding, { request, flow: from }: Exchange): boolean {
    if (path === undefined && flow === this.parts.host.flows.nameOf(from)) return true
    const ownContact = request.contacts === '*' ? undefined : request.contacts?.[0]
    if (ownContact === undefined) return false
    return (
      sameContact(contact, ownContact.uri.text) ||
      (instance !== undefined && instance === ownContact.parameters.get('+sip.instance'))
    )
  }
  /** To the instance that a GRUU names (RFC 5627 §5.4), by the flow of its dialog where that still stands. */
  toDevice(exchange: Exchange, sender: string | undefined, way: Flow | undefined): Destination | Promise<Destination> {
    const { gruus, rules, subscribers } = this.parts
    const meant = gruus.meant(exchange.request.uri)
    if (meant === undefined || rules.open) return this.toMeant(exchange, sender, way, meant)
    const record = subscribers.of(meant.aor)
    const settle = (found: SubscriberRecord | undefined): Destination | Promise<Destination> => {
      this.endOld(meant.aor, found)
      return this.toMeant(exchange, sender, way, meant)
    }
    return record instanceof Promise ? record.then(settle) : settle(record)
  }
  private toMeant(
    exchange: Exchange,
    sender: string | undefined,
    way: Flow | undefined,
    meant: GruuOwner | undefined,
  ): Destination | Promise<Destination> {
    const { gruus, host } = this.parts
    const { request } = exchange
    const bindings = meant === undefined ? [] : gruus.bindingsOf(meant)
    const name = way && host.flows.nameOf(way)
    const onWay = name === undefined ? undefined : bindings.findLast(({ flow, path }) => path === undefined && flow === name)
    const bound = onWay === undefined ? this.toBindings(exchange, meant?.aor, bindings, sender) : undefined
    if (bound !== undefined) return bound
    if (way === undefined || (isSips(request) && !isSecure(way))) return this.unreachable(exchange, meant?.aor)
    // A temporary GRUU may have ended before the dialog that was made with it.
    const uri = onWay === undefined ? request.uriText : isSips(request) ? asSips(onWay.contact) : onWay.contact
    return { end: 'device', uri, flow: way }
  }
  /** Undefined: none of them can be reached. */
  private toBindings(
    exchange: Exchange,
    aor: string | undefined,
    bindings: readonly ContactBinding[],
    sender: string | undefined,
  ): Destination | undefined {
    const relayed = bindings.some(({ path }) => path !== undefined)
    const asleep = this.asleep(exchange, aor, bindings, sender)
    if (asleep !== undefined) {
      const targets = devicesOf(bindings, (binding) => this.target(exchange, sender, aor, binding))
      return { end: 'devices', targets, asleep, ...(relayed ? { onFinal: flowFailed } : {}) }
    }
    const only = bindings.length === 1 ? this.target(exchange, sender, aor, bindings[0]!) : undefined
    if (only !== undefined) return relayed ? { end: 'devices', targets: [only], onFinal: flowFailed } : only
    const targets = devicesOf(bindings, (binding) => this.target(exchange, sender, aor, binding))
    if (targets.length === 0) return undefined
    return { end: 'devices', targets, ...(relayed ? { onFinal: flowFailed } : {}) }
  }
  /** An INVITE and a MESSAGE wake who sleeps (RFC 8599 §5.6). */
  private asleep(
    exchange: Exchange,
    aor: string | undefined,
    bindings: readonly ContactBinding[],
    sender: string | undefined,
  ): DevicesDestination['asleep'] {
    const { method } = exchange.request
    if (aor === undefined || (method !== 'INVITE' && method !== 'MESSAGE')) return undefined
    const { sleepers } = this.parts
    const devices = sleepers.among(bindings)
    if (devices.length === 0) return undefined
    return (fork) => sleepers.wait(aor, devices, fork, (binding) => this.target(exchange, sender, aor, binding))
  }
  /** Inside a dialog, to the device whose registration its Contact names (RFC 8599 §6.1.2); undefined: it names none. */
  toRegistration(exchange: Exchange, sender: string | undefined, aor: string, purr: string): Destination | undefined {
    const { bindings, dialogWays, host, sleepers } = this.parts
    const named = bindings.of(aor).find(({ notification }) => notification?.purr === purr)
    if (named === undefined) return undefined
    const uri = exchange.request.uriText
    const targetOf = (binding: ContactBinding): TargetDestination | undefined => {
      if (binding.path !== undefined)
        return { end: 'device', uri, route: binding.path, ...dialogWays.recordRoutes(exchange, sender) }
      const flow = bindings.flowOf(binding)
      if (flow === undefined || (isSips(exchange.request) && !isSecure(flow))) return undefined
      return { end: 'device', uri, flow, ...dialogWays.recordRoutes(exchange, sender, flow, aor) }
    }
    const target = targetOf(named)
    const devices = exchange.request.method === 'ACK' ? [] : sleepers.among([named])
    if (devices.length === 0) return target
    host.count('requests_by_purr')
    const targets = target === undefined ? [] : [target]
    return { end: 'devices', targets, asleep: (fork) => sleepers.wait(aor, devices, fork, targetOf) }
  }
  private target(
    exchange: Exchange,
    sender: string | undefined,
    aor: string | undefined,
    binding: ContactBinding,
  ): TargetDestination | undefined {
    const { bindings, dialogWays } = this.parts
    const { contact, path, q } = binding
    const sips = isSips(exchange.request)
    const uri = sips ? asSips(contact) : contact
    if (path !== undefined) {
      if (sips && !isSecurePath(path)) return undefined
      return { end: 'device', uri, route: path, q, ...dialogWays.recordRoutes(exchange, sender) }
    }
    const flow = bindings.flowOf(binding)
    if (flow === undefined || (sips && !isSecure(flow))) return undefined // RFC 5630 §3.1
    return { end: 'device', uri, flow, q, ...dialogWays.recordRoutes(exchange, sender, flow, aor) }
  }
  /** 480 for a user of ours who is away, 404 for nobody. */
  private unreachable(exchange: Exchange, aor: string | undefined): Destination | Promise<Destination> {
    const { bindings, subscribers } = this.parts
    const { request } = exchange
    if (aor === undefined) return unknown
    if (request.uri.user === '' && !this.isElsewhere(exchange)) {
      if (request.method === 'SUBSCRIBE') return refuseEvent(exchange, 'no element serves the event', this.parts.host)
      return { end: 'nowhere', status: 405, fields: { headers: [['Allow', 'OPTIONS, REGISTER']] } }
    }
    const away = isSips(request) && bindings.of(aor).length > 0 ? { fields: { warning: noSecureContact } } : {}
    const found = subscribers.lookup(aor)
    const answer = (record: SubscriberRecord | undefined): RefusedDestination =>
      record === undefined ? unknown : { end: 'nowhere', status: 480, ...away }
    return found instanceof Promise ? found.then(answer) : answer(found)
  }
}

const unknown: RefusedDestination = { end: 'nowhere', status: 404 }
const noSecureContact = 'no Contact of this user is reached by TLS or WSS, as sips: demands; expected a sip: URI'

/** A user called by an address, as if he were written as one of the first domain. */
export function namedByAddress(uri: Uri, { domains }: Pick<Host, 'domains'>): Uri {
  return uri.user === '' && isIP(uri.host) !== 0 ? { ...uri, user: uri.host, host: domains[0] ?? '' } : uri
}

/** RFC 6665 §8.3.2. */
function refuseEvent(exchange: Exchange, why: string, host: Host): RefusedDestination {
  const { request } = exchange
  const events = exchange.eventsAt(namedByAddress(request.uri, host))
  const warning = `${why} ${request.event?.value ?? '(none)'}; expected one of ${events.join(', ') || 'none'}`
  return {
    end: 'nowhere',
    status: 489,
    fields: { headers: events.length === 0 ? [] : [['Allow-Events', events.join(', ')]], warning },
  }
}

/** The refusal of a request for a user who is none of ours: nobody relays through us. */
export function noRelay({ request }: Exchange, { domains }: Host): RefusedDestination {
  const warning = `no relay to ${request.uri.host}; expected a user of ${domains[0]}`
  return { end: 'nowhere', status: 403, fields: { warning } }
}

/** RFC 5626 §7: that a flow is dead is for us to know; to the sender its user is away. */
function flowFailed({ status }: SipResponse): number | undefined {
  return status === 430 ? 480 : undefined
}

/** The newest flow of each instance, its older ones behind it; `bindings` as the registrar has them, oldest first. */
function devicesOf(
  bindings: readonly ContactBinding[],
  targetOf: (binding: ContactBinding) => ForwardTarget | undefined,
): readonly ForwardTarget[] {
  const flows = new Map<string, ForwardTarget[]>()
  const targets: ForwardTarget[][] = []
  for (let i = bindings.length - 1; i >= 0; i--) {
    const { instance } = bindings[i]!
    const target = targetOf(bindings[i]!)
    if (target === undefined) continue
    const others = instance === undefined ? undefined : flows.get(instance)
    if (others !== undefined) {
      others.push(target)
      continue
    }
    const device = [target]
    targets.push(device)
    if (instance !== undefined) flows.set(instance, device)
  }
  targets.reverse() // devices in the order of their registration
  return targets.map(([newest, ...older]) => (older.length === 0 ? newest! : { ...newest!, otherwise: older }))
}
