/**
 * Registration of one Push identifier (SPEC §5.1): by the Push server that has its flag bits, here or at a home elsewhere. The
 * proxy keeps who is behind which flow, durably, before the 200 leaves.
 */
import {
  type Address,
  canonical,
  type Exchange,
  type ForwardOptions,
  H,
  type Host,
  parseAddress,
  type SipResponse,
} from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, isNameOf } from '../shared/identifiers/devices.ts'
import { domainOfPushHost, hasFlags, isPushHost, pushIdentifier } from '../shared/identifiers/push.ts'
import { visitedNetwork, visitedNetworkHeader } from '../shared/identifiers/visited-network.ts'
import { deviceName } from '../shared/values/push-notification.ts'
import { type Authentication, type KnownSender, notThis, type SenderVerdict } from './authentication.ts'
import { supportedBy } from './contact.ts'
import type { HiddenContacts } from './hidden-contacts.ts'
import type { PushClient, PushClients } from './push-clients.ts'
import { RegisteringAbroad } from './registering-abroad.ts'
import type { ProxyRules } from './settings.ts'

interface PushRegistrarParts {
  readonly host: Host
  readonly rules: ProxyRules
  readonly authentication: Authentication
  readonly subscribers: Subscribers
  readonly clients: PushClients
  readonly hidden: HiddenContacts
}

/** The user of ours that registers, and his Push server. */
interface RegisteringClient {
  readonly record: SubscriberRecord
  readonly credentials: string | undefined
  readonly server: string
}

/** Place and owner of a client, beside what its REGISTER and the answer name. */
type ClientPlace = Pick<PushClient, 'flow' | 'peer' | 'subscriber' | 'credentials'>
type HeaderField = readonly [name: string, value: string]

const noContact = 'Contact is malformed; expected one such as <sip:alice@192.0.2.1:5060>'
const ours = [
  ...['Authorization', visitedNetworkHeader, 'P-Access-Network-Info', 'P-Asserted-Service', 'P-Served-User', 'P-Credentials-Id'],
]

export class PushRegistrar {
  private readonly parts: PushRegistrarParts
  private readonly abroad: RegisteringAbroad

  constructor(parts: PushRegistrarParts) {
    this.parts = parts
    this.abroad = new RegisteringAbroad(parts.host, parts.hidden)
  }

  /** Whether a REGISTER is for one Push identifier, and there are Push servers for it. */
  takes({ request: { uri } }: Exchange): boolean {
    return uri.user === '' && domainOfPushHost(uri.host) !== undefined && this.parts.rules.push.length > 0
  }
  handle(exchange: Exchange): void | Promise<void> {
    const { flow, request } = exchange
    const { contacts } = request
    if (!flow.open) return exchange.reply(430) // no answer would reach the client, and nothing would end the binding
    if (contacts === undefined || contacts === '*' || contacts.length === 0) return exchange.reply(400, { warning: noContact })
    if (isPushHost(request.uri.host, this.parts.host.domains)) return this.atHome(exchange, contacts)
    return flow.trusted ? this.abroad.forward(exchange) : this.visit(exchange, contacts)
  }

  /** Of another operator: to a Push server of ours, which asks that home. */
  private visit(exchange: Exchange, contacts: readonly Address[]): void {
    const { host, rules } = this.parts
    const { flow, request } = exchange
    const home = request.uri.host
    const peer = host.peers.nameOf(home)
    // by the flow of a base station any of its UEs would pass for a visitor
    if (flow.passedOn === true)
      return exchange.reply(403, { warning: 'roaming: not by a base station; expected this network’s proxy itself' })
    if (peer === undefined || host.peers.isAt(flow))
      return exchange.reply(403, { warning: `roaming: no agreement with ${home.slice(0, 60)}; expected a home by agreement` })
    if (request.to.uri.host !== home || pushIdentifier(request.to.uri.user) === undefined)
      return exchange.reply(403, {
        warning: `roaming: To is no Push identifier of ${home.slice(0, 60)}; expected your own there`,
      })
    if (this.parts.clients.isFull(home)) {
      const warning = `as many users of ${home.slice(0, 60)} are here as may be; expected you to come again later`
      return exchange.reply(503, { headers: [['Retry-After', '60']], warning })
    }
    const identifier = canonical(request.to.uri)
    const isTheirs = (name: string): boolean => host.peers.nameOf(hostOf(name)) === peer
    const path: HeaderField = ['Path', `<${host.flows.pathTo(host.name, flow, identifier)}>`]
    exchange.forward(this.serverAt(rules.push[0]!.element), {
      asserted: '',
      drop: ['Path', ...ours.filter((name) => name !== 'Authorization')],
      headers: [path],
      onFinal: (response) =>
        this.noted(response, contacts, identifier, { flow: host.flows.nameOf(flow) }, (name) => isTheirs(name)),
    })
  }

  /** Of a subscriber of ours, who may be in a network that he visits. */
  private atHome(exchange: Exchange, contacts: readonly Address[]): void | Promise<void> {
    const { authentication, host, rules, subscribers } = this.parts
    const { flow, request } = exchange
    const path = request.list(H.Path)
    const peer = host.peers.nameAt(flow)
    const isOfPeer = (domain: string | undefined): boolean => domain !== undefined && host.peers.nameOf(domain) === peer
    if (
      peer === undefined
        ? path.length > 0 && !flow.trusted && flow.passedOn !== true
        : !path.every((value) => isOfPeer(parseAddress(value)?.uri.host))
    )
      return exchange.reply(403, {
        warning: 'roaming: Path is of no network by agreement; expected that of your visited network',
      })
    if (peer !== undefined && (path.length === 0 || !isOfPeer(visitedNetwork(request))))
      return exchange.reply(403, { warning: `roaming: a REGISTER from ${peer} needs its Path and ${visitedNetworkHeader}` })
    const id = pushIdentifier(request.to.uri.user)
    if (id === undefined || !isPushHost(request.to.uri.host, host.domains))
      return exchange.reply(404, { warning: 'To is no Push identifier of ours; expected 16 hex digits at the Push host' })
    if (rules.open || flow.trusted) {
      const settle = (found: SubscriberRecord | undefined): void =>
        this.registerAs(exchange, contacts, id, found === undefined ? 'forbidden' : { identity: found.id, subscriber: found })
      const found = subscribers.lookup(request.to.uri)
      return found instanceof Promise ? found.then(settle) : settle(found)
    }
    const verdict = authentication.digest(exchange, H.Authorization)
    if (verdict instanceof Promise) return verdict.then((settled) => this.registerAs(exchange, contacts, id, settled))
    return this.registerAs(exchange, contacts, id, verdict)
  }
  private registerAs(exchange: Exchange, contacts: readonly Address[], id: string, verdict: SenderVerdict): void {
    const { authentication, host, rules } = this.parts
    const { request } = exchange
    if (verdict === 'another') return exchange.reply(400, { warning: notThis(request) })
    if (verdict === 'untried' || verdict === 'challenge' || verdict === 'stale') {
      const challenges = authentication.challenges(verdict === 'stale')
      return exchange.reply(401, { headers: challenges.map((value) => ['WWW-Authenticate', value] as const) })
    }
    const key = deviceKey(request.to.uri, host.domains)
    const record = verdict === 'forbidden' ? undefined : verdict.subscriber
    if (verdict === 'forbidden' || record === undefined || key === undefined || !isNameOf(key, record, host.domains))
      return exchange.reply(403, { warning: 'To is no Push identifier of yours; expected one that you were given' })
    const server = rules.push.find(({ flags }) => hasFlags(id, flags))?.element
    if (server === undefined)
      return exchange.reply(403, { warning: `no Push server here has the flag bits of ${id}; expected its own home` })
    if (exchange.flow.reliable && !host.peers.isAt(exchange.flow)) authentication.remember(exchange, verdict as KnownSender)
    this.register(exchange, contacts, key, { record, credentials: verdict.credentials, server })
  }
  private register(
    exchange: Exchange,
    contacts: readonly Address[],
    identifier: string,
    { credentials, record, server }: RegisteringClient,
  ): void {
    const { clients, host, rules } = this.parts
    const { flow, request } = exchange
    const known = new Set([...clients.of(record.id).map(({ device }) => device), ...contacts.map(deviceName)])
    if (known.size > rules.contacts)
      return exchange.reply(403, { warning: `more than ${rules.contacts} devices; expected some to be unregistered first` })
    const peer = host.peers.nameAt(flow)
    const theirs = request.list(H.Path)
    const isDirect = peer === undefined && !flow.trusted && flow.passedOn !== true
    // what goes back to a visited network, or to a base station, leaves by this proxy
    const behind = flow.passedOn === true ? `sip:${host.name}@${host.domains[0]};lr` : `sip:${host.domains[0]};lr`
    const own = isDirect ? host.flows.pathTo(host.name, flow, record.id) : behind
    const path = [`<${own}>`, ...theirs].map((value): HeaderField => ['Path', value])
    const place: ClientPlace = {
      ...(flow.passedOn === true ? {} : peer === undefined ? { flow: host.flows.nameOf(flow) } : { peer }),
      subscriber: record.id,
      ...(credentials === undefined ? {} : { credentials }),
    }
    const answered = (name: string): readonly (readonly [string, string | undefined])[] =>
      theirs.length === 0 || !supportedBy(request).includes('path') ? [[name, undefined]] : theirs.map((value) => [name, value])
    const visited = peer === undefined ? [] : [[visitedNetworkHeader, request.text(visitedNetworkHeader)!] as const]
    const name = credentials === undefined ? undefined : record.credentialsId // of the HSS, which the Push server hears
    const signed = name === undefined ? [] : [['P-Credentials-Id', name] as const]
    exchange.forward(this.serverAt(server), {
      asserted: record.id,
      drop: ours,
      headers: [...path, ...visited, ...signed],
      answerHeaders: () => answered('Path'), // RFC 3327 §5.3
      onFinal: (response) => this.noted(response, contacts, identifier, place, () => true),
    } satisfies ForwardOptions)
  }
  private serverAt(element: string): { readonly route: readonly string[] } {
    return { route: [`<sip:${element}@${this.parts.host.domains[0]};lr>`] }
  }

  /** Durable before the 200 leaves. */
  private async noted(
    response: SipResponse,
    contacts: readonly Address[],
    identifier: string,
    place: ClientPlace,
    isBelieved: (name: string) => boolean,
  ): Promise<undefined> {
    if (response.status >= 300) return undefined
    const { clients, host } = this.parts
    const associated = response.list('P-Associated-URI').flatMap((value) => parseAddress(value)?.uri ?? [])
    const names = [identifier, ...associated.flatMap((uri) => deviceKey(uri, host.domains) ?? []).filter(isBelieved)]
    const now = host.clock.date()
    await clients.change(
      contacts.map((contact): PushClient => {
        const expires = now + secondsGranted(response, contact) * 1000
        return { identifier, device: deviceName(contact), names: [...new Set(names)], ...place, expires }
      }),
    )
    return undefined
  }
}

function hostOf(key: string): string {
  return key.slice(key.lastIndexOf('@') + 1)
}

/** Seconds for which a registrar holds a Contact (RFC 3261 §10.3 step 8). */
function secondsGranted(response: SipResponse, { uri }: Address): number {
  const found = response.list(H.Contact).flatMap((value) => {
    const contact = parseAddress(value)
    return contact?.uri.text === uri.text ? [Number(contact.parameters.get('expires'))] : []
  })
  return found[0] !== undefined && Number.isFinite(found[0]) ? found[0] : 0
}
