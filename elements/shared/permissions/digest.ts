/** Digest of a request (RFC 7616), by the credentials that the HSS has: who proves by it to be which subscriber (SPEC §2.5). */
import {
  algorithmOf,
  type DigestAlgorithm,
  type Exchange,
  type Host,
  Nonces,
  parseDigest,
  parseUri,
} from '../../../signalling/index.ts'
import type { SubscriberRecord } from '../../schemas/index.ts'
import type { Subscribers } from '../clients/subscribers.ts'
import { deviceKey, subscriberKey } from '../identifiers/devices.ts'
import { localUri } from '../identifiers/local-uri.ts'

/**
 * The subscriber who proves to be one, or why nobody does. `untried`: no user and password was named. `another`: the digest is
 * right, but made for another request (RFC 7616 §3.4.6).
 */
export type DigestVerdict = { readonly record: SubscriberRecord } | 'untried' | 'challenge' | 'stale' | 'another'

interface DigestParts {
  readonly host: Host
  readonly subscribers: Subscribers
  readonly algorithms: readonly DigestAlgorithm[]
  readonly nonceSeconds: number
  /** Told of each wrong answer. */
  readonly wrong?: (exchange: Exchange, username: string, why: string) => void
}

const strikes = 20 // milliseconds: more than an HSS in the same network needs for an answer
const waitingAtMost = 10_000 // refusals that wait; beyond that they leave at once

export class DigestCheck {
  private readonly parts: DigestParts
  private readonly nonces: Nonces
  private waiting = 0

  constructor(parts: DigestParts) {
    const { host, nonceSeconds } = parts
    this.parts = parts
    this.nonces = new Nonces(host.clock, host.ids, nonceSeconds * 1000)
    host.gauge('nonces_counted', () => this.nonces.size)
  }
  private get realm(): string {
    return this.parts.host.domains[0] ?? 'proxima'
  }
  challenges(stale: boolean): readonly string[] {
    return this.nonces.challenges(this.realm, this.parts.algorithms, stale)
  }

  /** RFC 7616, by the credentials for our realm; several may be there, one an algorithm. */
  check(exchange: Exchange, header: number): DigestVerdict | Promise<DigestVerdict> {
    const verdict = this.verify(exchange, header)
    return verdict instanceof Promise ? verdict.then((settled) => this.inItsTime(settled)) : this.inItsTime(verdict)
  }
  /**
   * Delays a refusal until the clock strikes next but one: the time that a look-up takes would tell whether there is such
   * a user. The right password is answered at once, and so is a request without one.
   */
  private inItsTime(verdict: DigestVerdict): DigestVerdict | Promise<DigestVerdict> {
    if (typeof verdict !== 'string' || verdict === 'untried' || this.waiting >= waitingAtMost) return verdict
    this.waiting++
    const { clock } = this.parts.host
    const now = clock.now()
    return new Promise((resolve) => {
      clock.after((Math.floor(now / strikes) + 2) * strikes - now, () => {
        this.waiting--
        resolve(verdict)
      })
    })
  }
  private verify(exchange: Exchange, header: number): DigestVerdict | Promise<DigestVerdict> {
    const { request } = exchange
    for (const text of request.texts(header)) {
      const parameters = parseDigest(text)
      if (parameters === undefined || parameters.get('realm') !== this.realm) continue
      const algorithm = algorithmOf(parameters)
      if (algorithm === undefined || !this.parts.algorithms.includes(algorithm)) continue
      const username = parameters.get('username') ?? ''
      const key = this.keyOfUsername(username)
      const judge = (record: SubscriberRecord | undefined): DigestVerdict => {
        // An unknown user costs and says the same as a wrong password.
        const secret = record?.usernames?.[username]?.[algorithm] ?? record?.credentials?.[algorithm]
        const verdict = this.nonces.verify(parameters, secret ?? this.parts.host.ids.hex(16), algorithm, request.method)
        if (verdict !== 'right') this.parts.host.count(`digest_${verdict}`)
        if (verdict === 'wrong') this.parts.wrong?.(exchange, username, secret === undefined ? 'unknown user' : 'wrong password')
        if (verdict === 'right')
          return isFor(parameters.get('uri') ?? '', exchange, this.parts.host) ? { record: record! } : 'another'
        return verdict === 'stale' ? 'stale' : 'challenge'
      }
      const found = key === undefined ? undefined : this.parts.subscribers.of(key)
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
    return subscriberKey(name, this.parts.host.domains)
  }
  /**
   * Never refuses from memory: while the HSS hangs, only users looked up before would be refused, which tells that they
   * exist (SPEC §2.5).
   */
  private askedFirst(key: string, verdict: DigestVerdict): Promise<DigestVerdict> {
    return this.parts.subscribers.anew(key).then(() => verdict)
  }
}

/**
 * Whether a digest's `uri` means the Request-URI. Some clients leave out ports and parameters, or name the domain or the
 * address of the server alone (sipp, sofia); none names anybody else.
 */
function isFor(text: string, { request, flow }: Exchange, host: Host): boolean {
  if (text === request.uriText) return true
  const uri = parseUri(text.replace(/^<(.*)>$/, '$1'))
  if (uri === undefined) return false
  const home = localUri(uri, host) ?? (uri.host === flow.local.host ? { ...uri, host: host.domains[0] ?? '' } : undefined)
  if (home !== undefined && uri.user === '') return true
  // of a REGISTER some take the address of record, which To names
  const target = request.method === 'REGISTER' ? request.to.uri : request.uri
  const key = deviceKey(localUri(target, host) ?? target, host.domains)
  return key !== undefined && deviceKey(home ?? uri, host.domains) === key
}
