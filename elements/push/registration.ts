/**
 * Registration at a Push server (SPEC §5.1): the proxy's REGISTER for a subscriber binds his devices to his Push identifiers.
 * A Push client's binds its device to one of them, in the network that it visits.
 */
import { type Address, type Exchange, H, type Host, type SipRequest } from '../../signalling/index.ts'
import type { PushIdentifierRecord, SubscriberRecord } from '../schemas/index.ts'
import type { SignedIn } from '../shared/clients/signed-in.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import {
  type FlagWidths,
  flagsOf,
  isPushInForce,
  isPushUri,
  type PushFlags,
  pushIdentifier,
  pushUri,
} from '../shared/identifiers/push.ts'
import { visitedNetwork } from '../shared/identifiers/visited-network.ts'
import type { IdentifierAllocation } from './allocation.ts'
import type { BoundDevices } from './bound-devices.ts'
import type { DecisionRule, Decisions } from './decisions.ts'
import { bindingOf, type DeviceBinding, type RegistrationTerms } from './device-binding.ts'
import type { DeviceQueues } from './device-queues.ts'
import type { RoamingAgreements } from './roaming.ts'
import type { WakeProviders } from './waking/providers.ts'
import { notifiableFaultOf, sleepless } from './waking/registered-waking.ts'
import type { Wakes } from './waking/wakes.ts'

interface RegistrationParts {
  readonly host: Host
  readonly allocation: IdentifierAllocation
  readonly devices: BoundDevices
  readonly queues: DeviceQueues
  readonly subscribers: Subscribers
  readonly roaming: RoamingAgreements
  readonly decisions: Decisions
  readonly signedIn: SignedIn
  readonly own: PushFlags
  readonly widths: FlagWidths
  readonly providers: WakeProviders
  readonly wakes: Wakes
  /** Another element keeps the bindings. */
  readonly isKeptElsewhere: boolean
}

/** One with a rule is told by `push why`. */
type RefusalText = readonly [status: number, warning: string, rule?: DecisionRule]

/** Why nothing was bound: a later REGISTER of the same client has been here (RFC 3261 §10.3 step 7), or there is no room. */
const unbound = {
  late: [500, 'CSeq is not above the last one; expected a higher one'],
  full: [403, 'as many devices of this user are registered as may be; expected one to unregister first'],
} as const satisfies { readonly [why: string]: RefusalText }

const usualExpires = 3600 // seconds (RFC 3261 §10.2)
const longestExpires = 7200 // seconds for who is not woken

export class Registration {
  private readonly parts: RegistrationParts

  constructor(parts: RegistrationParts) {
    this.parts = parts
  }

  async handle(exchange: Exchange): Promise<void> {
    const { request, asserted } = exchange
    const { host, providers, roaming, subscribers } = this.parts
    if (host.peers.has(request.uri.host)) return roaming.passOn(exchange)
    if (asserted === undefined)
      return exchange.reply(403, { warning: 'nobody vouches for this REGISTER; expected it by way of your own proxy' })
    const found = await subscribers.lookup(request.to.uri)
    const identity = await subscribers.lookup(asserted.uri)
    const record = found !== undefined && found.id === identity?.id ? await this.parts.allocation.withFirst(found) : found
    const refused = this.refusalOf(exchange, record, identity)
    if (refused !== undefined) {
      const [status, warning, rule] = refused
      if (rule !== undefined) this.parts.decisions.note({ user: record!.id, rule, status, text: warning })
      return exchange.reply(status, { warning })
    }
    const { contacts } = request
    if (contacts === undefined || contacts === '*')
      return exchange.reply(400, { warning: 'Contact is malformed; expected those of the devices, each with its expires' })
    const unfit = notifiableFaultOf(request, contacts, providers)
    if (unfit !== undefined) return exchange.reply(unfit.status, { headers: unfit.headers, warning: unfit.warning })
    const one = this.namedBy(request)
    const visited = visitedNetwork(request)
    const credentials = exchange.flow.trusted ? request.text(H['P-Credentials-Id']) : undefined
    const terms: RegistrationTerms = {
      subscriber: record!.id,
      ...(one === undefined ? {} : { identifier: one }),
      ...(visited === undefined ? {} : { visited }),
      ...(credentials === undefined ? {} : { credentials }),
    }
    const until = this.servedOf(record!).find(({ id }) => id === one)?.validUntil
    const bindings = await this.bind(request, terms, contacts, until)
    if (typeof bindings === 'string') return exchange.reply(unbound[bindings][0], { warning: unbound[bindings][1] })
    this.parts.signedIn.follow({ subscriber: record!.id, credentials })
    const served = this.servedOf(record!).filter(({ id }) => one === undefined || id === one)
    const associated = [`<${record!.id}>`, ...served.map(({ id }) => `<${pushUri(id, host.domains)}>`)]
    const capabilities = providers.capabilities(contacts).map((value) => ['Feature-Caps', value] as const)
    const about = one === undefined ? [] : this.echoOf(request, contacts, bindings)
    exchange.reply(200, { headers: [...about, ['P-Associated-URI', associated.join(', ')], ...capabilities] })
  }
  private refusalOf(
    { request }: Exchange,
    record: SubscriberRecord | undefined,
    identity: SubscriberRecord | undefined,
  ): RefusalText | undefined {
    const { roaming } = this.parts
    if (record === undefined) return [404, 'To names no subscriber; expected one with a Push identifier']
    if (identity?.id !== record.id)
      return [403, 'To is not the asserted subscriber; expected your own address or Push identifier']
    const one = this.namedBy(request)
    const served = this.servedOf(record)
    if (one === undefined ? served.length === 0 : served.every(({ id }) => id !== one))
      return [403, `${record.id} has no ${one === undefined ? 'Push identifier' : one} in force of this server`]
    const visited = visitedNetwork(request)
    return visited === undefined || roaming.isAgreedWith(visited) ? undefined : [403, roaming.noAgreement(visited), 'roaming']
  }
  /** The identifier that a Push client registers alone; undefined: all of the subscriber's. */
  private namedBy({ to }: SipRequest): string | undefined {
    return isPushUri(to.uri, this.parts.host.domains) ? pushIdentifier(to.uri.user) : undefined
  }

  /** Push identifiers of a subscriber that count now and have the flag bits of this server. */
  private servedOf({ push = [] }: SubscriberRecord): readonly PushIdentifierRecord[] {
    const { host, own, widths } = this.parts
    return push.filter((one) => {
      const { operator, server } = flagsOf(one.id, widths)
      return isPushInForce(one, host.clock.date()) && operator === own.operator && server === own.server
    })
  }

  /** The bindings, once they are durable. */
  private async bind(
    request: SipRequest,
    terms: RegistrationTerms,
    contacts: readonly Address[],
    until: string | undefined,
  ): Promise<readonly DeviceBinding[] | keyof typeof unbound> {
    const { devices, host, providers, queues, wakes } = this.parts
    const { subscriber } = terms
    const now = host.clock.date()
    const ends = until === undefined ? Number.POSITIVE_INFINITY : Math.floor((Date.parse(until) - now) / 1000) // of the identifier
    const bindings = contacts.map((contact) => {
      const asked = Number(contact.parameters.get('expires') ?? request.expires ?? usualExpires)
      const seconds = Number.isFinite(asked) ? asked : usualExpires
      const isWoken = terms.identifier === undefined || contact.uri.parameters.has('pn-prid')
      const made = bindingOf(request, terms, contact, Math.min(isWoken ? seconds : Math.min(seconds, longestExpires), ends), now)
      return sleepless(made, devices.of(subscriber), providers)
    })
    const isLate = bindings.some(({ callId, cseq, device }) => {
      const before = devices.bound(subscriber, device)
      return before?.callId === callId && before.cseq > cseq
    })
    if (isLate) return 'late'
    // where a device was before, or never, it has nothing to unregister: the newest binding stays
    const left = bindings.filter((binding) => binding.expires <= now && (this.isElsewhere(binding) || !devices.has(binding)))
    const changed = this.parts.isKeptElsewhere ? [] : bindings.filter((binding) => !left.includes(binding))
    if (!(await devices.change(subscriber, changed))) return 'full'
    for (const binding of changed) {
      wakes.registered(binding)
      if (binding.expires > now) queues.bound(subscriber, binding.device)
    }
    return bindings
  }
  private isElsewhere({ contact, device, identifier, subscriber }: DeviceBinding): boolean {
    const bound = this.parts.devices.bound(subscriber, device)
    return identifier !== undefined && bound !== undefined && bound.contact !== contact
  }
  /** A client's Contacts as they are bound, and its Path (RFC 3327 §5.3); those of other devices are not for its network. */
  private echoOf(
    request: SipRequest,
    contacts: readonly Address[],
    bindings: readonly DeviceBinding[],
  ): readonly (readonly [name: string, value: string])[] {
    const now = this.parts.host.clock.date()
    const bound = contacts.flatMap(({ parameters, uri }, index) => {
      const seconds = Math.round((bindings[index]!.expires - now) / 1000)
      if (seconds <= 0) return []
      const instance = parameters.get('+sip.instance')
      return [
        ['Contact', `<${uri.text}>${instance === undefined ? '' : `;+sip.instance="${instance}"`};expires=${seconds}`] as const,
      ]
    })
    return [...bound, ...request.list(H.Path).map((value) => ['Path', value] as const)]
  }
}
