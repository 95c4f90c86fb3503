/**
 * Overload control. When datagrams are read late, new requests wait in a line behind what is under way. They get the
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
  /** Spares us datagrams that would find no room (`Transport.ration`). */
  readonly ration: (beginnings: number) => number
  /** Serves a datagram or request whose turn it is; `admits` is not asked about it again. */
  readonly serve: (waiting: WaitingRequest, flow: Flow) => void
}

const every = 50 // ms between two looks
const arrivalsToWatch = 64 // new requests; a quiet node is not watched, and not woken
const arrivalsThatCount = 32 // between two looks; with fewer it is not they that make us late, and refusing them helps nobody
const heavyInLine = 8 // at least, where it is the time of few that makes us late
const worthALook = 20 // ms of work, at a stretch or in sum
const target = 40 // ms of lag that do no harm, and of waiting in a line that does not come to an end
const burst = 250 // ms of waiting in a line that has come to an end of late: a pause, a hurry
const lately = 200 // ms
const calm = 1000 // ms in which everybody finds room: the line is not needed any more
const severe = 500 // ms of lag, with all that is new in the line: it is what is under way, or says so, that makes us late
const least = 0.01
const longest = 10_000 // waiting at most, whatever we can do; of what held connections had brought already as many more
const toldAlike = 0.05 // for each that is served, so many datagrams that find no room are told: the others are not worth it
const weight = 0.3 // of the newest look in what is held against many

export class Admission implements TimerOwner {
  /** Of the requests that begin something, how many find room at once. */
  share = 1
  /** Milliseconds: the least of the last three looks, since what a pause has kept waiting is soon done. */
  lag = 0
  private readonly options: AdmissionOptions
  private readonly line: WaitingLine
  /** Connections that are not read until there is room. */
  private readonly held = new Set<Flow>()
  private readonly looks: [number, number, number] = [0, 0, 0]
  /** There is a line. */
  private lined = false
  /** Of what is under way or renewed, or says so: a tag costs nothing to make up. Below 1 only where the line is not enough. */
  private standingShare = 1
  /** How many of theirs those are asked to send who can be asked; no fewer than is fair while others cannot be. */
  private asked = 1
  /** Begun a millisecond. */
  private pace = 0
  /** Room that there is in any case. */
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
   * Whether a datagram is read now, later, or never: far beyond what we can do, every refusal is taken from what could be done,
   * and who sends over UDP sends again, ever more rarely (RFC 3261 §17.1.2.2). Responses are always read.
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
  /** Seconds after which one that was refused may come again: spread, so that they do not come together. */
  retryAfter(): number {
    return 1 + Math.floor(this.options.ids.fraction() * 5)
  }
  /** What a peer that offers `oc` is told in the Via of each response (RFC 7339 §4, §5.10). */
  feedback(): string {
    const loss = Math.round((1 - this.asked) * 100)
    this.sequence = Math.max(this.sequence + 1, Math.floor(this.options.clock.date() * 100)) // seconds with five digits behind the dot
    const fraction = String(this.sequence % 100_000).padStart(5, '0')
    return `;oc=${loss};oc-algo="loss";oc-validity=500;oc-seq=${Math.floor(this.sequence / 100_000)}.${fraction}`
  }

  /** What is under way, or says so. */
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
  /** What would find no room is not even handed to us, but for one that may be told so. */
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
   * One exchange, or what was done at a stretch, took so long: few that take long make us late as many others do, and so does what
   * few cause inside, which may be thousands of small messages.
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
    const late = now - this.due // what keeps a timer waiting keeps messages waiting
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
  /** How much room there has to be for those who are begun with so fast, and whether there has to be a line at all. */
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
