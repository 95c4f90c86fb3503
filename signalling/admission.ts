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
  /** How much of the time since it was last asked we were busy, 0 to 1. Asked as often. */
  readonly busy: () => number
}

const every = 50 // ms between two looks
const arrivalsToWatch = 64 // new requests; a quiet node is not watched, and not woken
const arrivalsThatCount = 32 // between two looks; with fewer it is not they that make us late, and refusing them helps nobody
const target = 40 // ms of lag that do no harm
const drain = 400 // ms in which a lag beyond that shall go
const severe = 500 // ms of lag: refusing what is new was not enough, so it is not only that which makes us late
const least = 0.01
const spare = 0.9 // busy for less of the time, and not late: more can be let in
const answered = 1.1 // of what is let in of datagrams, so much is read: the part above 1 is refused in words, the rest is not worth it

export class Admission implements Timed {
  /** Of the requests that begin something, 0.01 to 1. */
  share = 1
  /** Milliseconds: the least of the last three looks, since what a pause has kept waiting is soon done. */
  lag = 0
  private readonly options: AdmissionOptions
  private readonly looks: [number, number, number] = [0, 0, 0]
  /** Of what is under way or renewed, or says so: a tag costs nothing to make up. Below 1 only where refusing all else is not enough. */
  private standingShare = 1
  private arrivals = 0
  private watching = false
  private due = 0
  private sequence = 0

  constructor(options: AdmissionOptions) {
    this.options = options
  }
  /** Whether a request without a transaction gets one. `sifted`: it has come past `drops`. */
  admits(request: SipRequest, sifted = false): boolean {
    if (++this.arrivals >= arrivalsToWatch && !this.watching) this.watch()
    if (this.share === 1 && this.standingShare === 1) return true
    if (standing(request)) return sifted || this.standingShare === 1 || this.options.ids.fraction() < this.standingShare
    return this.options.ids.fraction() < (sifted ? this.share / this.read : this.share)
  }
  /**
   * Whether a datagram goes unread: far beyond what we can do, every refusal is taken from what could be done, and who sends
   * over UDP sends again, ever more rarely (RFC 3261 §17.1.2.2). First what by its first bytes begins something; responses never.
   */
  drops(bytes: Buffer): boolean {
    if ((this.share === 1 && this.standingShare === 1) || isResponse(bytes)) return false
    const share = seemsNew(bytes) ? this.read : this.standingShare
    if (share === 1 || this.options.ids.fraction() < share) return false
    this.arrivals++
    return true
  }
  /** Of the datagrams that begin something, how many are read. */
  private get read(): number {
    return Math.min(1, this.share * answered)
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
    const busy = this.options.busy()
    if (seen < target && busy < spare) this.share = Math.min(1, (this.share * spare) / Math.max(busy, spare / 2))
    else this.adjust((this.lag - before) / (every + late))
    if (this.lag >= severe) this.standingShare = Math.max(least, this.standingShare * 0.7)
    else if (seen < target) this.standingShare = Math.min(1, this.standingShare * 1.25)
    const idle =
      this.arrivals < arrivalsToWatch && this.share === 1 && this.standingShare === 1 && Math.max(...this.looks) < target
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

const tag = Buffer.from('tag=')
const proof = Buffer.from('Authorization')
const entity = Buffer.from('SIP-If-Match')

/** `SIP/2.0 …` */
function isResponse(bytes: Buffer): boolean {
  return bytes[0] === 0x53 && bytes[1] === 0x49
}

/** As `standing`, without reading more than has to be: no response, nothing that belongs to a transaction, dialog or renewal. */
function seemsNew(bytes: Buffer): boolean {
  switch (bytes[0]) {
    case 0x49: // INVITE, INFO
    case 0x4d: // MESSAGE
    case 0x4f: // OPTIONS
      return !inDialog(bytes)
    case 0x50: // PUBLISH, not PRACK
      return bytes[1] === 0x55 && !bytes.includes(entity)
    case 0x52: // REGISTER, REFER
      return !bytes.includes(proof) && !inDialog(bytes)
    case 0x53: // SUBSCRIBE, not SIP/2.0
      return bytes[1] === 0x55 && !inDialog(bytes)
    default:
      return false
  }
}

/** From and To have tags. */
function inDialog(bytes: Buffer): boolean {
  const first = bytes.indexOf(tag)
  return first >= 0 && bytes.includes(tag, first + tag.length)
}
