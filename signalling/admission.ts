/**
 * Overload control: which requests that begin something are let in, judged by how late we read them. What is under way or
 * is only renewed goes on; responses and whatever has a transaction already never come here.
 */
import type { Clock, Timed } from './clock.ts'
import type { Ids } from './ids.ts'
import type { SipRequest } from './messages/message.ts'
import { H } from './messages/names.ts'

export interface AdmissionOptions {
  readonly clock: Clock
  readonly ids: Ids
  /** Milliseconds that a message has waited, or has waited so far, before we read it. Asked every 50 ms while it matters. */
  readonly lag: () => number
}

const every = 50 // ms between two looks
const arrivalsToWatch = 64 // new requests; a quiet node is not watched, and not woken
const arrivalsThatCount = 32 // between two looks; with fewer it is not they that make us late, and refusing them helps nobody
const target = 40 // ms of lag that do no harm
const drain = 400 // ms in which a lag beyond that shall go
const severe = 1000 // ms of lag: now even what is under way is halved
const least = 0.01

export class Admission implements Timed {
  /** Of the requests that begin something, 0.01 to 1. */
  share = 1
  /** Milliseconds: the least of the last three looks, since what a pause has kept waiting is soon done. */
  lag = 0
  private readonly options: AdmissionOptions
  private readonly looks: [number, number, number] = [0, 0, 0]
  private arrivals = 0
  private watching = false
  private due = 0
  private sequence = 0

  constructor(options: AdmissionOptions) {
    this.options = options
  }
  /** Whether a request without a transaction gets one. */
  admits(request: SipRequest): boolean {
    if (++this.arrivals >= arrivalsToWatch && !this.watching) this.watch()
    if (this.share === 1) return true
    if (standing(request)) return this.lag < severe || this.options.ids.fraction() < 0.5
    return this.options.ids.fraction() < this.share
  }
  /** Seconds after which one that was refused may come again: spread, so that they do not come together. */
  retryAfter(): number {
    return 1 + Math.floor(this.options.ids.fraction() * 5)
  }
  /** What a peer that offers `oc` is told in the Via of each response (RFC 7339 §4, §5.10). */
  feedback(): string {
    const { clock } = this.options
    const loss = Math.round((1 - this.share) * 100)
    return `;oc=${loss};oc-algo="loss";oc-validity=500;oc-seq=${Math.floor(clock.date() / 1000)}.${++this.sequence}`
  }
  private watch(): void {
    this.watching = true
    this.due = this.options.clock.now() + every
    this.options.clock.after(every, this)
  }
  /** One look, while there is something to see. */
  expire(): void {
    const late = this.options.clock.now() - this.due // what keeps a timer waiting keeps messages waiting
    const before = this.lag
    this.looks.shift()
    const seen = Math.max(late, this.options.lag())
    this.looks.push(this.arrivals < arrivalsThatCount ? 0 : seen)
    this.lag = Math.min(...this.looks)
    this.adjust((this.lag - before) / (every + late))
    const idle = this.arrivals < arrivalsToWatch && this.share === 1 && Math.max(...this.looks) < target
    this.arrivals = 0
    this.watching = false
    if (!idle) this.watch()
  }
  /**
   * A lag that grows by `slope` (ms a ms) says that 1 + slope times what we can do comes in: the share follows from that
   * and from the slope that is wanted. By the square root, since a lag tells of what was let in a while ago.
   */
  private adjust(slope: number): void {
    const wanted = Math.max(-0.5, Math.min(0.2, (target - this.lag) / drain))
    const factor = Math.sqrt((1 + wanted) / (1 + Math.max(-0.5, slope)))
    this.share = Math.min(1, Math.max(least, this.share * factor))
  }
}

/** Of a dialog, or the renewal of what is held: dropping it would cost more than it saves. */
function standing(request: SipRequest): boolean {
  if (request.toTag !== '') return true
  if (request.method === 'REGISTER') return request.find(H.Authorization) >= 0
  return request.method === 'PUBLISH' && request.has('SIP-If-Match')
}
