/** Queue of one device (SPEC §5.6): one MESSAGE at a time, by class and then in order; what fails lets others pass meanwhile. */
import { type Host, isMadeUp, type Timer } from '../../signalling/index.ts'
import { type DecisionRule, type Decisions, storedSubject, type WakeRule } from './decisions.ts'
import type { DeviceAnswer } from './device-answer.ts'
import type { DeviceBinding } from './device-binding.ts'
import type { MessageStore, StoredCopy } from './message-store.ts'
import { classes, deliveryOf, type PushMessage, withoutCpim } from './push-message.ts'
import { type CopyEnd, QueuedCopy } from './queued-copy.ts'
import type { Receipts } from './receipts.ts'
import type { StoringRules } from './rules.ts'
import type { WakeCause } from './waking/wakes.ts'

/** Wakes of devices, as a queue sees them. */
export interface QueueWaking {
  canWake(binding: DeviceBinding): boolean
  isAsleep(binding: DeviceBinding): boolean
  fellAsleep(binding: DeviceBinding): void
  answered(binding: DeviceBinding): void
  wake(binding: DeviceBinding, cause: WakeCause): boolean
  tell(binding: DeviceBinding, cause: WakeCause, rule: WakeRule, text: string): void
}

/** A try that its device has not answered yet. */
interface PendingTry {
  readonly copy: QueuedCopy
  readonly binding: DeviceBinding
  readonly timer: Timer | undefined
  /** Milliseconds since the epoch. */
  readonly since: number
  /** The time for an answer is over: the device is taken to be asleep. */
  isUnanswered: boolean
}

interface TryEnd {
  readonly answer: DeviceAnswer
  readonly status: number
  /** The device itself has answered. */
  readonly isThere: boolean
}

interface QueueParts {
  readonly host: Host
  readonly store: MessageStore
  readonly receipts: Receipts
  readonly rules: StoringRules
  readonly decisions: Decisions
  /** Meaning of an answer. */
  readonly meaning: (status: number) => DeviceAnswer
  /** The device as it is bound now; undefined: it is away. */
  readonly binding: () => DeviceBinding | undefined
  /** The device as it was bound last, where it is away. */
  readonly lapsed?: () => DeviceBinding | undefined
  /** Left out: nobody is woken. */
  readonly waking?: QueueWaking
  /** Whether something else has a message for now. Left out: nothing has. */
  readonly isHeld?: (id: string) => boolean
  /** Told when a try has failed since nobody answers for the device. */
  readonly silent: () => void
  /** Told when it has no copies, and no try is under way. */
  readonly emptied: () => void
}

const firstPause = 1000 // milliseconds after the first failure, doubled for each
const longestPause = 300_000

export class DeviceQueue {
  readonly subscriber: string
  readonly device: string
  private readonly parts: QueueParts
  private readonly copies: QueuedCopy[] = []
  private pending: PendingTry | undefined
  private timer: Timer | undefined
  private last = 0
  private stopped = false
  /** Nobody answered for the device at the last try. */
  private isSilent = false

  constructor(subscriber: string, device: string, parts: QueueParts) {
    this.subscriber = subscriber
    this.device = device
    this.parts = parts
  }
  get size(): number {
    return this.copies.length
  }
  get messages(): readonly PushMessage[] {
    return this.copies.map(({ message }) => message)
  }

  /** A message that is not written yet: `onEnd` is told at its end. */
  offer(message: PushMessage, onEnd: (end: CopyEnd) => void): QueuedCopy {
    const copy = new QueuedCopy(message, this.last + 1, false)
    copy.onEnd = onEnd
    this.place(copy)
    this.go()
    return copy
  }
  /** A copy that an earlier process has written. */
  restore(message: PushMessage, { branch, number, state, tries, next }: StoredCopy): void {
    const copy = new QueuedCopy(message, number, true)
    const wasSent = state === 'sending' // it is sent again with its branch: a device that had it answers as before
    Object.assign(copy, {
      state: wasSent ? 'waiting' : state,
      tries,
      next: wasSent ? 0 : next,
      branch: wasSent ? branch : undefined,
    })
    this.place(copy)
  }
  /** A place behind all others. */
  reserve(): number {
    return ++this.last
  }
  /** Written copies for a device that does not answer, or is away: others may have them. */
  strays(isAway: boolean): readonly QueuedCopy[] {
    const { pending } = this
    const { host, rules } = this.parts
    if (pending?.copy.stored === true && pending.since + rules.accept <= host.clock.date()) {
      this.giveUp(pending)
      this.isSilent = true
    }
    if (!isAway && !this.isSilent) return []
    return this.copies.filter((copy) => copy.stored && !copy.isEnding && copy !== this.pending?.copy)
  }
  private place(copy: QueuedCopy): void {
    this.last = Math.max(this.last, copy.number)
    const before = (other: QueuedCopy): boolean =>
      rank(other) < rank(copy) || (rank(other) === rank(copy) && other.number < copy.number)
    let at = this.copies.length
    while (at > 0 && !before(this.copies[at - 1]!)) at--
    this.copies.splice(at, 0, copy)
  }
  /** Record of a copy as it is now. */
  recordOf({ branch, message, number, next, state, tries }: QueuedCopy): StoredCopy {
    const { device, subscriber } = this
    const when = { ...(next === undefined ? {} : { next }), ...(branch === undefined ? {} : { branch }) }
    return { message: message.id, subscriber, device, number, state, tries, ...when }
  }

  /** The device has registered: all that waits may go, and so may what it has not answered at its former place. */
  bound(): void {
    const { pending } = this
    this.isSilent = false
    const now = this.parts.binding()
    const isWoken = now !== undefined && this.parts.waking?.canWake(now) === true // any other may be where it was, too
    const hasMoved = isWoken && pending !== undefined && now.contact !== pending.binding.contact
    if (pending?.isUnanswered === true || hasMoved) this.giveUp(pending!)
    for (const copy of this.copies) {
      copy.isWakeDecided = false
      if (copy.state === 'waiting') copy.next = 0
    }
    this.go()
  }
  /** Another try takes the place of one that may be under way still. */
  private giveUp({ copy, timer }: PendingTry): void {
    timer?.cancel()
    copy.attempt++
    copy.branch = undefined
    copy.tries--
    copy.state = 'waiting'
    copy.next = 0
    this.pending = undefined
  }
  /** The device cannot be woken any more: what waits for that is tried as for any other. */
  unwakeable(): void {
    const next = this.parts.host.clock.date() + firstPause
    for (const copy of this.copies) if (copy.state === 'waiting') copy.next ??= next
    this.go()
  }
  /** Whether something waits that wakes the device. */
  get isUrgent(): boolean {
    return this.copies.some((copy) => copy.stored && copy.state !== 'set-aside' && copy.urgency !== 'none')
  }
  /** Out of the queue, whatever becomes of a try that is under way. */
  drop(copy: QueuedCopy): void {
    const at = this.copies.indexOf(copy)
    if (at >= 0) this.copies.splice(at, 1)
    this.tellEmptied()
  }
  private tellEmptied(): void {
    if (this.size > 0 || this.pending !== undefined) return
    this.timer?.cancel()
    this.parts.emptied()
  }
  copyOf(message: string): QueuedCopy | undefined {
    return this.copies.find((copy) => copy.message.id === message)
  }
  /** Puts copies that were set aside back into their places. Resolves with their number. */
  async retry(): Promise<number> {
    const aside = this.copies.filter(({ isEnding, state }) => state === 'set-aside' && !isEnding)
    for (const copy of aside) {
      const anew = { state: 'waiting', tries: 0, next: 0 } as const
      await this.parts.store.update({ ...this.recordOf(copy), ...anew })
      Object.assign(copy, { ...anew, isWakeDecided: false })
      this.go()
    }
    return aside.length
  }
  stop(): void {
    this.stopped = true
    this.timer?.cancel()
  }

  /** Sends what is due, one after the other. */
  go(): void {
    if (this.stopped) return
    if (this.pending !== undefined) return this.pending.isUnanswered ? this.leaveAsleep(this.pending.binding) : undefined
    this.timer?.cancel()
    this.timer = undefined
    const { lapsed, waking } = this.parts
    const binding = this.parts.binding()
    if (binding === undefined) return this.leaveAway(lapsed?.())
    if (waking?.isAsleep(binding) === true) return this.leaveAsleep(binding)
    const now = this.parts.host.clock.date()
    const copy = this.first()
    if (copy?.next === undefined) return
    if (copy.next > now) {
      this.timer = this.parts.host.clock.after(copy.next - now, () => this.go())
      return
    }
    const isPatient = waking?.canWake(binding) === true
    const timer = isPatient ? this.parts.host.clock.after(this.parts.rules.accept, () => this.unanswered(pending)) : undefined
    const pending: PendingTry = { copy, binding, timer, since: now, isUnanswered: false }
    this.pending = pending
    this.deliver(copy, binding).then(
      () => this.goOn(pending),
      (fault: unknown) => {
        this.parts.host.log.error({ fault: String(fault), device: this.device }, 'a Push could not be delivered')
        this.pause(copy)
        this.goOn(pending)
      },
    )
  }
  private goOn(pending: PendingTry): void {
    pending.timer?.cancel()
    if (this.pending === pending) this.pending = undefined // else another try has taken its place
    this.go()
    if (this.isSilent) this.parts.silent()
    this.tellEmptied()
  }
  private unanswered(pending: PendingTry): void {
    if (this.stopped || this.pending !== pending) return
    const now = this.parts.binding()
    if (now !== undefined && now !== pending.binding) {
      this.giveUp(pending) // it has registered since
      return this.go()
    }
    pending.isUnanswered = true
    this.parts.waking!.fellAsleep(pending.binding)
    this.leaveAsleep(pending.binding)
  }
  /** The copies wait until the device registers, and wake it once they are written. */
  private leaveAsleep(binding: DeviceBinding): void {
    for (const copy of this.copies) if (copy.state === 'waiting') copy.next = undefined
    this.tellAway()
    this.wakeBy(binding)
  }
  private leaveAway(lapsed: DeviceBinding | undefined): void {
    this.tellAway()
    if (lapsed !== undefined) this.wakeBy(lapsed)
  }
  private wakeBy(binding: DeviceBinding): void {
    const { waking } = this.parts
    let cause: WakeCause | undefined
    for (const copy of this.copies) {
      if (!copy.stored || copy.isWakeDecided || copy.state === 'set-aside') continue
      copy.isWakeDecided = true
      const { callId } = copy.message
      if (copy.urgency === 'none')
        waking?.tell(binding, { cause: 'message', urgency: 'normal', callId }, 'non-urgent', 'what is not urgent wakes nobody')
      else if (cause?.urgency !== 'high') cause = { cause: 'message', urgency: copy.urgency, callId }
    }
    if (cause !== undefined) waking?.wake(binding, cause)
  }
  /** Nobody answers for the device: what was offered is to be written. */
  private tellAway(): void {
    for (const copy of this.copies) end(copy, { answer: 'away' })
  }
  /** The copy that goes next: the first of those that are due soonest. Behind each its source and application wait. */
  private first(): QueuedCopy | undefined {
    const lanes = new Set<string>()
    const now = this.parts.host.clock.date()
    let soonest: QueuedCopy | undefined
    for (const copy of this.copies) {
      if (copy.state === 'set-aside' || lanes.has(copy.lane)) continue
      const isHeld = copy.isEnding || this.parts.isHeld?.(copy.message.id) === true
      if (!isHeld && copy.next !== undefined && copy.next <= now) return copy
      lanes.add(copy.lane)
      if (isHeld) continue
      if (copy.next !== undefined && copy.next < (soonest?.next ?? Number.POSITIVE_INFINITY)) soonest = copy
    }
    return soonest
  }

  private async deliver(copy: QueuedCopy, binding: DeviceBinding): Promise<void> {
    const { host, store } = this.parts
    const attempt = ++copy.attempt
    copy.tries++
    copy.state = 'sending'
    copy.branch ??= `z9hG4bK${host.ids.token(22)}`
    if (copy.stored) await store.update(this.recordOf(copy))
    const response = await host.send(deliveryOf(copy.bare ?? copy.message, binding, copy.branch))
    const { status } = response
    if (attempt === copy.attempt) copy.branch = undefined
    await copy.writing
    if (this.stopped || copy.isEnding || !this.copies.includes(copy)) return
    host.count(`answers_${Math.floor(status / 100)}xx`)
    const answer = this.parts.meaning(status)
    if (attempt !== copy.attempt && answer !== 'taken') return // the device has registered since: a newer try decides
    const isThere = answer === 'taken' || answer === 'refused' || (status >= 500 && !isMadeUp(response))
    await this.settle(copy, { answer, status, isThere }, binding)
  }
  private async settle(copy: QueuedCopy, { answer, isThere, status }: TryEnd, binding: DeviceBinding): Promise<void> {
    const { host, rules, store, waking } = this.parts
    this.isSilent = !isThere
    if (isThere) this.isAwake(binding)
    else if (waking !== undefined && (await this.isLeft(copy, binding, waking))) return
    if (status === 415 && this.takesCpimAway(copy)) return
    if (answer === 'taken' || answer === 'refused') {
      copy.isEnding = true
      if (answer === 'taken' && copy.bare !== undefined && !copy.stored) await this.parts.receipts.tell(copy.message, 'delivered')
      if (copy.stored) {
        // a device cannot tell that it has a message whose CPIM was taken away
        if (answer === 'taken') await store.take(this.recordOf(copy), copy.bare !== undefined)
        else await store.remove([this.recordOf(copy)], 'refused')
        host.count(answer === 'taken' ? 'copies_delivered' : 'copies_refused')
        this.tell(copy, answer === 'taken' ? 'delivered' : 'device', `its device has answered ${status}`, status)
      }
      this.drop(copy)
      return end(copy, { answer, status })
    }
    copy.state = copy.tries >= rules.tries ? 'set-aside' : 'waiting'
    if (copy.state === 'set-aside') {
      host.count('copies_set_aside')
      this.tell(copy, 'set-aside', `${copy.tries} tries, the last answered ${status}; proxima push retry tries it again`)
    }
    copy.next = answer === 'unbound' ? undefined : host.clock.date() + pauseAfter(copy.tries)
    if (copy.stored && !copy.isEnding) await store.update(this.recordOf(copy))
    end(copy, { answer: 'away' })
  }
  private tell({ message }: QueuedCopy, rule: DecisionRule, text: string, status?: number): void {
    this.parts.decisions.note({ ...storedSubject(message), rule, text, ...(status === undefined ? {} : { status }) })
  }
  /** It answers: what waited for it to wake may go. */
  private isAwake(binding: DeviceBinding): void {
    const { waking } = this.parts
    if (waking?.isAsleep(binding) === true) for (const copy of this.copies) if (copy.state === 'waiting') copy.next ??= 0
    waking?.answered(binding)
  }
  /** The device is asleep, or has registered elsewhere: that is no failed try. False: it is neither. */
  private async isLeft(copy: QueuedCopy, binding: DeviceBinding, waking: QueueWaking): Promise<boolean> {
    const { binding: bound, store } = this.parts
    const now = bound()
    const hasMoved = now !== undefined && now !== binding
    if (!hasMoved && (now === undefined || !waking.canWake(now))) return false
    copy.tries--
    copy.state = 'waiting'
    copy.next = hasMoved ? 0 : undefined
    if (!hasMoved) waking.fellAsleep(now!)
    if (copy.stored) await store.update(this.recordOf(copy))
    if (!hasMoved) end(copy, { answer: 'away' })
    return true
  }
  /** SPEC §5.6: a device that takes no CPIM gets the content alone, once more and at once. */
  private takesCpimAway(copy: QueuedCopy): boolean {
    if (copy.bare !== undefined) return false
    copy.bare = withoutCpim(copy.message)
    if (copy.bare === undefined) return false
    copy.state = 'waiting'
    copy.next = 0
    return true
  }
  private pause(copy: QueuedCopy): void {
    copy.isEnding = false
    copy.state = 'waiting'
    copy.next = this.parts.host.clock.date() + pauseAfter(copy.tries)
    end(copy, { answer: 'away' })
  }
}

function rank({ message }: QueuedCopy): number {
  return classes.indexOf(message.class)
}

function pauseAfter(tries: number): number {
  return Math.min(firstPause * 2 ** (tries - 1), longestPause)
}

function end(copy: QueuedCopy, how: CopyEnd): void {
  const { onEnd } = copy
  copy.onEnd = undefined
  onEnd?.(how)
}
