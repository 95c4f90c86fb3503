/**
 * The pace of NOTIFYs to one subscriber, for all his subscriptions (SPEC §2.7): so many a second. Each 4 kB of a body count as one
 * more. A NOTIFY beyond the pace waits, and tells the newest state when its turn comes; NOTIFYs to other subscribers do not
 * wait. Of periodic NOTIFYs (min-rate) less is granted the more he asks for (RFC 6446 §5).
 */
import type { Clock } from '../clock.ts'
import type { Rate } from './rate.ts'
import type { SubscriberShare, Waiting } from './subscription-limits.ts'
import { unit } from './subscription-record.ts'

/** NOTIFYs to one subscriber. */
export interface NotifyPace {
  /** A second, in the long run. */
  readonly rate: number
  /** At once, after a pause. */
  readonly burst: number
}

export const usualPace: NotifyPace = { rate: 100, burst: 1000 }
/** Of these, the share that periodic ones may have. */
const periodicShare = 0.2
/** Waiting of one subscriber, from which on he begins nothing more. */
export const waitingAtMost = 1000

/** The cost of one subscriber's periodic NOTIFYs, as asked for. */
interface Periodic {
  /** NOTIFYs a second of each. */
  readonly each: Map<Waiting, number>
  sum: number
}

export class Pace {
  /** NOTIFYs that had to wait. */
  held = 0
  private readonly clock: Clock
  /** Milliseconds that one NOTIFY costs, that may be owed before it, and that are ever owed. */
  private cost = 0
  private burst = 0
  private most = 0
  private periodicRate = 0
  private readonly periodic = new Map<SubscriberShare, Periodic>()
  /** The NOTIFY whose turn it is. */
  private serving: Waiting | undefined

  constructor(clock: Clock, pace: NotifyPace = usualPace) {
    this.clock = clock
    this.limit(pace)
  }
  /** From now on. */
  limit({ rate, burst }: NotifyPace = usualPace): void {
    this.cost = 1000 / rate
    this.burst = (burst - 1) * this.cost
    this.most = 2 * burst * this.cost
    this.periodicRate = rate * periodicShare
  }
  /** False: it stands in line, and is resumed in its turn. @param share undefined: nobody's, and never held back */
  admits(share: SubscriberShare | undefined, one: Waiting, now: number): boolean {
    if (share === undefined || this.serving === one) return true
    if (share.line === undefined && share.paidAt - now <= this.burst) return true
    if (share.line === undefined) {
      share.line = new Set()
      this.arm(share)
    }
    if (!share.line.has(one)) this.held++
    share.line.add(one)
    return false
  }
  /**
   * A NOTIFY with so long a body leaves. NOTIFYs that nothing holds back make no debt beyond twice the burst.
   * @param now whole milliseconds
   */
  spend(share: SubscriberShare | undefined, bytes: number, now: number): void {
    if (share === undefined) return
    const paidAt = Math.max(share.paidAt, now) + (1 + Math.floor(bytes / unit)) * this.cost
    share.paidAt = Math.min(paidAt, now + this.most)
  }
  /** Whether its subscriber has so much to come that he begins nothing more. */
  isFull(share: SubscriberShare | undefined): boolean {
    return share?.line !== undefined && share.line.size >= waitingAtMost
  }
  /** It waits no more, and asks for nothing. */
  leave(share: SubscriberShare | undefined, one: Waiting): void {
    if (share === undefined) return
    share.line?.delete(one)
    if (this.periodic.size > 0) this.claim(share, one, Number.POSITIVE_INFINITY)
  }
  /** It asks for a NOTIFY in so many milliseconds; Infinity: only on change. */
  claim(share: SubscriberShare | undefined, one: Waiting, period: number): void {
    const asked = 1000 / period
    if (share === undefined || (asked === 0 && this.periodic.size === 0)) return
    let all = this.periodic.get(share)
    if (all === undefined) {
      if (asked === 0) return
      this.periodic.set(share, (all = { each: new Map(), sum: 0 }))
    }
    all.sum += asked - (all.each.get(one) ?? 0)
    if (asked > 0) all.each.set(one, asked)
    else all.each.delete(one)
    if (all.each.size === 0) this.periodic.delete(share)
  }
  /** The part of it that is granted now. */
  granted(share: SubscriberShare | undefined, asked: Rate): Rate {
    if (share === undefined || asked.period === Number.POSITIVE_INFINITY) return asked
    const sum = this.periodic.get(share)?.sum ?? 0
    return sum <= this.periodicRate ? asked : { ...asked, period: (asked.period * sum) / this.periodicRate }
  }

  private arm(share: SubscriberShare): void {
    const wait = share.paidAt - this.burst - this.clock.now()
    this.clock.after(Math.max(1, Math.ceil(wait)), () => this.serve(share))
  }
  private serve(share: SubscriberShare): void {
    const { line } = share
    if (line === undefined) return
    try {
      for (const waiting of line) {
        if (share.paidAt - this.clock.now() > this.burst) break
        line.delete(waiting)
        this.serving = waiting
        waiting.resume()
      }
    } finally {
      this.serving = undefined
      if (line.size > 0) this.arm(share)
      else share.line = undefined
    }
  }
}
