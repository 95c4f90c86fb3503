/**
 * Limits of the subscriptions held for identities of one peer's domains (SPEC §2.7). A peer may assert any number of
 * identities, so that limits of each subscriber alone would bound nothing.
 */

/** Numbers of subscriptions that the users of one peer hold together. */
export interface PeerLimits {
  /** Default 10,000; as many fetches. */
  readonly subscriptions?: number | undefined
  /** Of them those that wait to be allowed. Default 1,000. */
  readonly pending?: number | undefined
}

/** Other operators, as their shares know them. */
export interface NamedPeers {
  /** Name of the peer that has a domain. */
  nameOf(domain: string): string | undefined
}

/** The subscription as its peer's share counts it. */
interface PeerSubscription {
  readonly subscriber: string
  readonly fetch: boolean
  readonly pending?: boolean
}

/** Of one peer. */
interface PeerShare {
  standing: number
  fetching: number
  readonly pending: Set<PeerSubscription>
}

const usual = { subscriptions: 10_000, pending: 1_000 }

export class PeerShares {
  limits: PeerLimits
  private readonly peers: NamedPeers | undefined
  private readonly shares = new Map<string, PeerShare>()

  constructor(peers: NamedPeers | undefined, limits: PeerLimits = {}) {
    this.peers = peers
    this.limits = limits
  }
  /** Whether one more is refused: by their number, or by that of those which wait. Undefined: it is not. */
  fullBy(one: PeerSubscription): 'subscriptions' | 'pending' | undefined {
    const share = this.shareOf(one)
    if (share === undefined) return undefined
    const { subscriptions = usual.subscriptions, pending = usual.pending } = this.limits
    if ((one.fetch ? share.fetching : share.standing) >= subscriptions) return 'subscriptions'
    return one.pending === true && share.pending.size >= pending ? 'pending' : undefined
  }
  take(one: PeerSubscription): void {
    const name = this.peerOf(one)
    if (name === undefined) return
    let share = this.shares.get(name)
    if (share === undefined) this.shares.set(name, (share = { standing: 0, fetching: 0, pending: new Set() }))
    if (one.fetch) share.fetching++
    else share.standing++
    if (one.pending === true) share.pending.add(one)
  }
  give(one: PeerSubscription): void {
    const share = this.shareOf(one)
    if (share === undefined) return
    if (one.fetch) share.fetching--
    else share.standing--
    share.pending.delete(one)
  }
  /** It waits no more, or again. */
  authorised(one: PeerSubscription): void {
    const share = this.shareOf(one)
    if (one.pending === true) share?.pending.add(one)
    else share?.pending.delete(one)
  }
  private shareOf(one: PeerSubscription): PeerShare | undefined {
    const name = this.peerOf(one)
    return name === undefined ? undefined : this.shares.get(name)
  }
  private peerOf({ subscriber }: PeerSubscription): string | undefined {
    return this.peers?.nameOf(subscriber.slice(Math.max(subscriber.lastIndexOf('@'), subscriber.indexOf(':')) + 1))
  }
}
