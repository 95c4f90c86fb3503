/** Source of a Push (SPEC §5.2): a user of ours by our proxy's word, or a peer's by the word of that peer. */
import { type Address, canonical, type Exchange, H, type Host } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, isNameOf } from '../shared/identifiers/devices.ts'
import { domainOfPushHost, hasFlags, isPushInForce, pushIdentifier } from '../shared/identifiers/push.ts'
import { cpimFrom, cpimType, parseCpim } from './cpim.ts'
import type { PushPeer } from './settings-type.ts'

/** The source, or the token of the refusal and its text. */
type SourceVerdict =
  | { readonly source: string }
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
    if (asserted === undefined) return { source: '' }
    const peer = this.peerOf(asserted)
    if (peer !== undefined) return this.ofPeer(asserted, peer)
    const id = pushIdentifier(asserted.uri.user)
    if (id !== undefined && this.parts.isApplication(id)) return { source: canonical(asserted.uri) }
    const record = await this.parts.subscribers.lookup(asserted.uri)
    const own = record?.push?.find((one) => one.id === id)
    const isElsewhere = record === undefined && id !== undefined && this.parts.fellows.some((bits) => hasFlags(id, bits))
    if (isElsewhere) return { source: canonical(asserted.uri) } // an application's; users have a record
    if (id !== undefined && (own === undefined || !isPushInForce(own, this.parts.host.clock.date())))
      return { refusal: 'source-expired', warning: `the Push identifier ${id} is not in force; expected another one of yours` }
    const stranger = record === undefined ? undefined : this.strangerInCpim(exchange, record)
    if (stranger !== undefined)
      return { refusal: 'source', warning: `From in the CPIM message is ${stranger}; expected one of your own identifiers` }
    return { source: canonical(asserted.uri) }
  }

  private peerOf({ uri }: Address): PushPeer | undefined {
    const domain = domainOfPushHost(uri.host) ?? uri.host
    return this.parts.peers.find(({ domains }) => domains.includes(domain))
  }
  /** A peer is believed for identifiers with its own flag bits, or with such as it may vouch for. */
  private ofPeer({ uri }: Address, { flags, vouches }: PushPeer): SourceVerdict {
    const id = domainOfPushHost(uri.host) === undefined ? undefined : pushIdentifier(uri.user)
    const believed = [...flags, ...vouches]
    if (id === undefined || flags.length === 0 || believed.some((bits) => hasFlags(id, bits))) return { source: canonical(uri) }
    return { refusal: 'peer', warning: `${uri.host} does not vouch for ${id}; expected flag bits ${believed.join(' or ')}` }
  }
  /** From of a CPIM message, where it names somebody else. */
  private strangerInCpim({ request }: Exchange, record: SubscriberRecord): string | undefined {
    if (request.contentType !== cpimType || request.text(H['Content-Encoding']) !== undefined) return undefined
    const message = parseCpim(request.body)
    const from = message === undefined ? undefined : cpimFrom(message)
    const key = from === undefined ? undefined : deviceKey(from, this.parts.host.domains)
    return key === undefined || isNameOf(key, record, this.parts.host.domains) ? undefined : from
  }
}
