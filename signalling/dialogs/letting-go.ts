/**
 * Subscriptions of an element that is let go. No NOTIFY leaves any more, and those under way end. The store has all that is
 * needed to go on with them; their subscribers hear nothing of it.
 */
import type { Clock } from '../clock.ts'
import type { NotifierDialog } from './notifier.ts'
import type { SubscriptionRecords } from './records.ts'
import { knownBy } from './subscription-record.ts'

const look = 5 // milliseconds between two looks at what is under way

/** Resolves when that is so, at the latest after so many milliseconds. */
export function settled(clock: Clock, ms: number, isSo: () => boolean): Promise<void> {
  const end = clock.now() + ms
  return new Promise((resolve) => {
    const again = (): void => {
      if (isSo() || clock.now() >= end) resolve()
      else clock.after(look, again)
    }
    again()
  })
}

interface LettingGoOptions {
  readonly element: string
  /** Names this move. */
  readonly move: string
  /** Subscriptions of all elements. */
  readonly all: () => Iterable<NotifierDialog>
  readonly records: SubscriptionRecords
  /** Takes a subscription out of the tables, but not out of the store. */
  readonly forget: (notifier: NotifierDialog) => void
}

export class LettingGo {
  private readonly options: LettingGoOptions

  constructor(options: LettingGoOptions) {
    this.options = options
  }
  private get own(): NotifierDialog[] {
    return [...this.options.all()].filter(({ element }) => element === this.options.element)
  }

  /** NOTIFYs wait from now on. */
  hold(): void {
    for (const notifier of this.own) notifier.leave()
  }

  /** They go on. */
  resume(): void {
    this.options.records.stay(this.options.element)
    for (const notifier of this.own) notifier.stay()
  }

  /** Some NOTIFY is under way, or some SUBSCRIBE is being answered. */
  get isBusy(): boolean {
    return this.own.some(({ isBusy }) => isBusy)
  }

  /**
   * Writes the states that each subscriber knows for certain. A record that a SUBSCRIBE is changing is not written over.
   * Rejects where the store fails.
   */
  settle(): Promise<void> {
    const { element, move, records } = this.options
    const known = this.own.flatMap((notifier) => {
      const tag = notifier.durable && !notifier.ends && !notifier.isBusy ? notifier.knownTag : undefined
      return tag === undefined ? [] : [{ owner: notifier, stored: { ...notifier.stored, known: knownBy(move, tag) } }]
    })
    return records.saveAll(element, move, known)
  }

  finish(): void {
    for (const notifier of this.own) {
      notifier.dispose()
      this.options.forget(notifier)
      this.options.records.release(notifier)
    }
  }
}
