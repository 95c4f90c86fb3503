/** Source of a Push (SPEC §5.2): a user of ours by our proxy's word, or a peer's by the word of that peer. */
import { type Address, canonical, type Exchange, type Host, parseUri, type SipRequest, type Uri } from '../../signalling/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, isNameOf } from '../shared/identifiers/devices.ts'
import { domainOfPushHost, hasFlags, isPushHost, isPushInForce, pushIdentifier } from '../shared/identifiers/push.ts'
import { visitedNetwork } from '../shared/identifiers/visited-network.ts'
import { codedBodyOf } from '../shared/values/body-coding.ts'
import { cpimFrom, cpimIn } from '../shared/values/cpim.ts'
import type { PushPeer } from './settings-type.ts'

/** The source, or the token of the refusal and its text. */
type SourceVerdict =
  | {
      readonly source: string
      /** Subscriber or application of ours that it is; absent: of another operator, or nobody. */
      readonly payer?: string
    }
  | { readonly refusal: 'source' | 'source-expired' | 'peer'; readonly warning: string }

interface SourceParts {
  readonly host: Host
  readonly subscribers: Subscribers
  readonly peers: readonly PushPeer[]
  /** Whether an application of ours that may send has that Push identifier. */
  readonly isApplication: (id: string) => boolean
  /** Flag bits of other Push servers of ours, which vouch for their applications. */
  readonly fellows: readonly string[]
}

export class Sources {
  private readonly parts: SourceParts

  constructor(parts: SourceParts) {
    this.parts = parts
  }

  /** The source, or why it is none. `source: ''`: nobody of our network vouches, and nobody has to. */
  async verdict(exchange: Exchange): Promise<SourceVerdict> {
    const { asserted } = exchange
    if (asserted === undefined) return this.ofNobody(exchange)
    const stranger = this.strangerBeside(exchange, asserted)
    if (stranger !== undefined)
      return { refusal: 'source', warning: `${stranger} is named as sender, and not vouched for; expected your own identifier` }
    const peer = this.peerOf(asserted)
    if (peer !== undefined) return this.ofPeer(asserted, peer, visitedNetwork(exchange.request))
    const id = pushIdentifier(asserted.uri.user)
    if (id !== undefined && this.parts.isApplication(id)) return this.ofApplication(exchange, asserted)
    const record = await this.parts.subscribers.lookup(asserted.uri)
    const own = record?.push?.find((one) => one.id === id)
    const isElsewhere = record === undefined && id !== undefined && this.parts.fellows.some((bits) => hasFlags(id, bits))
    if (isElsewhere) return this.ofApplication(exchange, asserted) // users have a record
    if (id !== undefined && (own === undefined || !isPushInForce(own, this.parts.host.clock.date())))
      return { refusal: 'source-expired', warning: `the Push identifier ${id} is not in force; expected another one of yours` }
    const another = record && this.strangerInCpim(exchange, (key) => isNameOf(key, record, this.parts.host.domains))
    return another ?? { source: canonical(asserted.uri), ...(record === undefined ? {} : { payer: record.id }) }
  }
  /** Nobody vouches: From, which our proxy has let through, is his one name. */
  private ofNobody(exchange: Exchange): SourceVerdict {
    const own = deviceKey(exchange.request.from.uri, this.parts.host.domains)
    return this.strangerInCpim(exchange, (key) => key === own) ?? { source: '' }
  }
  /** Its identifier is its one name. */
  private ofApplication(exchange: Exchange, { uri }: Address): SourceVerdict {
    const own = deviceKey(uri, this.parts.host.domains)
    const source = canonical(uri)
    return this.strangerInCpim(exchange, (key) => key === own) ?? { source, payer: source }
  }

  private peerOf({ uri }: Address): PushPeer | undefined {
    const domain = domainOfPushHost(uri.host) ?? uri.host
    return this.parts.peers.find(({ domains }) => domains.includes(domain))
  }
  /**
   * A peer is believed for identifiers with its own flag bits, or with such as it may vouch for.
   * @param visited domain of the network that vouches, where it is not that of the identifier
   */
  private ofPeer({ uri }: Address, own: PushPeer, visited: string | undefined): SourceVerdict {
    const id = domainOfPushHost(uri.host) === undefined ? undefined : pushIdentifier(uri.user)
    const by = visited === undefined ? own : this.parts.peers.find(({ domains }) => domains.includes(visited))
    const believed = visited === undefined ? [...own.flags, ...own.vouches] : (by?.vouches ?? [])
    const isOwn = visited === undefined && (id === undefined || own.flags.length === 0)
    if (isOwn || (id !== undefined && believed.some((bits) => hasFlags(id, bits)))) return { source: canonical(uri) }
    const voucher = visited ?? uri.host
    return {
      refusal: 'peer',
      warning: `${voucher} does not vouch for ${id}; expected flag bits ${believed.join(' or ') || 'of none'}`,
    }
  }
  /** A user of another operator than the asserted one, in From or in that of a CPIM message. */
  private strangerBeside({ request }: Exchange, { uri }: Address): string | undefined {
    const own = this.operatorOf(uri.host)
    const cpim = this.cpimSender(request)
    const named = [request.from.uri, ...(cpim === undefined ? [] : [cpim])]
    const stranger = named.find(({ host }) => {
      const operator = this.operatorOf(host)
      return operator !== undefined && operator !== own
    })
    return stranger?.text
  }
  /** Name of the operator whose host that is, `''` for ours; undefined: nobody whom we know. */
  private operatorOf(host: string): string | undefined {
    const { domains, peers } = this.parts.host
    return domains.includes(host) || isPushHost(host, domains) ? '' : peers.nameOf(host)
  }
  /** The refusal where From of a CPIM message names somebody else than the sender. */
  private strangerInCpim({ request }: Exchange, isOwn: (key: string) => boolean): SourceVerdict | undefined {
    const from = this.cpimSender(request)
    const key = from && deviceKey(from, this.parts.host.domains)
    if (from === undefined || key === undefined || isOwn(key)) return undefined
    return { refusal: 'source', warning: `From in the CPIM message is ${from.text}; expected one of your own identifiers` }
  }
  private cpimSender(request: SipRequest): Uri | undefined {
    const message = cpimIn(codedBodyOf(request))
    const from = message && cpimFrom(message)
    return from === undefined ? undefined : parseUri(from)
  }
}
