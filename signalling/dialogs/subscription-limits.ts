/**
 * Limits of the subscriptions that each subscriber holds, and of the NOTIFYs that he is sent. None of them can take the
 * memory of all, nor the time.
 */
import type { Clock } from '../clock.ts'
import type { PeerShares } from './peer-limits.ts'

export const usualLimit = 10_000
/** Subscriptions of one subscriber to one resource of one package: all of them are told at once when it changes. */
export const ofOneResource = 250

/** The subscription as its share counts it. */
interface CountedSubscription {
  readonly subscriber: string
  readonly element: string
  readonly package: string
  readonly resource: string
  /** It holds nothing but until its one NOTIFY is answered: fetches have a limit of their own, as high. */
  readonly fetch: boolean
  /** It waits to be allowed. */
  readonly pending?: boolean
}

/** A NOTIFY that may have to wait. */
export interface Waiting {
  /** Its turn has come: it goes now, or not in this turn. */
  resume(): void
}

/** Of one subscriber. Small, since most hold one subscription. */
export class SubscriberShare {
  /** Places taken. */
  standing = 0
  fetching = 0
  /** Milliseconds of the clock at which all that was sent is paid for. */
  paidAt = 0
  /** NOTIFYs that wait until more is paid for, first come first; undefined: none waits. */
  line: Set<Waiting> | undefined = undefined
}

const sweptEvery = 1000 // milliseconds

export class SubscriberShares {
  limit: number
  private readonly clock: Clock
  private readonly peers: PeerShares | undefined
  private readonly all: (() => Iterable<CountedSubscription>) | undefined
  private readonly shares = new Map<string, SubscriberShare>()
  /** Of subscribers who hold nothing, and have yet to pay. */
  private readonly owing = new Set<string>()
  private sweptAt = 0
  /** Subscriber -> resource -> number of subscriptions, for subscribers that hold many. */
  private readonly crowds = new Map<string, Map<string, number>>()

  /**
   * @param all all subscriptions now; left out: only the sum is bounded
   * @param peers shares of whole operators, which count them too
   */
  constructor(clock: Clock, limit = usualLimit, all?: () => Iterable<CountedSubscription>, peers?: PeerShares) {
    this.peers = peers
    this.clock = clock
    this.limit = limit
    this.all = all
  }
  get size(): number {
    return this.shares.size
  }
  of(subscriber: string): SubscriberShare | undefined {
    return this.shares.get(subscriber)
  }
  /** Whether one more is refused. @param weight places that it takes in its subscriber's share */
  isFull(one: CountedSubscription, weight = 1): boolean {
    const share = this.shares.get(one.subscriber)
    const count = (one.fetch ? share?.fetching : share?.standing) ?? 0
    if (count + weight > this.limit) return true
    if (one.fetch || count < ofOneResource || this.all === undefined) return false
    return (this.crowdOf(one.subscriber, this.all).get(resourceOf(one)) ?? 0) >= ofOneResource
  }
  take(one: CountedSubscription, weight = 1): SubscriberShare {
    let share = this.shares.get(one.subscriber)
    if (share === undefined) this.shares.set(one.subscriber, (share = new SubscriberShare()))
    if (one.fetch) share.fetching += weight
    else share.standing += weight
    this.count(one, 1)
    this.peers?.take(one)
    return share
  }
  give(one: CountedSubscription, weight = 1): void {
    const share = this.shares.get(one.subscriber)
    if (share === undefined) return
    if (one.fetch) share.fetching -= weight
    else share.standing -= weight
    this.count(one, -1)
    this.peers?.give(one)
    if (share.standing < ofOneResource / 2) this.crowds.delete(one.subscriber)
    if (share.standing + share.fetching <= 0) this.leave(one.subscriber, share)
  }
  /** A subscriber with a debt is remembered: it is not lost by holding nothing for a moment. */
  private leave(subscriber: string, { paidAt }: SubscriberShare): void {
    const now = this.clock.now()
    if (paidAt <= now) this.shares.delete(subscriber)
    else this.owing.add(subscriber)
    if (this.owing.size === 0 || now - this.sweptAt < sweptEvery) return
    this.sweptAt = now
    for (const each of this.owing) {
      const share = this.shares.get(each)
      const holds = share !== undefined && share.standing + share.fetching > 0
      if (!holds && share !== undefined && share.paidAt > now) continue
      this.owing.delete(each)
      if (!holds) this.shares.delete(each)
    }
  }
  private count(one: CountedSubscription, by: number): void {
    const crowd = one.fetch ? undefined : this.crowds.get(one.subscriber)
    if (crowd !== undefined) add(crowd, resourceOf(one), by)
  }
  private crowdOf(subscriber: string, all: () => Iterable<CountedSubscription>): Map<string, number> {
    let crowd = this.crowds.get(subscriber)
    if (crowd === undefined) {
      crowd = new Map()
      for (const each of all()) if (each.subscriber === subscriber) add(crowd, resourceOf(each), 1)
      this.crowds.set(subscriber, crowd)
    }
    return crowd
  }
}

function resourceOf({ element, package: name, resource }: CountedSubscription): string {
  return `${element}/${name}/${resource}`
}
function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
