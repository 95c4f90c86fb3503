/**
 * Authentication of requests from outside (SPEC §2.5): by digest, by the connection that passed it, or by the
 * registered source.
 */
import type { Address, Exchange, Host, SipRequest } from '../../signalling/index.ts'
import { H, keptSecret, parseAddress, seal } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, isNameOf } from '../shared/identifiers/devices.ts'
import { DigestCheck, type DigestVerdict } from '../shared/permissions/digest.ts'
import type { Bindings } from './bindings.ts'
import { type ClaimedIdentity, claimedIdentityOf } from './claim.ts'
import { Proofs, type SenderProof } from './proofs.ts'
import type { Refusals } from './refusals.ts'
import type { ProxyRules } from './settings.ts'

/**
 * The sender, or the reason why he is not known yet. `untried`: no user and password was named. `another`: the digest is
 * right, but made for another request (RFC 7616 §3.4.6).
 */
export type SenderVerdict = KnownSender | 'untried' | 'challenge' | 'stale' | 'forbidden' | 'another'

/** The canonical identity, with the subscriber where one is known. */
export interface KnownSender extends Partial<SenderProof> {
  readonly identity: string
  readonly subscriber?: SubscriberRecord
  /** By the digest in this very request. */
  readonly fresh?: boolean
  /** Another operator vouches for it: nobody of ours. */
  readonly peer?: boolean
  /** Another operator's user, whose Push identifier is registered here through his home. */
  readonly visitor?: boolean
  /** Domain of the peer that vouches, where he is none of its own users but roams there. */
  readonly visited?: string
  /** Taken at its word: no proof is asked for here, so that no other operator may rely on it. */
  readonly unproven?: boolean
}

/** Of a digest that was made for another request. */
export function notThis({ uriText }: SipRequest): string {
  return `uri in the credentials is not the Request-URI; expected uri="${uriText}"`
}

export class Authentication {
  private readonly host: Host
  private readonly rules: ProxyRules
  private readonly subscribers: Subscribers
  private readonly bindings: Bindings
  private readonly checks: DigestCheck
  private readonly proofs = new Proofs()
  private readonly key: string
  private readonly names = new WeakMap<SubscriberRecord, string>()

  private constructor(
    host: Host,
    rules: ProxyRules,
    subscribers: Subscribers,
    bindings: Bindings,
    refusals: Refusals,
    key: string,
  ) {
    this.host = host
    this.key = key
    this.rules = rules
    this.subscribers = subscribers
    this.bindings = bindings
    this.checks = new DigestCheck({
      ...{ host, subscribers, algorithms: rules.algorithms, nonceSeconds: rules.nonceSeconds },
      wrong: (exchange, username, why) => refusals.note(exchange, username, why),
    })
  }
  /** Opens it with the key of credential names. The key is kept in the store, so that names are the same after a restart. */
  static async open(
    host: Host,
    rules: ProxyRules,
    subscribers: Subscribers,
    bindings: Bindings,
    refusals: Refusals,
  ): Promise<Authentication> {
    const key = await keptSecret(host.store, host.ids, `credentials/${host.name}/key`)
    return new Authentication(host, rules, subscribers, bindings, refusals, key)
  }

  /** A name for the credentials in a record, that says nothing of them. */
  nameOf(record: SubscriberRecord): string {
    let name = this.names.get(record)
    if (name === undefined) {
      const { MD5 = '', 'SHA-256': sha256 = '' } = record.credentials ?? {}
      this.names.set(record, (name = seal(this.key, `${MD5} ${sha256}`, 10)))
    }
    return name
  }
  /** On that connection nobody need ask this user again. */
  remember({ flow }: Exchange, { identity, credentials }: KnownSender): void {
    if (flow.reliable) this.proofs.add(flow, { identity, credentials })
  }

  /** For any request but REGISTER: by the flow or the source if they prove it, else by digest. */
  judge(exchange: Exchange): SenderVerdict | Promise<SenderVerdict> {
    const claim = claimedIdentityOf(exchange, this.host)
    if (this.rules.open) return { identity: claim.key ?? exchange.request.from.uri.text, fresh: true, unproven: true }
    const proof = this.proofOf(exchange, claim)
    if (proof === undefined) return this.ask(exchange)
    const record = this.subscribers.of(proof.identity)
    if (!(record instanceof Promise)) return this.agreeStill(exchange, proof, claim, record)
    return record.then((found) => this.agreeStill(exchange, proof, claim, found))
  }
  /** A user of another operator, who need not sign in here. From may name anybody but one of ours. */
  vouched(exchange: Exchange, { uri }: Address): SenderVerdict | Promise<SenderVerdict> {
    const { key, ours, number } = claimedIdentityOf(exchange, this.host)
    const identity = deviceKey(uri, this.host.domains)
    if (identity === undefined) return 'untried'
    const { peers } = this.host
    const isRoaming = peers.nameOf(uri.host) !== peers.nameAt(exchange.flow)
    const known: KnownSender = { identity, peer: true, ...(isRoaming ? { visited: peers.domainAt(exchange.flow)! } : {}) }
    if (key === identity || (key === undefined && !ours)) return known
    if (key === undefined || (ours && !key.startsWith('tel:'))) return 'forbidden'
    return this.rules.open ? known : this.agreeForeign(known, number === undefined ? [key] : [key, number])
  }
  /** By digest alone. */
  ask(exchange: Exchange): SenderVerdict | Promise<SenderVerdict> {
    const claim = claimedIdentityOf(exchange, this.host)
    const verdict = this.digest(exchange, H['Proxy-Authorization'])
    const settle = (settled: SenderVerdict): SenderVerdict | Promise<SenderVerdict> =>
      typeof settled === 'string' ? settled : this.agree(settled, claim)
    return verdict instanceof Promise ? verdict.then(settle) : settle(verdict)
  }
  /** A connection may be of several users: the one in From, or where From names nobody of ours, its only one. */
  private proofOf(exchange: Exchange, { key: claimed, ours }: ClaimedIdentity): SenderProof | undefined {
    const { flow } = exchange
    if (!flow.reliable) return this.registeredSource(exchange, claimed)
    if (claimed !== undefined && ours)
      return this.proofs.of(flow, claimed) ?? this.proofs.find(flow, (proof) => this.isCalled(proof, claimed))
    const preferred = parseAddress(exchange.request.text(H['P-Preferred-Identity']) ?? '') // RFC 3325 §6
    const key = preferred && deviceKey(preferred.uri, this.host.domains)
    return (key === undefined ? undefined : this.proofs.of(flow, key)) ?? this.proofs.only(flow)
  }
  /** From may be an alias; where that would have to be asked first, a challenge does as well. */
  private isCalled({ identity }: SenderProof, name: string): boolean {
    const record = this.subscribers.of(identity)
    if (record instanceof Promise) record.catch(() => undefined)
    else return record !== undefined && isNameOf(name, record, this.host.domains)
    return false
  }
  /** A sender proves nothing by a record that is gone, or has other credentials now. */
  private agreeStill(
    exchange: Exchange,
    { identity, credentials }: SenderProof,
    claim: ClaimedIdentity,
    record: SubscriberRecord | undefined,
  ): SenderVerdict | Promise<SenderVerdict> {
    if (record !== undefined && (credentials === undefined || credentials === this.nameOf(record)))
      return this.agree({ identity, credentials, subscriber: record }, claim)
    this.proofs.remove(exchange.flow, identity)
    return this.ask(exchange)
  }
  /** From may name somebody of ours only if it is the sender, by whichever of his identifiers (SPEC §2.1). */
  private agree(known: KnownSender, { key, ours, number }: ClaimedIdentity): SenderVerdict | Promise<SenderVerdict> {
    const { identity, subscriber } = known
    if (key === identity || (key === undefined && !ours)) return known
    if (key !== undefined && subscriber !== undefined && isNameOf(key, subscriber, this.host.domains)) return known
    if (key === undefined || ours) return 'forbidden'
    return this.agreeForeign(known, number === undefined ? [key] : [key, number])
  }
  /** A name that looks foreign may be an identifier of another subscriber all the same. */
  private agreeForeign(known: KnownSender, names: readonly string[]): SenderVerdict | Promise<SenderVerdict> {
    const owners: (SubscriberRecord | undefined)[] = []
    const asked: Promise<SubscriberRecord | undefined>[] = []
    for (const name of names) {
      const found = this.subscribers.of(name)
      if (found instanceof Promise) asked.push(found)
      else owners.push(found)
    }
    const judge = (others: typeof owners): SenderVerdict =>
      [...owners, ...others].some((owner) => owner !== undefined && owner.id !== known.identity) ? 'forbidden' : known
    return asked.length === 0 ? judge([]) : Promise.all(asked).then(judge)
  }
  /** A datagram from the very address and port at which that user is registered. */
  private registeredSource({ flow }: Exchange, claimed: string | undefined): SenderProof | undefined {
    if (claimed === undefined) return undefined
    const ownBindings = this.bindings.of(claimed)
    const identity = ownBindings.length > 0 ? claimed : this.subscribers.known(claimed)?.id // maybe an alias
    const bindings = ownBindings.length > 0 || identity === undefined ? ownBindings : this.bindings.of(identity)
    if (bindings.length === 0 || identity === undefined) return undefined
    const name = this.host.flows.nameOf(flow)
    const binding = bindings.find((each) => each.flow === name && each.path === undefined) // else many are behind it
    return binding && { identity, credentials: binding.credentials }
  }

  /** RFC 7616. */
  digest(exchange: Exchange, header: number): SenderVerdict | Promise<SenderVerdict> {
    const verdict = this.checks.check(exchange, header)
    const settle = (settled: DigestVerdict): SenderVerdict => (typeof settled === 'string' ? settled : this.known(settled.record))
    return verdict instanceof Promise ? verdict.then(settle) : settle(verdict)
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
  private known(record: SubscriberRecord): KnownSender {
    return { identity: record.id, credentials: this.nameOf(record), subscriber: record, fresh: true }
  }
  challenges(stale: boolean): readonly string[] {
    return this.checks.challenges(stale)
  }
}
