/** Options of a node, and the part of them that may change while it runs. */
import type { Tap, TransportName } from '../capture/tap.ts'
import type { Clock } from '../clock.ts'
import type { OtherNode } from '../cluster/placement.ts'
import type { PeerLimits } from '../dialogs/peer-limits.ts'
import type { Element } from '../element.ts'
import type { Ids } from '../ids.ts'
import type { Log } from '../log.ts'
import type { MessageLimits } from '../messages/scan.ts'
import type { OutboundHttp } from '../outbound-http.ts'
import type { RateSettings } from '../overload/rate-limit.ts'
import type { PeerOperator } from '../routing/peers.ts'
import type { Plan } from '../routing/plan.ts'
import type { Store } from '../storage/store.ts'
import type { TransactionTiming } from '../transactions/timing.ts'
import type { ConnectionSettings } from '../transports/connection-limits.ts'
import type { Resolver } from '../transports/dns.ts'
import type { MachineAddresses } from '../transports/machine-addresses.ts'
import type { MemoryNetwork } from '../transports/memory.ts'
import type { HostPort, TlsMaterial } from '../transports/transport.ts'
import type { UdpKind } from '../transports/udp.ts'

export interface ListeningOptions extends HostPort {
  readonly transport: TransportName
  /** The address that messages give for us, for peers beyond an address translation; port 0: the same as ours. */
  readonly advertise?: HostPort
}

export interface NodeOptions {
  readonly name: string
  readonly plan: Plan
  readonly elements: readonly Element[]
  readonly listen: readonly ListeningOptions[]
  readonly domains: readonly string[]
  /** IP addresses of peers whose P-Asserted-Identity counts (SPEC §2.5), and domains that peers prove by certificate over TLS. */
  readonly trusted: readonly string[]
  /** Other nodes of the network: trusted for datagrams from where they listen, and known by name to the plan. */
  readonly otherNodes?: readonly OtherNode[]
  /** Other operators, by agreement: believed for identities of their own domains alone. */
  readonly peers?: readonly PeerOperator[]
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly tap?: Tap
  readonly limits?: MessageLimits
  readonly timing?: TransactionTiming
  /** New requests of one source address that is not trusted, and no peer's; no limit if left out. */
  readonly sourceRate?: RateSettings
  /** Subscriptions of one subscriber at most; default 10,000. */
  readonly subscriptions?: number
  /** Subscriptions of all users of one peer together; default 10,000, of which 1,000 may wait to be allowed. */
  readonly peerSubscriptions?: PeerLimits | undefined
  /** NOTIFYs to one subscriber, each 4 kB of a body counting as one more; the rest waits. Default 100 a second, 1,000 at once. */
  readonly notifies?: RateSettings
  /** Sessions of the elements at most, those included that ended up to 32 s ago; default 10,000. */
  readonly sessions?: number | undefined
  /** Limits of peers' connections, in time and number. */
  readonly connections?: ConnectionSettings
  /** Looks up host names (RFC 3263); without one only addresses are sent to. */
  readonly resolver?: Resolver
  /** HTTP to servers outside the network; left out: none is called. */
  readonly http?: OutboundHttp
  /** Of TLS and WSS addresses. */
  readonly tls?: TlsMaterial
  /** Implementation of UDP; default `auto`: the native module where this machine has it. */
  readonly udp?: UdpKind
  /** The machine's addresses, where we listen on any; default: this machine's. */
  readonly addresses?: MachineAddresses
  /** The network in which `MEM` addresses listen. */
  readonly network?: MemoryNetwork
}

/** Options that may change while a node runs. `resolver`: left out, the one before stays, with all its answers. */
export type RenewableOptions = Pick<
  NodeOptions,
  'plan' | 'sourceRate' | 'subscriptions' | 'peerSubscriptions' | 'notifies' | 'connections' | 'resolver'
>

/** Limits of the subscriptions that elements of the node serve, as their table has them. */
export function subscriptionLimitsOf({ subscriptions, peerSubscriptions, notifies }: NodeOptions): {
  readonly limit?: number | undefined
  readonly peerLimits: PeerLimits | undefined
  readonly notifies: RateSettings | undefined
} {
  return { ...(subscriptions === undefined ? {} : { limit: subscriptions }), peerLimits: peerSubscriptions, notifies }
}
