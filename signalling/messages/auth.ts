/** Digest authentication (RFC 7616, RFC 8760), both sides. MD5 and SHA-256, `auth` only, never `auth-int`. */
import type { Clock } from '../clock.ts'
import { hashHex, type Ids, sameSecret, seal } from '../ids.ts'
import { parseParameters, quote, splitOutside } from './address.ts'
import type { SipResponse } from './message.ts'
import { H } from './names.ts'

export type DigestAlgorithm = 'MD5' | 'SHA-256'

const hashes: Record<DigestAlgorithm, 'md5' | 'sha256'> = { MD5: 'md5', 'SHA-256': 'sha256' }

/** H(A1), the only form in which a password is kept (SPEC §2.5). */
export function ha1(algorithm: DigestAlgorithm, user: string, realm: string, password: string): string {
  return hashHex(hashes[algorithm], `${user}:${realm}:${password}`)
}

/** The parameters of one `Digest …` value; undefined for another scheme. */
export function parseDigest(text: string): ReadonlyMap<string, string> | undefined {
  const match = /^\s*Digest\s+(.*)$/is.exec(text)
  if (match === null) return undefined
  return parseParameters(splitOutside(match[1]!, ',').join(';'))
}

/** The realm of credentials; undefined: they name none, or cannot be read. */
export function realmOf(credentials: string): string | undefined {
  const scheme = /^\s*\S+\s+(.*)$/s.exec(credentials)
  return scheme === null ? undefined : parseParameters(splitOutside(scheme[1]!, ',').join(';')).get('realm')
}

function digest(algorithm: DigestAlgorithm, a1: string, method: string, p: ReadonlyMap<string, string>): string {
  const hash = hashes[algorithm]
  const ha2 = hashHex(hash, `${method}:${p.get('uri') ?? ''}`)
  const qop = p.get('qop')
  return qop === undefined
    ? hashHex(hash, `${a1}:${p.get('nonce')}:${ha2}`)
    : hashHex(hash, `${a1}:${p.get('nonce')}:${p.get('nc')}:${p.get('cnonce')}:${qop}:${ha2}`)
}

/** Algorithm of credentials or a challenge; undefined if it is neither MD5 nor SHA-256. */
export function algorithmOf(parameters: ReadonlyMap<string, string>): DigestAlgorithm | undefined {
  const name = (parameters.get('algorithm') ?? 'MD5').toUpperCase()
  return name === 'MD5' || name === 'SHA-256' ? name : undefined
}

/** `right`, `wrong`, or `stale`: the nonce is old, unknown or its count was used before. */
type DigestVerdict = 'right' | 'wrong' | 'stale'

const remembered = 100_000

/** The server's nonces: sealed, so that any number may be given out without memory, and counted once they are used. */
export class Nonces {
  private readonly clock: Clock
  private readonly ids: Ids
  private readonly key: string
  private readonly lifetime: number
  private readonly limit: number
  private readonly counts = new Map<string, number>()
  /** Made at that time or before, a nonce may be one whose count had to be forgotten: it counts as old. */
  private forgotten = Number.NEGATIVE_INFINITY

  /** `lifetime` in milliseconds; `limit`: counts remembered at most. */
  constructor(clock: Clock, ids: Ids, lifetime: number, limit: number = remembered) {
    this.limit = limit
    this.clock = clock
    this.ids = ids
    this.lifetime = lifetime
    this.key = ids.token(32)
  }
  get size(): number {
    return this.counts.size
  }
  /** One challenge an algorithm, in the order in which they are to stand in the message. */
  challenges(realm: string, algorithms: readonly DigestAlgorithm[], stale: boolean): string[] {
    const body = `${Math.floor(this.clock.date()).toString(36)}-${this.ids.token(8)}`
    const nonce = `${body}-${seal(this.key, body, 16)}`
    const tail = stale ? ', stale=true' : ''
    return algorithms.map((name) => `Digest realm=${quote(realm)}, nonce="${nonce}", algorithm=${name}, qop="auth"${tail}`)
  }
  private fresh(nonce: string): boolean {
    const body = nonce.slice(0, -17)
    if (!sameSecret(seal(this.key, body, 16), nonce.slice(-16))) return false
    const made = Number.parseInt(body, 36)
    const age = this.clock.date() - made
    return made > this.forgotten && age >= -1000 && age <= this.lifetime
  }
  /** Judges credentials against a stored H(A1). The digest is checked first, so that only its owner may use up a count. */
  verify(parameters: ReadonlyMap<string, string>, a1: string, algorithm: DigestAlgorithm, method: string): DigestVerdict {
    const nonce = parameters.get('nonce') ?? ''
    const expected = digest(algorithm, a1, method, parameters)
    if (!sameSecret(expected, (parameters.get('response') ?? '').toLowerCase())) return 'wrong'
    const count = parameters.has('qop') ? countOf(parameters.get('nc')) : 0
    if (Number.isNaN(count)) return 'wrong'
    if (!this.fresh(nonce)) return 'stale'
    const last = this.counts.get(nonce)
    if (last !== undefined && !(count > last)) return 'stale'
    this.counts.delete(nonce)
    this.counts.set(nonce, count)
    if (this.counts.size > this.limit) this.forget(this.counts.keys().next().value!)
    return 'right'
  }
  /** Without its count a nonce could be used again: it and all that are as old are none any more. */
  private forget(nonce: string): void {
    this.counts.delete(nonce)
    this.forgotten = Math.max(this.forgotten, Number.parseInt(nonce, 36))
  }
}

/** Nonce count, hexadecimal; NaN where it is none. */
function countOf(text: string | undefined): number {
  return text !== undefined && /^[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN
}

export interface Credentials {
  readonly user: string
  readonly password: string
}

/** The header field that answers a 401 or 407; undefined: the response is another, or nothing of ours fits it. */
export function authorizationFor(
  response: SipResponse,
  credentials: Credentials | undefined,
  method: string,
  uri: string,
  ids: Ids,
): readonly [name: string, value: string] | undefined {
  const proxy = response.status === 407
  if (credentials === undefined || (response.status !== 401 && !proxy)) return undefined
  const challenges = response.texts(proxy ? H['Proxy-Authenticate'] : H['WWW-Authenticate'])
  const answer = answerChallenge(challenges, credentials, method, uri, ids.token(12))
  return answer === undefined ? undefined : [proxy ? 'Proxy-Authorization' : 'Authorization', answer]
}

/** The client's answer to a challenge; undefined if none of ours fits. `count` is the nonce count, from 1. */
export function answerChallenge(
  challenges: readonly string[],
  credentials: Credentials,
  method: string,
  uri: string,
  cnonce: string,
  count = 1,
): string | undefined {
  for (const text of challenges) {
    const challenge = parseDigest(text)
    const algorithm = challenge && algorithmOf(challenge)
    if (challenge === undefined || algorithm === undefined) continue
    const realm = challenge.get('realm') ?? ''
    const answer = new Map([
      ['username', credentials.user],
      ['realm', realm],
      ['nonce', challenge.get('nonce') ?? ''],
      ['uri', uri],
    ])
    const offered = (challenge.get('qop') ?? '').split(',').map((part) => part.trim())
    if (offered.includes('auth')) {
      answer.set('qop', 'auth').set('nc', count.toString(16).padStart(8, '0')).set('cnonce', cnonce)
    }
    const response = digest(algorithm, ha1(algorithm, credentials.user, realm, credentials.password), method, answer)
    const quoted = ['username', 'realm', 'nonce', 'uri', 'cnonce']
    const parts = [...answer].map(([name, value]) => (quoted.includes(name) ? `${name}=${quote(value)}` : `${name}=${value}`))
    const opaque = challenge.get('opaque')
    if (opaque !== undefined) parts.push(`opaque=${quote(opaque)}`)
    return `Digest ${parts.join(', ')}, response="${response}", algorithm=${algorithm}`
  }
  return undefined
}
