/** A subscription with its stored record: names, ends and rights that a restart does not change. */
import type { Json } from '../storage/store.ts'
import type { SubscriptionRecord } from './subscription-record.ts'

export abstract class RecordedSubscription {
  readonly element: string
  readonly fetch: boolean
  /** The stored record; replaced as a whole when it changes. */
  stored: SubscriptionRecord
  /** Its record has left the store, or is leaving it: nothing writes it again. */
  erased = false

  constructor(element: string, stored: SubscriptionRecord, fetch: boolean) {
    this.element = element
    this.stored = stored
    this.fetch = fetch
  }

  /** Outlives the process: no fetch, and no subscription of an element of this node, which will ask again itself. */
  get durable(): boolean {
    return !this.fetch && this.stored.inside !== true && !this.erased
  }

  /** Our tag. */
  get id(): string {
    return this.stored.localTag
  }

  /** Milliseconds since the epoch. */
  get expires(): number {
    return this.stored.expires
  }

  get resource(): string {
    return this.stored.resource
  }

  get subscriber(): string {
    return this.stored.subscriber
  }

  get type(): string {
    return this.stored.type
  }

  get pending(): boolean {
    return this.stored.pending === true
  }

  get credentials(): string | undefined {
    return this.stored.credentials
  }

  get record(): Json | undefined {
    return this.stored.record
  }
}
