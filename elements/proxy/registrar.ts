/** REGISTER (RFC 3261 §10.3): each request is carried out as a whole or not at all, and is durable before its 200. */
import { isIP } from 'node:net'
import type { Address, Exchange, Flow, Host, SipRequest } from '../../signalling/index.ts'
import { H } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { deviceKey, isNameOf } from '../shared/identifiers/devices.ts'
import { type ContactBinding, deviceOfBinding } from '../shared/state/contact-binding.ts'
import { withoutNotification } from '../shared/values/push-notification.ts'
import { type Authentication, type KnownSender, notThis, type SenderVerdict } from './authentication.ts'
import { type Bindings, sameBinding } from './bindings.ts'
import { dialOf, echoOf, expiryOf, firstHopKeepsFlow, isOfContact, pathOf, regIdOf, supportedBy } from './contact.ts'
import type { Gruus } from './gruu.ts'
import { isOwnBinding, lifetimeOf, notifiableFault, notificationOf, providersFor } from './notifiable.ts'
import type { PushClients } from './push-clients.ts'
import { PushRegistration } from './push-registration.ts'
import type { ProxyRules } from './settings.ts'
import type { Sleepers } from './sleepers.ts'
import type { DialogWays } from './ways.ts'

interface RegistrarRefusal {
  readonly refused: number
  readonly text: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
}
type BindingChange = { readonly after: readonly ContactBinding[] } | RegistrarRefusal

/** The user that registers. */
interface RegisteringUser {
  readonly aor: string
  readonly credentials: string | undefined
  readonly supported: readonly string[]
  readonly subscriber: SubscriberRecord | undefined
}

/** Options of the request, beside its contacts. */
interface RegisterOptions extends RegisteringUser {
  readonly path: readonly string[]
  /** `reg-id` counts: the first hop has kept the client's flow. */
  readonly outbound: boolean
}

interface RegistrarParts {
  readonly host: Host
  readonly rules: ProxyRules
  readonly bindings: Bindings
  readonly dialogWays: DialogWays
  readonly gruus: Gruus
  readonly authentication: Authentication
  readonly clients: PushClients
  readonly sleepers: Sleepers
}

const extensions = ['path', 'outbound', 'gruu']

export class Registrar {
  private readonly host: Host
  private readonly rules: ProxyRules
  private readonly bindings: Bindings
  private readonly dialogWays: DialogWays
  private readonly gruus: Gruus
  private readonly authentication: Authentication
  private readonly clients: PushClients
  private readonly pushRegistration: PushRegistration
  private readonly sleepers: Sleepers
  private second = 0
  private date = ''

  constructor({ authentication, bindings, clients, dialogWays, gruus, host, rules, sleepers }: RegistrarParts) {
    this.sleepers = sleepers
    this.host = host
    this.clients = clients
    this.rules = rules
    this.bindings = bindings
    this.dialogWays = dialogWays
    this.gruus = gruus
    this.authentication = authentication
    this.pushRegistration = new PushRegistration(host, rules, bindings)
  }

  stop(): void {
    this.pushRegistration.stop()
  }
  handle(exchange: Exchange): void | Promise<void> {
    const { request } = exchange
    const aor = deviceKey(request.to.uri, this.host.domains)
    const unknown = request.list(H.Require).filter((option) => !extensions.includes(option.toLowerCase()))
    if (unknown.length > 0) return exchange.reply(420, { headers: [['Unsupported', unknown.join(', ')]] })
    const { scheme, user, host } = request.to.uri
    const foreign = scheme !== 'tel' && !this.host.domains.includes(host)
    const isAddress = foreign && user === '' && isIP(host) !== 0 && !this.rules.open // a subscriber may be called so (SPEC §2.1)
    const elsewhere = request.uri.scheme !== 'tel' && !this.host.domains.includes(request.uri.host)
    if (elsewhere && !(isAddress && request.uri.host === host))
      return exchange.reply(404, { warning: `${request.uri.host} is not ours; expected ${this.host.domains[0]}` })
    if (aor === undefined || (!isAddress && (user === '' || foreign)))
      return exchange.reply(404, { warning: `To names no user of ours; expected one of ${this.host.domains.join(', ')}` })
    if (this.rules.open) return this.register(exchange, { identity: aor })
    if (exchange.flow.trusted)
      return this.authentication.ownerOf(aor).then((owner) => this.register(exchange, { identity: owner }))
    const verdict = this.authentication.digest(exchange, H.Authorization)
    if (verdict instanceof Promise) return verdict.then((settled) => this.registerAs(exchange, aor, settled))
    return this.registerAs(exchange, aor, verdict)
  }
  private registerAs(exchange: Exchange, aor: string, verdict: SenderVerdict): void | Promise<void> {
    if (verdict === 'forbidden')
      return exchange.reply(403, { warning: 'you may register yourself only; expected your own address in To' })
    if (verdict === 'another') return exchange.reply(400, { warning: notThis(exchange.request) })
    if (typeof verdict === 'string') return this.challenge(exchange, verdict === 'stale')
    const { identity, subscriber } = verdict
    // under whichever of his names: there is one address of record (SPEC §2.1)
    if (identity !== aor && (subscriber === undefined || !isNameOf(aor, subscriber, this.host.domains)))
      return exchange.reply(403, { warning: `you may register yourself only; expected To to be ${identity}` })
    this.authentication.remember(exchange, verdict)
    return this.register(exchange, verdict)
  }
  private challenge(exchange: Exchange, stale: boolean): void {
    const challenges = this.authentication.challenges(stale)
    exchange.reply(401, { headers: challenges.map((value) => ['WWW-Authenticate', value] as const) })
  }

  private register(exchange: Exchange, { identity: aor, credentials, subscriber }: KnownSender): void | Promise<void> {
    const { request, flow } = exchange
    if (!flow.open) return exchange.reply(430) // no answer would reach the client, and nothing would end the binding
    const contacts = request.contacts
    if (contacts === undefined)
      return exchange.reply(400, { warning: 'Contact is malformed; expected one such as <sip:alice@192.0.2.1:5060>, or *' })
    const before = this.bindings.latest(aor)
    const supported = supportedBy(request)
    if (contacts !== '*' && contacts.length === 0) return this.answer(exchange, aor, supported, this.bindings.of(aor)) // a query
    const change =
      contacts === '*'
        ? this.removeAll(request, before)
        : this.change(exchange, contacts, before, { aor, credentials, subscriber, supported })
    if ('refused' in change) {
      const { refused, text, headers = [] } = change
      return exchange.reply(refused, { warning: text, headers })
    }
    return this.bindings.put(aor, before, change.after).then((stands) => {
      if (!stands) return this.challenge(exchange, false) // it was by a password that counts no more
      for (const binding of change.after) if (!before.includes(binding)) this.bound(aor, binding, flow)
      const came = change.after.filter((binding) => !before.includes(binding))
      if (came.length > 0)
        this.clients.moved(
          aor,
          came.map((binding) => deviceOfBinding(binding)),
        )
      if (subscriber?.push === undefined && subscriber?.permissions.push !== true)
        return this.answer(exchange, aor, supported, this.bindings.of(aor))
      const { after } = change
      const { callId, cseq } = request
      const proven = credentials === undefined ? undefined : subscriber.credentialsId
      const asked = { callId, cseq: cseq.number, credentials: proven }
      const registered = this.pushRegistration.register(subscriber, { before, after, flow, ...asked })
      return registered.then((headers) => this.answer(exchange, aor, supported, this.bindings.of(aor), headers))
    })
  }
  private bound(aor: string, binding: ContactBinding, flow: Flow): void {
    const { contact, expires, notification, regId } = binding
    this.dialogWays.registered(aor, contact)
    this.sleepers.registered(aor, binding)
    // without outbound nobody was asked for keep-alives: silence ends no connection before its registration ends
    if (flow.reliable && regId === undefined && notification?.name === undefined)
      flow.keptFor = Math.max(flow.keptFor ?? 0, (expires - this.host.clock.date()) / 1000)
  }
  /** `Contact: *` (RFC 3261 §10.2.2). */
  private removeAll(request: SipRequest, before: readonly ContactBinding[]): BindingChange {
    if (request.expires !== 0) return { refused: 400, text: 'Contact: * ends all contacts; expected Expires: 0 with it' }
    const late = before.some((binding) => binding.callId === request.callId && binding.cseq >= request.cseq.number)
    return late ? lateRefusal : { after: [] }
  }
  private change(
    exchange: Exchange,
    contacts: readonly Address[],
    before: readonly ContactBinding[],
    registering: RegisteringUser,
  ): BindingChange {
    const { request } = exchange
    const { supported } = registering
    // each is compared with all others
    if (contacts.length > this.rules.contacts + before.length) return tooMany(this.rules.contacts, 'a REGISTER with fewer')
    const path = pathOf(exchange)
    if (path.length > 0 && this.rules.pathSupported && !supported.includes('path'))
      return {
        refused: 421,
        text: 'a proxy has added a Path; expected a client with Supported: path',
        headers: [['Require', 'path']],
      }
    const flows = this.flowsAsked(exchange, contacts, supported, path)
    if (typeof flows === 'object') return flows
    const asked: RegisterOptions = { ...registering, path, outbound: flows }
    let after = before
    for (const contact of contacts) {
      const fault = this.faultOf(contact)
      if (fault !== undefined) return fault
      const { usual, max } = lifetimeOf(contact, this.rules, asked.subscriber)
      const seconds = expiryOf(contact, request.expires, usual)
      const unfit = notifiableFault(exchange, contact, seconds, this.rules.push, asked.subscriber)
      if (unfit !== undefined) return unfit
      if (seconds > 0 && seconds < this.rules.min)
        return {
          refused: 423,
          text: `Expires is too short; expected ${this.rules.min} seconds or more`,
          headers: [['Min-Expires', String(this.rules.min)]],
        }
      const binding = this.binding(exchange, contact, Math.min(seconds, max), asked)
      const old = after.find((other) => sameBinding(other, binding))
      if (old !== undefined && old.callId === binding.callId && old.cseq >= binding.cseq && before.includes(old)) {
        // the very request again, whose 200 was lost with the process that had stored it
        if (seconds > 0 && old.cseq === binding.cseq && echoToOwn(old) === echoToOwn(binding)) continue
        return lateRefusal
      }
      const rest = old === undefined ? after : after.filter((other) => other !== old)
      after = seconds > 0 ? [...rest, withPurr(this.withGruu(binding, old, asked), old)] : rest
    }
    return this.bounded(after, before, registering.aor)
  }
  /**
   * Makes room when a user has too many bindings. The oldest of a device that starts with new ports gives way, or one
   * whose connection is gone.
   */
  private bounded(after: readonly ContactBinding[], before: readonly ContactBinding[], aor: string): BindingChange {
    const { contacts: most } = this.rules
    if (after.length <= most) return this.carried(after, before, aor)
    const instances = new Set(after.flatMap((binding) => (before.includes(binding) ? [] : (binding.instance ?? []))))
    const { flows } = this.host
    const gone = ({ flow, ofContact }: ContactBinding): boolean => ofContact === true && flows.named(flow) === undefined
    const old = after.filter((each) => before.includes(each) && (instances.has(each.instance ?? '') || gone(each)))
    const excess = new Set(old.slice(0, after.length - most))
    if (after.length - excess.size <= most)
      return this.carried(
        after.filter((binding) => !excess.has(binding)),
        before,
        aor,
      )
    return tooMany(most, 'some of them to be unregistered first (Expires: 0)')
  }
  /** Every answer lists all contacts, and a datagram has to carry it; there may always be less of them. */
  private carried(after: readonly ContactBinding[], before: readonly ContactBinding[], aor: string): BindingChange {
    const bytes = listed(after, aor)
    if (bytes <= listedAtMost || bytes <= listed(before, aor)) return { after }
    const text = `contacts of ${bytes} bytes together; expected at most ${listedAtMost}: shorten them, or unregister some first (Expires: 0)`
    return { refused: 403, text }
  }
  /** Whether `reg-id` counts in this request, or why the request cannot be served (RFC 5626 §6). */
  private flowsAsked(
    exchange: Exchange,
    contacts: readonly Address[],
    supported: readonly string[],
    path: readonly string[],
  ): boolean | RegistrarRefusal {
    if (!contacts.some((contact) => contact.parameters.has('reg-id') && contact.parameters.has('+sip.instance'))) return false
    if (contacts.some((contact) => Number.isNaN(regIdOf(contact))))
      return { refused: 400, text: 'reg-id is no number above 0; expected one such as reg-id=1' }
    const { expires } = exchange.request
    if (contacts.length > 1 && contacts.filter((contact) => expiryOf(contact, expires, 1) > 0).length > 1)
      return { refused: 400, text: 'a Contact with reg-id stands alone; expected one Contact a REGISTER' }
    if (firstHopKeepsFlow(exchange, path)) return true
    return supported.includes('outbound')
      ? { refused: 439, text: 'the first proxy does not keep your flow; expected a REGISTER without outbound' }
      : false
  }
  private faultOf({ uri, parameters }: Address): RegistrarRefusal | undefined {
    const q = parameters.get('q')
    if (q !== undefined && !/^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q))
      return { refused: 400, text: 'q is no number from 0 to 1; expected one such as q=0.5' } // RFC 3261 §20.10
    if (uri.scheme !== 'sip' && uri.scheme !== 'sips')
      return { refused: 400, text: 'no way to reach that Contact; expected a sip: or sips: URI' }
    return this.gruus.isOurs(uri)
      ? { refused: 403, text: 'a GRUU leads to contacts and is none; expected the address of the device' }
      : undefined // RFC 5627 §5.1
  }
  private binding({ request, flow }: Exchange, contact: Address, seconds: number, asked: RegisterOptions): ContactBinding {
    const { path, outbound, credentials } = asked
    const { parameters, uri } = contact
    const instance = parameters.get('+sip.instance')
    const regId = outbound ? regIdOf(contact) : undefined
    const now = this.host.clock.date()
    const ofContact = regId === undefined && path.length === 0 && isOfContact(flow)
    const dial = ofContact ? dialOf(contact, flow) : undefined
    const providers = providersFor(this.rules.push, asked.subscriber)
    const notification = notificationOf(contact, echoOf(contact), this.host, providers)
    return {
      contact: withoutNotification(uri.text.split('?')[0]!), // header fields in it never become ours (RFC 4475 §3.3.14)
      echo: withoutNotification(echoOf(contact)),
      q: Number(parameters.get('q') ?? 1),
      ...(instance === undefined ? {} : { instance, at: now }),
      ...(regId === undefined ? {} : { regId }),
      callId: request.callId,
      cseq: request.cseq.number,
      expires: now + seconds * 1000,
      flow: this.host.flows.nameOf(flow),
      ...(ofContact ? { ofContact } : {}),
      ...(dial === undefined ? {} : { dial }),
      ...(credentials === undefined ? {} : { credentials }),
      ...(path.length === 0 ? {} : { path }),
      ...(notification === undefined ? {} : { notification }),
    }
  }
  /** Temporary GRUUs last while the registration goes on under its Call-ID (RFC 5627 §5.3). */
  private withGruu(binding: ContactBinding, old: ContactBinding | undefined, { supported }: RegisterOptions): ContactBinding {
    if (binding.instance === undefined) return binding
    const kept = old?.callId === binding.callId && old.instance === binding.instance ? old.gruu : undefined
    if (kept === undefined && !supported.includes('gruu')) return binding
    return { ...binding, gruu: kept ?? this.gruus.name() }
  }

  private dateAt(second: number): string {
    if (second !== this.second) this.date = new Date(second * 1000).toUTCString()
    this.second = second
    return this.date
  }
  private answer(
    exchange: Exchange,
    aor: string,
    supported: readonly string[],
    bindings: readonly ContactBinding[],
    more: readonly (readonly [name: string, value: string])[] = [],
  ): void {
    const { request, flow } = exchange
    const now = this.host.clock.date()
    const gruu = supported.includes('gruu')
    const sent = request.contacts === '*' ? [] : (request.contacts ?? [])
    const echo = (binding: ContactBinding): string =>
      binding.notification !== undefined && isOwnBinding(binding, sent) ? echoToOwn(binding) : binding.echo
    const headers: [string, string][] = bindings.map((binding) => [
      'Contact',
      `${echo(binding)}${gruu ? this.gruus.parameters(aor, binding) : ''};expires=${secondsLeft(binding, now)}`,
    ])
    if (flow.trusted || (flow.passedOn === true && supported.includes('path')))
      for (const path of request.texts(H.Path)) headers.push(['Path', path]) // RFC 3327 §5.3
    headers.push(['Date', this.dateAt(Math.floor(now / 1000))]) // RFC 3261 §10.3 step 8
    for (const route of this.rules.serviceRoute) headers.push(['Service-Route', route]) // RFC 3608 §6.3
    if (supported.includes('outbound') && bindings.some((binding) => isOf(binding, request))) {
      headers.push(['Require', 'outbound'])
      if (flow.reliable || flow.passedOn === true || this.rules.flowTimer < datagramTimer)
        headers.push(['Flow-Timer', String(this.rules.flowTimer)])
      else headers.push(['Flow-Timer', String(datagramTimer)])
    }
    exchange.reply(200, { headers: [...headers, ...more] })
  }
}

/** The Contact value as its own device may see it. */
function echoToOwn({ echo, notification }: ContactBinding): string {
  return notification?.echo ?? echo
}

/** The PURR stays while its device registers anew: dialogs have it in their Contact. */
function withPurr(binding: ContactBinding, old: ContactBinding | undefined): ContactBinding {
  const purr = old?.notification?.purr
  if (purr === undefined || binding.notification?.purr === undefined) return binding
  return { ...binding, notification: { ...binding.notification, purr } }
}

const lateRefusal: RegistrarRefusal = { refused: 500, text: 'CSeq is not above the last one; expected a higher one' } // RFC 3261 §10.3 steps 6 and 7

function tooMany(most: number, expected: string): RegistrarRefusal {
  return { refused: 403, text: `more than ${most} contacts; expected ${expected}` }
}
const listedAtMost = 32_768 // bytes of Contact in an answer, of the 65,507 that a datagram has
const datagramTimer = 29 // seconds; NATs forget a UDP peer soon (RFC 5626 §4.4.2)

/** Bytes of those bindings in an answer, at most. */
function listed(bindings: readonly ContactBinding[], aor: string): number {
  let bytes = 0
  for (const { echo, instance, notification } of bindings) {
    bytes += Buffer.byteLength(notification?.echo ?? echo) + 32
    if (instance !== undefined) bytes += aor.length + 3 * Buffer.byteLength(instance) + 320 // its GRUUs, escaped
  }
  return bytes
}

function secondsLeft({ expires }: ContactBinding, now: number): number {
  return Math.max(0, Math.round((expires - now) / 1000))
}

/** That request made the binding, with a flow of its own (RFC 5626 §6). */
function isOf({ regId, callId, cseq }: ContactBinding, request: SipRequest): boolean {
  return regId !== undefined && callId === request.callId && cseq === request.cseq.number
}
