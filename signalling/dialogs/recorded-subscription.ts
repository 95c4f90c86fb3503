/** A subscription with its stored record: names, ends and rights that a restart does not change, and what its subscriber asks by. */
import type { EventPackage } from '../element.ts'
import type { Json } from '../storage/store.ts'
import type { EventHeader } from './event-header.ts'
import type { SubscriberShare } from './subscription-limits.ts'
import type { SubscriptionRecord } from './subscription-record.ts'

/** Its element and package, and the Event header that it came with. */
interface SubscribedPackage {
  readonly element: string
  readonly pack: EventPackage
  readonly eventHeader: EventHeader
}

export abstract class RecordedSubscription {
  readonly element: string
  readonly fetch: boolean
  /** The stored record; replaced as a whole when it changes. */
  stored: SubscriptionRecord
  /** Its record has left the store, or is leaving it: nothing writes it again. */
  erased = false
  /** Of its subscriber; undefined: it is in nobody's. */
  share: SubscriberShare | undefined = undefined
  protected readonly pack: EventPackage
  protected eventHeader: EventHeader
  /** Tag of the state that the subscriber says that it has. */
  protected suppress: string | undefined
  /** The subscriber has asked by an entity tag. */
  protected tags = false

  constructor({ element, eventHeader, pack }: SubscribedPackage, stored: SubscriptionRecord, fetch: boolean) {
    this.element = element
    this.pack = pack
    this.eventHeader = eventHeader
    this.stored = stored
    this.fetch = fetch
  }
  get parameters(): ReadonlyMap<string, string> {
    return this.eventHeader.parameters
  }
  get package(): string {
    return this.pack.name
  }
  /** A request of the dialog has come, served or not (RFC 3261 §12.2.2). */
  noteRequest(cseq: number): void {
    this.stored = { ...this.stored, remoteSeq: cseq }
  }
  /** The first SUBSCRIBE names the state that the subscriber has from before (RFC 5839 §5.3). */
  condition(tag: string | undefined): void {
    this.suppress = tag
    this.tags = tag !== undefined
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
