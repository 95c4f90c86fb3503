/**
 * The notifier's side of one subscription (RFC 6665 §4.2): state in, NOTIFYs out. One NOTIFY at a time; the newest state
 * wins; rate control, expiry, conditional notification (RFC 5839) and durability are here, once, for all packages.
 */
import type { Timer, TimerOwner } from '../clock.ts'
import type { Body, EndReason, EventPackage, Notifier } from '../element.ts'
import { warning } from '../messages/build.ts'
import type { SipResponse } from '../messages/message.ts'
import type { Json } from '../storage/store.ts'
import type { ClientUser, NotSent } from '../transactions/client.ts'
import type { Cancellable } from '../transactions/server.ts'
import { Consent } from './consent.ts'
import type { ExpiringSubscription } from './expiries.ts'
import { endings, fetched, liveState, notifyFields, type SubscriptionEnding, terminatedState } from './header-fields.ts'
import { BodyRoom, bytesOf, comeAgain, unfit } from './long-states.ts'
import type { NotifierHolder } from './notifier-holder.ts'
import { nextPeriod, wholeMs } from './rate.ts'
import { RecordedSubscription } from './recorded-subscription.ts'
import { cseqReserve, type SubscriptionRecord } from './subscription-record.ts'

const retryFirst = 2_000
const retryMost = 60_000
const margin = 100 // numbers left when the next block is asked for, so that no NOTIFY waits for the store
const untold = Symbol('untold') // no state yet

export class NotifierDialog extends RecordedSubscription implements Notifier, ClientUser, TimerOwner, ExpiringSubscription {
  live = true
  private readonly holder: NotifierHolder
  /** CSeq of the last NOTIFY, and the version of its state. */
  private cseq: number
  private state: unknown = untold
  private due = false // a NOTIFY is owed
  private opened = false // the 2xx has left
  private awaitsTurn = false // taken up among many: NOTIFYs wait until `open`, another change, or the end
  private sending = false
  private sent: Cancellable | undefined // the NOTIFY that is under way
  private leaving = false // its element is let go: no NOTIFY leaves, unless it stays
  private final = false // the NOTIFY that is being sent ends the subscription
  private sentState: unknown
  /** The state that the subscriber has for certain; undefined: it is to be told all. */
  private previous: unknown
  private lastSent: number | undefined
  private sentCount = 0
  private readonly born: number
  private ending: SubscriptionEnding | undefined
  private rateTimer: Timer | undefined
  private expiryTimer: Timer | undefined
  private retryAfter = retryFirst
  private size = 0 // bytes of the last body
  /** Once a state was too long. */
  private room: BodyRoom | undefined = undefined
  /** A NOTIFY without state goes first: nobody there has answered anything yet. */
  private introducing = false
  /** Of the NOTIFY that is due, where the package has to admit it. */
  private readonly consent: Consent | undefined

  constructor(holder: NotifierHolder, element: string, pack: EventPackage, stored: SubscriptionRecord, fetch: boolean) {
    super({ element, pack, eventHeader: holder.eventHeaders.of(stored.event) }, stored, fetch)
    this.holder = holder
    this.cseq = stored.ceiling - cseqReserve
    this.born = wholeMs(holder.clock)
    this.consent = pack.admit === undefined ? undefined : new Consent(pack, this)
  }
  keep(record: Json): void {
    this.stored = { ...this.stored, record }
    this.holder.saveSoon(this)
  }

  authorise(granted: boolean, state: unknown): void {
    if (this.pending === granted && !this.ends) {
      this.stored = { ...this.stored, pending: !granted }
      this.holder.authorised(this)
      this.holder.saveSoon(this)
      this.previous = undefined
      this.state = untold
      if (!this.tags) this.suppress = undefined
    }
    this.notify(state)
  }

  /** The 2xx has left: NOTIFYs may flow. Also after a restart, once the element has given state. */
  open(): void {
    this.opened = true
    if (this.live && !this.awaitsTurn) this.armExpiry()
    this.awaitsTurn = false
    this.resume()
  }
  /** A refresh is being answered: NOTIFYs wait until `open`. */
  hold(): void {
    this.opened = false
    this.awaitsTurn = false
  }
  /** Its element is let go: NOTIFYs wait for the next one, or until `stay`. */
  leave(): void {
    this.leaving = true
  }
  stay(): void {
    this.leaving = false
    this.resume()
  }
  /** Taken up with others: NOTIFYs wait for their turn. @param known tag of the state that the subscriber has for certain */
  awaitTurn(known: string | undefined): void {
    this.awaitsTurn = true
    this.suppress = known
    this.armExpiry()
  }
  /** Tag of the state that the subscriber has for certain; undefined: it is to be told all. */
  get knownTag(): string | undefined {
    const isAllTold = !this.due && !this.sending && this.state !== untold
    const known = this.previous ?? (isAllTold ? this.state : undefined)
    return known === undefined ? undefined : this.holder.tags.of(this.pack, known, this.stored.type)
  }
  /** A NOTIFY is under way, or a SUBSCRIBE is being answered: its record is being written. */
  get isBusy(): boolean {
    return this.sending || !(this.opened || this.awaitsTurn)
  }
  armExpiry(): void {
    if (this.fetch || !this.live) return
    this.holder.expiries.add(this)
    this.holder.pace.claim(this.share, this, this.eventHeader.rate.period)
  }
  lastSecond(): void {
    const { clock } = this.holder
    this.expiryTimer?.cancel()
    this.expiryTimer = clock.after(Math.max(0, this.expires - clock.date()), () => this.terminate('timeout'))
  }
  private disarm(): void {
    for (const timer of [this.rateTimer, this.expiryTimer]) timer?.cancel()
    this.holder.expiries.remove(this)
    this.holder.pace.leave(this.share, this)
  }
  notify(state: unknown): void {
    if (this.ends) return
    if (this.pack.same !== undefined && this.state !== untold && this.pack.same(this.state, state)) return
    const changes = this.state !== untold
    this.state = state
    if (!changes && !this.tags && this.isKnown()) return this.armPeriod()
    this.due = true
    if (changes && this.awaitsTurn) this.open()
    else this.resume()
  }
  /** Whether its subscriber has this very state from before the element was taken up here. */
  private isKnown(): boolean {
    const known = this.suppress
    this.suppress = undefined
    return known !== undefined && known === this.tag
  }
  /** A refresh was answered: full state is due, unless the subscriber says that it has it (RFC 5839 §5). */
  refreshed(suppress: string | undefined): void {
    this.room?.reset()
    this.previous = undefined
    this.suppress = suppress
    this.tags ||= suppress !== undefined
    this.due = true
    this.lastSent = undefined // RFC 6446 §4.2: the answer to a SUBSCRIBE is not held back
  }
  setRecordAndArm(stored: SubscriptionRecord): void {
    this.disarm()
    this.stored = stored
    this.eventHeader = this.holder.eventHeaders.of(stored.event)
    this.armExpiry()
  }
  /** A refresh by a subscriber that has this very state (RFC 5839 §5.1): longer life, no NOTIFY. */
  extended(): void {
    if (!this.due && !this.sending) this.armPeriod()
  }
  /** The tag of the state as it is now, for the condition of a refresh. */
  get tag(): string {
    return this.state !== untold ? this.holder.tags.of(this.pack, this.state, this.stored.type) : ''
  }

  recall(): void {
    this.state = untold
    this.previous = undefined
    this.due = this.ending !== undefined
    this.rateTimer?.cancel()
    if (!this.sending || this.sent === undefined) return
    this.sent.withdraw()
    this.settleSent()
    this.resume()
  }
  /** The NOTIFY under way has its outcome. */
  private settleSent(): void {
    this.sending = false
    this.sent = undefined
  }
  /** It is over, or will be with its last NOTIFY. */
  get ends(): boolean {
    return !this.live || this.ending !== undefined
  }
  /** The element is told before the last NOTIFY leaves, which may go unanswered for long. */
  terminate(reason: EndReason, retryAfter?: number): Promise<void> | undefined {
    if (this.ends) return undefined
    this.ending = { reason, retryAfter }
    this.stored = { ...this.stored, over: this.ending }
    this.due = true
    this.rateTimer?.cancel()
    const withdrawn = this.holder.ended(this, reason)
    if (this.awaitsTurn) this.open()
    else this.resume()
    return withdrawn
  }

  /** Sends the NOTIFY that is due, as soon as it may leave. */
  resume(): void {
    if (!this.opened || this.sending || !this.due || !this.live) return
    const { clock, pace } = this.holder
    const now = clock.now()
    if (this.ending === undefined) {
      if (this.leaving && !this.fetch) return // the last word of a subscription is told here
      if (this.state === untold && !this.fetch) return
      const wait = this.fetch || this.lastSent === undefined ? 0 : this.lastSent + this.eventHeader.rate.gap - now
      if (wait > 0) return this.arm(wait)
      if (!pace.admits(this.share, this, now)) return
      if (!this.fetch && this.consent?.isGiven() === false) return
    }
    this.send(now)
  }
  denied(): void {
    if (this.ending === undefined) this.due = false
  }
  unsaid(): void {
    if (!this.ends) this.later()
  }
  private arm(ms: number): void {
    this.rateTimer?.cancel()
    this.rateTimer = this.holder.clock.after(Math.ceil(ms), this)
  }
  /** The gap is over, or the period. */
  expire(): void {
    this.due = true
    this.resume()
  }
  private send(now: number): void {
    const { clock, pace, sender } = this.holder
    if (this.cseq + margin >= this.stored.ceiling) {
      this.stored = { ...this.stored, ceiling: this.stored.ceiling + cseqReserve }
      this.holder.saveSoon(this)
    }
    this.cseq++
    this.due = false
    this.final = this.ending !== undefined || this.fetch
    const rate = pace.granted(this.share, this.eventHeader.rate)
    const state = this.final
      ? terminatedState(this.ending ?? fetched)
      : liveState(this.pending, this.expires - clock.date(), rate)
    const headers = notifyFields(this.stored, this.cseq, sender.contact(this.element), this.eventHeader.echo, state)
    if (this.pack.requires !== undefined) headers.push(['Require', this.pack.requires])
    let body: Body | undefined
    this.sentState = this.state
    try {
      body = this.body(headers)
    } catch (fault) {
      this.holder.faulted(this, fault, 'a state could not be rendered')
      if (!this.final) {
        this.cseq--
        return this.later() // whole; another state may be told sooner
      }
    }
    this.size = body === undefined ? 0 : bytesOf(body)
    if (this.room?.takes(this.size) === false) return this.giveUp()
    this.sending = true
    if (body !== undefined) headers.push(['Content-Type', body.type])
    this.lastSent = Math.ceil(now) // takes no room of its own beside the object
    pace.spend(this.share, this.size, this.lastSent)
    this.sentCount++
    this.sent = sender.send(
      {
        element: this.element,
        method: 'NOTIFY',
        uri: this.stored.remoteTarget,
        routeSet: this.stored.routeSet,
        headers,
        body: body?.content,
      },
      this,
    )
  }
  private body(headers: [string, string][]): Body | undefined {
    if (this.room?.given === true) {
      headers.push(['Warning', warning('proxima', unfit(this.size))])
      return undefined
    }
    if (this.state === untold || this.stored.pending === true || this.introducing) return undefined
    const reason = this.ending?.reason // who has lost the right to know is not told once more
    if (reason === 'rejected' || reason === 'deactivated') return undefined
    const tag = this.pack.conditional === true || this.tags ? this.tag : undefined
    const isKnown = tag !== undefined && (this.suppress === '*' || this.suppress === tag)
    const body = isKnown ? undefined : this.rendered() // RFC 5839 §5.2: the subscriber has this body already
    if (tag !== undefined && this.sentState === this.state) headers.push(['SIP-ETag', tag])
    return body
  }
  private rendered(): Body | undefined {
    const { pack, previous, state } = this
    const context = { type: this.stored.type, version: this.cseq, previous, ending: this.ending !== undefined }
    const body = pack.render(state, context)
    const part = this.final ? undefined : this.room?.partOf(pack, state, context, body)
    if (part !== undefined) this.sentState = part.state
    return part?.body ?? body
  }
  onResponse(response: SipResponse): void {
    if (response.status < 200) return
    this.settleSent()
    if (response.status < 300 && this.size > 0) this.acknowledge()
    if (response.status === 513) this.tooLong(undefined)
    else if (this.final) this.close(this.ending?.reason ?? 'timeout')
    else if (response.status < 300) this.delivered()
    else if (endings.includes(response.status)) this.close('giveup')
    else this.later()
  }
  private acknowledge(): void {
    try {
      this.pack.acknowledged?.(this, this.sentState)
    } catch (fault) {
      this.holder.faulted(this, fault, 'an element failed over the answer to a NOTIFY')
    }
  }
  /** RFC 6665 §4.2.2: a subscriber that does not answer has gone; one whose flow broke may come back before expiry. */
  onNoResponse(status: 408 | 503, why?: NotSent): void {
    this.settleSent()
    if (why?.unproven === true) this.introduce()
    else if (why?.status === 513) this.tooLong(why.excess)
    else if (this.final) this.close(this.ending?.reason ?? 'timeout')
    else if (status === 408) this.close('giveup')
    else this.later()
  }
  get waits(): boolean {
    return !this.final
  }
  /** Its state follows when it has answered a NOTIFY without. */
  private introduce(): void {
    this.cseq--
    this.introducing = true
    this.lastSent = undefined
    this.due = true
    this.resume()
  }
  /** Never the same bytes again: less of the state at a time, or none of it. @param excess bytes; undefined: nobody says */
  private tooLong(excess: number | undefined): void {
    if (excess !== undefined) this.cseq-- // it never left
    if (this.room === undefined) this.holder.tooLong(this, this.size)
    if (this.size === 0) return this.close('giveup') // not even without a body
    this.room ??= new BodyRoom()
    if (!this.room.shrink(this.size, excess) || this.final || this.pack.part === undefined) return this.giveUp()
    this.lastSent = undefined
    this.due = true
    this.resume()
  }
  /** Its subscriber is told that there is a state, and why not which. */
  private giveUp(): void {
    this.room!.given = true
    this.due = true
    if (this.ending === undefined) void this.terminate('giveup', comeAgain)
    else this.resume()
  }
  private delivered(): void {
    if (this.introducing) {
      this.introducing = false
      this.lastSent = undefined
      this.due = true
      return this.resume()
    }
    this.previous = this.sentState
    if (this.sentState !== this.state && !this.due) {
      this.due = true // the next part of a state that was admitted already
      this.lastSent = undefined
      return this.resume()
    }
    this.consent?.reset()
    this.suppress = undefined
    this.retryAfter = retryFirst
    if (this.due) this.resume()
    else this.armPeriod()
  }
  private armPeriod(): void {
    const { clock, pace } = this.holder
    const rate = pace.granted(this.share, this.eventHeader.rate)
    if (rate.period === Number.POSITIVE_INFINITY) return
    const period = nextPeriod(rate, this.sentCount, clock.now() - this.born)
    this.arm(Math.max(0, (this.lastSent ?? clock.now()) + period - clock.now()))
  }
  private later(): void {
    this.previous = undefined
    this.due = true
    if (this.ending !== undefined) return this.resume() // the last word is tried once, and now: its subscriber is leaving
    this.arm(this.retryAfter)
    this.retryAfter = Math.min(this.retryAfter * 2, retryMost)
  }
  /** Nothing more is sent. */
  close(reason: EndReason): void {
    this.dispose()
    this.holder.remove(this)
    if (this.ending === undefined) void this.holder.ended(this, reason)
  }
  /** Stops every timer; nothing is sent afterwards, and the store keeps its record. */
  dispose(): void {
    this.live = false
    this.disarm()
  }
}
