/** REGISTER (RFC 3261 §10.3): each request is carried out as a whole or not at all, and is durable before its 200. */
import type { Address, Exchange, Host, SipRequest } from '../../signalling/index.ts'
import { H } from '../../signalling/index.ts'
import { deviceKey } from '../services/devices.ts'
import type { Authentication, Verdict } from './authentication.ts'
import { type Binding, type Bindings, sameBinding } from './bindings.ts'
import type { ProxyRules } from './settings.ts'

type Change = { readonly after: readonly Binding[] } | { readonly refused: number; readonly text: string; readonly min?: number }

const extensions = ['path']

export class Registrar {
  private readonly host: Host
  private readonly rules: ProxyRules
  private readonly bindings: Bindings
  private readonly authentication: Authentication

  constructor(host: Host, rules: ProxyRules, bindings: Bindings, authentication: Authentication) {
    this.host = host
    this.rules = rules
    this.bindings = bindings
    this.authentication = authentication
  }

  handle(exchange: Exchange): void | Promise<void> {
    const { request } = exchange
    const aor = deviceKey(request.to.uri, this.host.domains)
    if (!this.host.domains.includes(request.uri.host)) return exchange.reply(404, { warning: `${request.uri.host} is not ours` })
    const unknown = request.list(H.Require).filter((option) => !extensions.includes(option.toLowerCase()))
    if (unknown.length > 0) return exchange.reply(420, { headers: [['Unsupported', unknown.join(', ')]] })
    const { scheme, user, host } = request.to.uri
    const foreign = scheme !== 'tel' && !this.host.domains.includes(host)
    if (aor === undefined || user === '' || foreign) return exchange.reply(404, { warning: 'To names no user of ours' })
    if (this.rules.open || exchange.flow.trusted) return this.register(exchange, aor)
    const verdict = this.authentication.digest(exchange, H.Authorization)
    if (verdict instanceof Promise) return verdict.then((settled) => this.registerAs(exchange, aor, settled))
    return this.registerAs(exchange, aor, verdict)
  }
  private registerAs(exchange: Exchange, aor: string, verdict: Verdict): void | Promise<void> {
    if (verdict === 'forbidden' || (typeof verdict === 'object' && verdict.identity !== aor)) {
      return exchange.reply(403, { warning: 'you may register yourself only' })
    }
    if (typeof verdict === 'string') {
      const challenges = this.authentication.challenges(verdict === 'stale')
      return exchange.reply(401, { headers: challenges.map((value) => ['WWW-Authenticate', value] as const) })
    }
    if (exchange.flow.reliable) exchange.flow.identity = aor
    return this.register(exchange, aor)
  }

  private register(exchange: Exchange, aor: string): void | Promise<void> {
    const { request } = exchange
    const before = this.bindings.of(aor)
    const contacts = request.contacts
    if (contacts === undefined) return exchange.reply(400, { warning: 'Contact is malformed' })
    if (contacts !== '*' && contacts.length === 0) return this.answer(exchange, before) // a query
    const change = contacts === '*' ? this.removeAll(request, before) : this.change(exchange, contacts, before)
    if ('refused' in change) {
      const headers = change.min === undefined ? [] : [['Min-Expires', String(change.min)] as const]
      return exchange.reply(change.refused, { warning: change.text, headers })
    }
    return this.bindings.put(aor, before, change.after).then(() => this.answer(exchange, this.bindings.of(aor)))
  }
  /** `Contact: *` (RFC 3261 §10.2.2). */
  private removeAll(request: SipRequest, before: readonly Binding[]): Change {
    if (request.expires !== 0) return { refused: 400, text: 'Contact: * goes with Expires: 0 alone' }
    const late = before.some((binding) => binding.callId === request.callId && binding.cseq >= request.cseq.number)
    return late ? { refused: 500, text: 'CSeq is not above the last one' } : { after: [] }
  }
  private change(exchange: Exchange, contacts: readonly Address[], before: readonly Binding[]): Change {
    const { request } = exchange
    let after = [...before]
    for (const contact of contacts) {
      if (contact.uri.scheme !== 'sip' && contact.uri.scheme !== 'sips') {
        return { refused: 400, text: `no way to reach ${contact.uri.scheme}: contacts` }
      }
      const seconds = expiryOf(contact, request.expires, this.rules.usual)
      if (seconds > 0 && seconds < this.rules.min) return { refused: 423, text: 'Expires is too short', min: this.rules.min }
      const binding = this.binding(exchange, contact, Math.min(seconds, this.rules.max))
      const old = after.find((other) => sameBinding(other, binding))
      if (old !== undefined && old.callId === binding.callId && old.cseq >= binding.cseq) {
        return { refused: 500, text: 'CSeq is not above the last one' }
      }
      after = after.filter((other) => other !== old)
      if (seconds > 0) after.push(binding)
    }
    return after.length > this.rules.contacts ? { refused: 403, text: `more than ${this.rules.contacts} contacts` } : { after }
  }
  private binding({ request, flow }: Exchange, contact: Address, seconds: number): Binding {
    const { parameters, uri } = contact
    const instance = parameters.get('+sip.instance')
    const q = Number(parameters.get('q') ?? 1)
    const path = flow.trusted ? request.list(H.Path) : [] // anybody else could have us send anywhere
    const echoed = [...parameters].filter(([name]) => name !== 'expires').map(([name, value]) => printParameter(name, value))
    return {
      contact: uri.text.split('?')[0]!, // header fields in it never become ours (RFC 4475 §3.3.14)
      echo: `<${uri.text}>${echoed.join('')}`,
      q: q >= 0 && q <= 1 ? q : 1,
      ...(instance === undefined ? {} : { instance: `${instance}${parameters.get('reg-id') ?? ''}` }),
      callId: request.callId,
      cseq: request.cseq.number,
      expires: this.host.clock.date() + seconds * 1000,
      flow: this.host.flows.nameOf(flow),
      ...(path.length === 0 ? {} : { path }),
    }
  }
  private answer(exchange: Exchange, bindings: readonly Binding[]): void {
    const now = this.host.clock.date()
    const headers: [string, string][] = bindings.map(({ echo, expires }) => [
      'Contact',
      `${echo};expires=${Math.max(0, Math.round((expires - now) / 1000))}`,
    ])
    if (exchange.flow.trusted) for (const path of exchange.request.texts(H.Path)) headers.push(['Path', path])
    exchange.reply(200, { headers })
  }
}

/** Seconds: the contact's own parameter, else the header field, else the usual (RFC 3261 §10.2.1.1). */
function expiryOf(contact: Address, header: number | undefined, usual: number): number {
  const own = contact.parameters.get('expires')
  return own !== undefined && /^\d{1,10}$/.test(own) ? Number(own) : (header ?? usual)
}

function printParameter(name: string, value: string): string {
  if (value === '') return `;${name}`
  return /^[A-Za-z0-9.!%*_+`'~-]+$/.test(value) ? `;${name}=${value}` : `;${name}="${value.replace(/["\\]/g, '\\$&')}"`
}
