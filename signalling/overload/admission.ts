/**
 * Overload control. When datagrams are read late, new requests wait in a line behind the work under way. They get the
 * time that it leaves, so the node is busy with as much as it can do, whatever is offered. The line is as long as
 * what can be done in a moment. A connection on which more comes is not read meanwhile; a datagram that finds no
 * room is turned away. Responses always pass, and requests that have a transaction already are not counted.
 */

import type { Clock, TimerOwner } from '../clock.ts'
import type { Ids } from '../ids.ts'
import type { SipRequest } from '../messages/message.ts'
import type { Flow } from '../transports/transport.ts'
import { isResponse, isStanding, seemsNew } from './new-requests.ts'
import { WaitingLine, type WaitingRequest } from './waiting-line.ts'

interface AdmissionOptions {
  readonly clock: Clock
  readonly ids: Ids
  /** Milliseconds that a message has waited, or has waited so far, before we read it. Asked every 50 ms while it matters. */
  readonly lag: () => number
  /** Tells the transports how many new datagrams have room; more are not handed to us (`Transport.ration`). */
  readonly ration: (newRequests: number) => number
  /** Serves a datagram or request whose turn it is; `admits` is not asked about it again. */
  readonly serve: (waiting: WaitingRequest, flow: Flow) => void
}

const every = 50 // ms between two looks
const arrivalsToWatch = 64 // new requests; below it a node is quiet, and no timer wakes it
const arrivalsThatCount = 32 // new requests between two looks; fewer are not the reason for the lag, and refusing them helps nobody
const heavyInLine = 8 // requests that find room at least, where a few slow ones cause the lag
const worthALook = 20 // ms of work, at a stretch or in sum
const target = 40 // ms of lag that do no harm, and of waiting in a line that is never empty
const burst = 250 // ms of waiting in a line that was empty lately: a pause, or a burst
const lately = 200 // ms
const calm = 1000 // ms in which every request finds room: the line is not needed any more
const severe = 500 // ms of lag while all new requests wait in the line: then requests under way, or that claim to be, cause it
const least = 0.01
const longest = 10_000 // requests that wait at most, however fast we are; as many more that held connections had brought before
const toldAlike = 0.05 // refusals for each served request, to datagrams that find no room; the other datagrams are dropped
const weight = 0.3 // weight of the newest look in the average

export class Admission implements TimerOwner {
  /** Share of new requests that find room at once. */
  share = 1
  /** The least lag of the last three looks, in milliseconds: a single pause is soon made up for. */
  lag = 0
  private readonly options: AdmissionOptions
  private readonly line: WaitingLine
  /** Connections that are not read until there is room. */
  private readonly held = new Set<Flow>()
  private readonly looks: [number, number, number] = [0, 0, 0]
  /** Whether new requests wait in a line. */
  private lined = false
  /**
   * Share of requests let in that continue or renew something, or claim to: a tag is easily made up. Below 1 only where
   * the line is not enough.
   */
  private standingShare = 1
  /**
   * Share of requests that peers with RFC 7339 are asked to send. No less than is fair to them while other peers cannot be
   * asked.
   */
  private asked = 1
  /** New requests begun in a millisecond. */
  private pace = 0
  /** The least length of the line. */
  private shortest = arrivalsThatCount
  private fullAt = 0
  /** Datagrams that may be told that there is no room. */
  private refusalsLeft = 0
  private arrivals = 0
  private begun = 0
  private turnedAway = 0
  /** Milliseconds of work since the last look. */
  private spent = 0
  private watching = false
  private due = 0
  private sequence = 0

  constructor(options: AdmissionOptions) {
    this.options = options
    this.line = new WaitingLine({ clock: options.clock, serve: this.serve, served: this.spare })
  }
  /** Whether a request without a transaction, whose turn nobody has decided, gets one now, later, or none. */
  admits(request: SipRequest, flow: Flow): 'now' | 'later' | 'no' {
    if (!this.lined) {
      if (++this.arrivals >= arrivalsToWatch && !this.watching) this.watch()
      return 'now'
    }
    if (isStanding(request)) return !flow.reliable || this.passes() ? 'now' : 'no'
    return this.joins(request, flow) ? 'later' : 'no'
  }
  /**
   * Whether a datagram is read now, later, or never. Far beyond what we can do, every refusal costs a request that could
   * be served. A client that sends over UDP sends again, ever more rarely (RFC 3261 §17.1.2.2). Responses are always read.
   */
  sifts(bytes: Buffer, flow: Flow): 'now' | 'later' | 'never' {
    if (!this.lined || isResponse(bytes)) return 'now'
    if (!seemsNew(bytes)) return this.passes() ? 'now' : 'never'
    if (this.refusalsLeft >= 1 && this.line.roomFor(flow) <= 0) {
      this.refusalsLeft-- // it is read, and `admits` says no
      return 'now'
    }
    return this.joins(bytes, flow) ? 'later' : 'never'
  }
  /** Seconds after which a refused request may come again: spread, so that they do not come together. */
  retryAfter(): number {
    return 1 + Math.floor(this.options.ids.fraction() * 5)
  }
  /** The overload control parameters for the Via of each response to a peer that offers `oc` (RFC 7339 §4, §5.10). */
  feedback(): string {
    const loss = Math.round((1 - this.asked) * 100)
    this.sequence = Math.max(this.sequence + 1, Math.floor(this.options.clock.date() * 100)) // seconds with five digits behind the dot
    const fraction = String(this.sequence % 100_000).padStart(5, '0')
    return `;oc=${loss};oc-algo="loss";oc-validity=500;oc-seq=${Math.floor(this.sequence / 100_000)}.${fraction}`
  }

  /** Admits a request that continues something, or claims to. */
  private passes(): boolean {
    this.arrivals++
    return this.standingShare === 1 || this.options.ids.fraction() < this.standingShare
  }
  private joins(waiting: WaitingRequest, flow: Flow): boolean {
    this.arrivals++
    if (this.line.roomFor(flow) <= 0) {
      this.turnAway(1)
      if (flow.hold === undefined || this.line.length >= 2 * longest) return false
      if (!this.held.has(flow)) flow.hold(true)
      this.held.add(flow)
    }
    // a copy: its batch would be held for as long as it waits
    this.line.join(Buffer.isBuffer(waiting) ? Buffer.from(waiting) : waiting, flow)
    return true
  }
  private turnAway(count: number): void {
    this.turnedAway += count
    this.fullAt = this.options.clock.now()
  }
  private readonly serve = (waiting: WaitingRequest, flow: Flow): void => {
    this.begun++
    this.refusalsLeft = Math.min(1, this.refusalsLeft + toldAlike)
    this.options.serve(waiting, flow)
  }
  /** Datagrams that would find no room are not handed to us, except as many as may be refused. */
  private readonly spare = (): void => {
    const { line, lined } = this
    const free = Math.max(0, Math.ceil(line.roomFor({ reliable: false })))
    const unread = this.options.ration(lined ? free + Math.floor(this.refusalsLeft) : Infinity)
    if (unread > 0) this.turnAway(unread)
    if (lined && line.roomFor({ reliable: true }) < line.room / 2) return
    for (const flow of this.held) flow.hold!(false)
    this.held.clear()
  }

  /**
   * Counts the time of one exchange, or of work at a stretch. A few slow requests cause lag as many quick ones do. So do
   * thousands of small messages that a few requests cause inside.
   */
  took(ms: number): void {
    this.spent += ms
    if (!this.watching && this.spent >= worthALook) this.watch()
  }
  private watch(): void {
    this.watching = true
    this.due = this.options.clock.now() + every
    this.options.clock.after(every, this)
  }
  /** One look, while there is something to see. */
  expire(): void {
    const now = this.options.clock.now()
    const late = now - this.due // a late timer means late messages
    const seen = Math.max(late, this.options.lag())
    this.looks.shift()
    const heavy = this.spent >= (every + late) / 2
    const few = this.arrivals < arrivalsThatCount
    this.looks.push(few && !heavy ? 0 : seen)
    this.lag = Math.min(...this.looks)
    if (this.lined) this.weigh(now, this.begun / (every + late))
    else if (this.lag >= target) this.lineUp(now, this.arrivals / (every + late), few)
    if (this.lag >= severe) this.standingShare = Math.max(least, this.standingShare * 0.7)
    else if (seen < target) this.standingShare = Math.min(1, this.standingShare * 1.25)
    const idle = this.arrivals < arrivalsToWatch && !this.lined && this.standingShare === 1 && Math.max(...this.looks) < target
    this.arrivals = this.begun = this.turnedAway = this.spent = 0
    this.watching = false
    if (!idle) this.watch()
  }
  private lineUp(now: number, pace: number, few: boolean): void {
    this.lined = true
    this.shortest = few ? heavyInLine : arrivalsThatCount
    this.pace = pace
    this.line.emptyAt = this.fullAt = now
    this.makeRoom(now)
  }
  /** The room needed by requests that are begun at this pace, and whether a line is needed at all. */
  private weigh(now: number, pace: number): void {
    this.pace += weight * (pace - this.pace)
    const tried = this.begun + this.turnedAway
    this.share += weight * ((tried === 0 ? 1 : this.begun / tried) - this.share)
    if (this.share > 0.95) this.asked = Math.min(1, this.asked * 1.02)
    else this.asked = Math.max(this.share ** 2, this.asked * (1 - weight * (1 - this.share)))
    const isCalm = now - this.fullAt >= calm && this.lag < target && this.line.length === 0
    if (isCalm && this.standingShare === 1) {
      this.lined = false
      this.share = this.asked = 1
    }
    this.makeRoom(now)
  }
  private makeRoom(now: number): void {
    if (this.line.length === 0) this.line.emptyAt = now
    const wait = now - this.line.emptyAt < lately ? burst : target
    this.line.room = Math.min(longest, Math.max(this.shortest, this.pace * wait))
    this.spare()
  }
}
