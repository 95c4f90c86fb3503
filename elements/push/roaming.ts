/** Roaming at a Push server (SPEC §5.1): as visited server it asks a home, and follows the Path that its own registrations have. */
import { type Exchange, H, type Host } from '../../signalling/index.ts'
import { domainOfPushHost } from '../shared/identifiers/push.ts'
import { visitedNetworkHeader, visitedNetworkOf } from '../shared/identifiers/visited-network.ts'
import type { PushPeer } from './settings-type.ts'

export class RoamingAgreements {
  private readonly host: Host
  private readonly peers: readonly PushPeer[]

  constructor(host: Host, peers: readonly PushPeer[]) {
    this.host = host
    this.peers = peers
  }

  isAgreedWith(domain: string): boolean {
    return this.peers.some(({ domains, roaming }) => roaming === true && domains.includes(domain))
  }
  noAgreement(domain: string): string {
    return `roaming: no agreement between ${this.host.domains[0]} and ${domain.slice(0, 40)}`
  }

  /** A REGISTER of another operator's user to his home, with this server in its Path. */
  passOn(exchange: Exchange): void {
    const { request } = exchange
    const { domains } = this.host
    const home = domainOfPushHost(request.uri.host) ?? request.uri.host
    if (!this.isAgreedWith(home)) {
      this.host.count('refused_roaming')
      return exchange.reply(403, { warning: this.noAgreement(home) })
    }
    const path = [`<sip:${this.host.name}@${domains[0]};lr>`, ...request.list(H.Path)]
    this.host.count('registrations_passed_on')
    exchange.forward(
      { uri: request.uriText },
      { headers: [...path.map((value) => ['Path', value] as const), [visitedNetworkHeader, visitedNetworkOf(domains[0]!)]] },
    )
  }

  /** Whether a request follows a Path through this server: no flag bits are read again. */
  isOnPath({ flow, ownRoutes, routes }: Exchange): boolean {
    return flow.trusted && ownRoutes.length + routes.length > 1
  }
  follow(exchange: Exchange): void {
    const { ownRoutes, request } = exchange
    this.host.count('deliveries_passed_on')
    exchange.forward({ uri: request.uriText, route: ownRoutes.slice(1).map(({ uri }) => `<${uri.text}>`) })
  }
}
