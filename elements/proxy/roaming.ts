/** Users who roam (SPEC §5.1): those of others here, who are known by what their home has answered, and ours elsewhere. */
import { type Address, type Exchange, H, type Host, parseAddress, tokenOfRoute } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, isNameOf } from '../shared/identifiers/devices.ts'
import { isPushHost } from '../shared/identifiers/push.ts'
import type { KnownSender } from './authentication.ts'
import { claimedIdentityOf } from './claim.ts'
import type { Crossing } from './crossing.ts'
import { type HiddenContacts, isHiddenPath, registrationAt } from './hidden-contacts.ts'
import type { PushClients } from './push-clients.ts'

interface RoamingParts {
  readonly host: Host
  readonly clients: PushClients
  readonly hidden: HiddenContacts
  readonly subscribers: Subscribers
  readonly crossing: Crossing
}

const notHere = 'source: From is of another operator, and not registered here; expected to register at your home first'
const notThere = 'peer: that identifier is not registered through your network; expected a REGISTER first'
const noSuchPath = 'no such Path of yours; expected the one that a registration had'

export class Roaming {
  private readonly parts: RoamingParts

  constructor(parts: RoamingParts) {
    this.parts = parts
  }

  /**
   * The sender of a Push who is another operator's, by his live registration through this proxy; undefined: he has none, and
   * is told 403.
   */
  visitor(exchange: Exchange): KnownSender | undefined {
    const { clients, host } = this.parts
    const name = deviceKey(exchange.request.from.uri, host.domains)
    const client = name === undefined ? undefined : clients.behind(exchange.flow, name)
    if (client === undefined || client.subscriber !== undefined) {
      exchange.reply(403, { warning: notHere })
      host.count('refused_visitors')
      return undefined
    }
    return { identity: client.identifier, visitor: true }
  }
  /** Whether a Push names a user of another operator in From, and comes from no operator. */
  isOfVisitor({ flow, request }: Exchange): boolean {
    const { peers } = this.parts.host
    return !flow.trusted && peers.has(request.from.uri.host) && !peers.isAt(flow)
  }

  /** Whether a peer asserts an identity for which it may not vouch. */
  isVouchedInVain({ flow, request }: Exchange): boolean {
    return !flow.trusted && request.find(H['P-Asserted-Identity']) >= 0 && this.parts.host.peers.isAt(flow)
  }
  refuseVoucher(exchange: Exchange): void {
    this.parts.host.count('refused_vouchers')
    exchange.reply(403, { warning: 'peer: your network does not vouch for that identity; expected one of your own users' })
  }

  /** Whether a peer vouches for a user of another operator, who is to be in its network. */
  isOfAnother({ flow }: Exchange, { uri }: Address): boolean {
    const { peers } = this.parts.host
    return peers.nameOf(uri.host) !== peers.nameAt(flow)
  }
  isOfOurs({ uri }: Address): boolean {
    return isPushHost(uri.host, this.parts.host.domains)
  }
  /** The user of ours for whom a peer vouches; undefined: he is not there, and the peer is told 403. */
  async ofOurs(exchange: Exchange, { uri }: Address): Promise<KnownSender | undefined> {
    const { clients, host, subscribers } = this.parts
    const identity = deviceKey(uri, host.domains)!
    const peer = host.peers.nameAt(exchange.flow)!
    const record = clients.isThrough(peer, identity) ? await subscribers.of(identity) : undefined
    if (record === undefined || !this.isFrom(exchange, record)) {
      exchange.reply(403, { warning: notThere })
      host.count('refused_roamers')
      return undefined
    }
    return { identity, peer: true, visited: host.peers.domainAt(exchange.flow)! }
  }
  private isFrom(exchange: Exchange, record: SubscriberRecord): boolean {
    const { domains } = this.parts.host
    const { key } = claimedIdentityOf(exchange, this.parts.host)
    return key !== undefined && isNameOf(key, record, domains)
  }

  /** Whether a request from a peer follows a Path that was sealed here. */
  isDelivery({ flow, ownRoutes }: Exchange): boolean {
    return ownRoutes.length > 0 && isHiddenPath(ownRoutes[0]!.uri) && this.parts.host.peers.isAt(flow)
  }
  /** To a client here by the Path that its home was given: Push server, proxy, client. */
  deliver(exchange: Exchange): void {
    const { crossing, hidden, host } = this.parts
    const { asserted, ownRoutes, request } = exchange
    const dialog = registrationAt(host.peers.nameAt(exchange.flow))
    const uri = hidden.reveal('rc', request.uri.user, dialog)
    const route = ownRoutes.map((each) => hidden.reveal('pt', each.uri.user, dialog))
    if (request.method !== 'MESSAGE' || uri === undefined || route.includes(undefined) || !this.leadsToFlow(route.at(-1)))
      return exchange.reply(403, { warning: noSuchPath })
    exchange.forward(
      { uri, route: route.filter((value) => value !== undefined) },
      {
        asserted: asserted?.uri.text ?? '',
        drop: ['Remote-Party-ID', 'P-Visited-Network-ID', 'P-Asserted-Service'],
        answerHeaders: crossing.answering(exchange),
      },
    )
  }
  /** Whether a Path ends at a flow of ours: half of one would lead to whoever the Contact names. */
  private leadsToFlow(value: string | undefined): boolean {
    const token = value === undefined ? undefined : tokenOfRoute(parseAddress(value)?.uri.user ?? '')
    return token !== undefined && this.parts.host.flows.isSealed(token)
  }
}
