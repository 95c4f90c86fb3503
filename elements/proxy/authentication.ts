/** Who sends a request from outside (SPEC §2.5): by digest, by the connection that passed it, or by the registered source. */
import type { Exchange, Host } from '../../signalling/index.ts'
import { algorithmOf, H, Nonces, parseDigest } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { deviceKey, type Identified, isNameOf, subscriberKey } from '../services/devices.ts'
import type { Subscribers } from '../services/subscribers.ts'
import type { Bindings } from './bindings.ts'
import type { ProxyRules } from './settings.ts'

/**
 * The canonical identity, with the subscriber where one is known, or why there is none yet. `untried`: nobody has named a
 * user and a password.
 */
export type Verdict = Proven | 'untried' | 'challenge' | 'stale' | 'forbidden'

interface Proven {
  readonly identity: string
  readonly subscriber?: Identified
}

const strikes = 20 // milliseconds: more than an HSS in the same network needs for an answer
const waitingAtMost = 10_000 // refusals that wait; beyond that they leave at once

export class Authentication {
  private readonly host: Host
  private readonly rules: ProxyRules
  private readonly subscribers: Subscribers
  private readonly bindings: Bindings
  private readonly nonces: Nonces
  private waiting = 0

  constructor(host: Host, rules: ProxyRules, subscribers: Subscribers, bindings: Bindings) {
    this.host = host
    this.rules = rules
    this.subscribers = subscribers
    this.bindings = bindings
    this.nonces = new Nonces(host.clock, host.ids, rules.nonceSeconds * 1000)
    host.gauge('nonces_counted', () => this.nonces.size)
  }
  private get realm(): string {
    return this.host.domains[0] ?? 'proxima'
  }

  /** For any request but REGISTER: what the flow or the source already proves, else digest. */
  judge(exchange: Exchange): Verdict | Promise<Verdict> {
    const { request, flow } = exchange
    const claimed = deviceKey(request.from.uri, this.host.domains)
    if (this.rules.open) return { identity: claimed ?? request.from.uri.text }
    const proven = flow.identity ?? this.registeredSource(exchange, claimed)
    if (proven !== undefined) {
      const record = this.subscribers.of(proven)
      if (!(record instanceof Promise)) return this.agreeStill(exchange, proven, claimed, record)
      return record.then((found) => this.agreeStill(exchange, proven, claimed, found))
    }
    const verdict = this.digest(exchange, H['Proxy-Authorization'])
    return verdict instanceof Promise
      ? verdict.then((settled) => this.agreeWith(exchange, settled, claimed))
      : this.agreeWith(exchange, verdict, claimed)
  }
  /** Who is no subscriber any more has proven nothing. */
  private agreeStill(
    exchange: Exchange,
    identity: string,
    claimed: string | undefined,
    subscriber: Identified | undefined,
  ): Verdict {
    if (subscriber !== undefined) return this.agree(exchange, { identity, subscriber }, claimed)
    exchange.flow.identity = undefined
    return 'challenge'
  }
  private agreeWith(exchange: Exchange, verdict: Verdict, claimed: string | undefined): Verdict {
    return typeof verdict === 'string' ? verdict : this.agree(exchange, verdict, claimed)
  }
  /** From may name somebody of ours only if it is the sender, by whichever of his identifiers (SPEC §2.1). */
  private agree(exchange: Exchange, { identity, subscriber }: Proven, claimed: string | undefined): Verdict {
    const { uri } = exchange.request.from
    const foreign = uri.scheme !== 'tel' && !this.host.domains.includes(uri.host)
    if (foreign || claimed === identity) return { identity }
    if (claimed !== undefined && subscriber !== undefined && isNameOf(claimed, subscriber, this.host.domains)) return { identity }
    return this.host.domains.some((domain) => `sip:${domain}` === claimed) ? { identity } : 'forbidden'
  }
  /** A datagram from the very address and port at which that user is registered. */
  private registeredSource({ flow }: Exchange, claimed: string | undefined): string | undefined {
    if (flow.reliable || claimed === undefined) return undefined
    const bindings = this.bindings.of(claimed)
    if (bindings.length === 0) return undefined
    const name = this.host.flows.nameOf(flow)
    return bindings.some((binding) => binding.flow === name) ? claimed : undefined
  }

  /** RFC 7616, by the credentials for our realm; several may be there, one an algorithm. */
  digest(exchange: Exchange, header: number): Verdict | Promise<Verdict> {
    const verdict = this.verify(exchange, header)
    return verdict instanceof Promise ? verdict.then((settled) => this.inItsTime(settled)) : this.inItsTime(verdict)
  }
  /**
   * Whoever is told no is told so when the clock strikes next but one: how long we had to look for him would say whether there
   * is such a user. The right password, and whoever has not tried any, need not wait.
   */
  private inItsTime(verdict: Verdict): Verdict | Promise<Verdict> {
    if (typeof verdict !== 'string' || verdict === 'untried' || this.waiting >= waitingAtMost) return verdict
    this.waiting++
    const { clock } = this.host
    const now = clock.now()
    return new Promise((resolve) => {
      clock.after((Math.floor(now / strikes) + 2) * strikes - now, () => {
        this.waiting--
        resolve(verdict)
      })
    })
  }
  private verify(exchange: Exchange, header: number): Verdict | Promise<Verdict> {
    const { request } = exchange
    for (const text of request.texts(header)) {
      const parameters = parseDigest(text)
      if (parameters === undefined || parameters.get('realm') !== this.realm) continue
      const algorithm = algorithmOf(parameters)
      if (algorithm === undefined || !this.rules.algorithms.includes(algorithm)) continue
      const username = parameters.get('username') ?? ''
      const key = this.keyOfUsername(username)
      const judge = (record: SubscriberRecord | undefined): Verdict => {
        // An unknown user costs and says the same as a wrong password.
        const secret = record?.usernames?.[username]?.[algorithm] ?? record?.credentials?.[algorithm]
        const verdict = this.nonces.verify(parameters, secret ?? this.host.ids.hex(16), algorithm, request.method)
        if (verdict !== 'right') this.host.count(`digest_${verdict}`)
        return verdict === 'right' ? { identity: record!.id, subscriber: record! } : verdict === 'stale' ? 'stale' : 'challenge'
      }
      const found = key === undefined ? undefined : this.subscribers.of(key)
      if (found instanceof Promise) return found.then(judge)
      const verdict = judge(found)
      return key === undefined || verdict !== 'challenge' ? verdict : this.askedFirst(key, verdict)
    }
    return 'untried'
  }
  /** A bare name, number or address; the same as a private identity, `name@domain`; or any identifier as it stands. */
  private keyOfUsername(username: string): string | undefined {
    const at = username.lastIndexOf('@')
    const name = at < 0 || /^(?:sips?|tel):/i.test(username) ? username : username.slice(0, at)
    return subscriberKey(name, this.host.domains)
  }
  /** The address of record that a name belongs to; itself where it is nobody's, or the HSS does not say. */
  async ownerOf(name: string): Promise<string> {
    try {
      return (await this.subscribers.of(name))?.id ?? name
    } catch (fault) {
      this.host.log.warn({ fault: String(fault), name }, 'registered under the name as it stands: the HSS does not answer')
      return name
    }
  }
  /** No is never said from memory: while the HSS hangs, only users whom we have looked up before would hear it (SPEC §2.5). */
  private askedFirst(key: string, verdict: Verdict): Promise<Verdict> {
    return this.subscribers.anew(key).then(() => verdict)
  }
  challenges(stale: boolean): readonly string[] {
    return this.nonces.challenges(this.realm, this.rules.algorithms, stale)
  }
}
