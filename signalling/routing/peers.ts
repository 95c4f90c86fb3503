/** Peers of a network: other operators, each believed for identities of its own domains alone (SPEC §2.5). */

import type { Address } from '../messages/address.ts'
import type { SipRequest } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import { printHostPort } from '../messages/uri.ts'
import type { PeerOperators } from '../peer-operators.ts'
import type { FlowTable } from '../transports/flows.ts'
import type { Flow, HostPort } from '../transports/transport.ts'
import type { PlanRule } from './plan.ts'

/** Another operator, by agreement. Its datagrams come from its addresses; over TLS its certificate names one of its domains. */
export interface PeerOperator {
  readonly name: string
  /** Lower case. */
  readonly domains: readonly string[]
  /** Further hosts of its users and elements, in lower case. */
  readonly hosts?: readonly string[]
  /** Hosts of others, in lower case, for whose users it may vouch: those who roam in its network. */
  readonly vouches?: readonly string[]
  /** Sources of its datagrams; the first gets ours. None: it is looked up by its domain. */
  readonly addresses: readonly HostPort[]
}

export class Peers implements PeerOperators {
  private readonly flows: Pick<FlowTable, 'to'>
  private readonly byDomain = new Map<string, PeerOperator>()
  private readonly byAddress = new Map<string, PeerOperator>()

  constructor(peers: readonly PeerOperator[], flows: Pick<FlowTable, 'to'>) {
    this.flows = flows
    for (const peer of peers) {
      for (const host of hostsOf(peer)) this.byDomain.set(host, peer)
      for (const { host, port } of peer.addresses) this.byAddress.set(`${host}:${port}`, peer)
    }
  }
  get isAny(): boolean {
    return this.byDomain.size > 0
  }
  has(host: string): boolean {
    return this.byDomain.has(host)
  }
  flowTo(host: string): Flow | undefined {
    const at = this.byDomain.get(host)?.addresses[0]
    return at && this.flows.to('UDP', at)
  }
  isAt(flow: Flow): boolean {
    if (this.byDomain.size === 0) return false // asked for each message in a dialog, by most networks for nothing
    return this.nameAt(flow) !== undefined
  }
  nameAt(flow: Flow): string | undefined {
    return this.peerAt(flow)?.name ?? (flow.askedName === undefined ? undefined : this.nameOf(flow.askedName))
  }
  domainAt(flow: Flow): string | undefined {
    const peer = this.peerAt(flow) ?? (flow.askedName === undefined ? undefined : this.byDomain.get(flow.askedName))
    return peer?.domains[0]
  }
  nameOf(host: string): string | undefined {
    return this.byDomain.get(host)?.name
  }
  /**
   * The identity for which the peer of a flow vouches, where it may vouch for all that it asserts. A number may stand beside it.
   * A peer that asserts anything else is a stranger.
   */
  asserted(request: SipRequest, flow: Flow): Address | undefined {
    if (this.byDomain.size === 0 || flow.trusted) return undefined
    const peer = this.peerAt(flow)
    if (peer === undefined) return undefined
    const { asserted } = request
    if (asserted.length < request.list(H['P-Asserted-Identity']).length) return undefined // one of them is no address
    const named = asserted.filter(({ uri }) => uri.scheme !== 'tel')
    const isIts = (host: string): boolean => this.byDomain.get(host) === peer || peer.vouches?.includes(host) === true
    return named.every(({ uri }) => isSip(uri.scheme) && isIts(uri.host)) ? named[0] : undefined
  }
  private peerAt({ reliable, remote, domains }: Flow): PeerOperator | undefined {
    if (!reliable) return this.byAddress.get(`${remote.host}:${remote.port}`)
    for (const domain of domains ?? []) if (this.byDomain.has(domain)) return this.byDomain.get(domain)
    return undefined
  }
}

function hostsOf({ domains, hosts = [] }: PeerOperator): readonly string[] {
  return [...domains, ...hosts]
}

function isSip(scheme: string): boolean {
  return scheme === 'sip' || scheme === 'sips'
}

interface PeeringPlan {
  readonly peers?: readonly PeerOperator[]
  readonly proxy?: string
  /** Of the whole network, by name. */
  readonly elements: ReadonlyMap<string, unknown>
}

/** Rules by which requests for peers' domains leave: those of our elements through the proxy, which sends them to the peer. */
export function rulesOfPeers({ peers = [], proxy, elements }: PeeringPlan): readonly PlanRule[] {
  if (proxy === undefined) return []
  const inside = ['trusted', ...[...elements.keys()].filter((name) => name !== proxy)]
  return peers.flatMap((peer): readonly PlanRule[] => {
    const { name, domains } = peer
    const at = peer.addresses[0]
    const rule = { name: `peer ${name}`, line: 0, host: hostsOf(peer) }
    const leaving = { ...rule, from: inside, to: proxy }
    if (at !== undefined) return [leaving, { ...rule, from: proxy, to: `sip:${printHostPort(at)}` }]
    // looked up by its domain, whatever the Request-URI says of ports and transports, and met by its certificate
    const leadTo = (domain: string, host: readonly string[]): PlanRule => ({ ...rule, host, from: proxy, to: `sips:${domain}` })
    const [home, ...others] = domains
    return [leaving, leadTo(home!, [home!, ...(peer.hosts ?? [])]), ...others.map((domain) => leadTo(domain, [domain]))]
  })
}
