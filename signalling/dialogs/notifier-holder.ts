/** The table that holds a subscription, as the subscription sees it. */
import type { Clock } from '../clock.ts'
import type { EndReason, Notifier } from '../element.ts'
import type { EntityTags } from './entity-tag.ts'
import type { EventHeaders } from './event-header.ts'
import type { Expiries } from './expiries.ts'
import type { Pace } from './pace.ts'
import type { DialogSender } from './sender.ts'

/** The table that holds a notifier, as the notifier sees it. */
export interface NotifierHolder {
  readonly clock: Clock
  readonly sender: DialogSender
  readonly tags: EntityTags
  readonly eventHeaders: EventHeaders
  readonly expiries: Expiries
  readonly pace: Pace
  /** Writes the record; its content must be durable before anything that depends on it is sent. */
  save(notifier: Notifier): Promise<void>
  /** The same where nothing waits for it; a store that fails is logged. */
  saveSoon(notifier: Notifier): void
  /**
   * Tells the element, and sees to it that no restart takes it up again. A promise: resolves when the element has
   * withdrawn its state, durably.
   */
  ended(notifier: Notifier, reason: EndReason): Promise<void> | undefined
  /** Its state, of so many bytes, did not fit into one NOTIFY; called once. */
  tooLong(notifier: Notifier, bytes: number): void
  /** Logs a fault of the element, or of its package, that costs this subscription a NOTIFY. */
  faulted(notifier: Notifier, fault: unknown, what: string): void
  /** It waits to be allowed no more, or again. */
  authorised(notifier: Notifier): void
  /** Out of the tables and the store. */
  remove(notifier: Notifier): void
}
