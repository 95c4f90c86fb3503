/** Subscribers whom the address book is to name: read page by page from the HSS, and kept as its feed tells. */
import type { Host, Timer } from '../../signalling/index.ts'
import { mediaType, readBody, type SubscriberRecord, type SubscriptionData, writeBody } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { serverUri } from '../shared/identifiers/devices.ts'
import { usualHss } from '../shared/identifiers/element-names.ts'
import { SetIndex } from '../shared/state/set-index.ts'
import { keyOfTerm, type Term } from '../shared/values/directory-terms.ts'
import { termsOfSubscriber } from './listing.ts'

const event = 'subscription-data'
const pause = 1000 // milliseconds until they are read again after a failure

export class DirectorySubscribers {
  private readonly host: Host
  private readonly hss: string
  private readonly records = new Map<string, SubscriberRecord>()
  private readonly byTerm = new SetIndex<string, string>()
  /** Changes told while all are read; undefined: nobody reads. */
  private toldMeanwhile: Map<string, SubscriberRecord | undefined> | undefined
  private generation = 0
  private known = false
  private stopped = false
  private timer: Timer | undefined

  constructor(host: Host, subscribers: Subscribers, hss: string | undefined) {
    this.host = host
    this.hss = serverUri(hss ?? usualHss, host.domains)
    subscribers.onChange((id, record) => this.changed(id, record))
    subscribers.onGap(() => void this.read())
    host.gauge('subscribers_named', () => this.records.size)
  }
  /** All have been read. */
  get isKnown(): boolean {
    return this.known
  }
  of(term: Term): readonly SubscriberRecord[] {
    return [...this.byTerm.of(keyOfTerm(term))].flatMap((id) => this.records.get(id) ?? [])
  }
  stop(): void {
    this.stopped = true
    this.timer?.cancel()
  }

  private changed(id: string, record: SubscriberRecord | undefined): void {
    this.toldMeanwhile?.set(id, record)
    this.place(id, record)
  }
  private place(id: string, record: SubscriberRecord | undefined): void {
    const before = this.records.get(id)
    for (const term of before === undefined ? [] : termsOfSubscriber(before)) this.byTerm.delete(keyOfTerm(term), id)
    this.records.delete(id)
    if (record?.directory === undefined) return
    this.records.set(id, record)
    for (const term of termsOfSubscriber(record)) this.byTerm.add(keyOfTerm(term), id)
  }

  /** Reads all; a later call overtakes it. */
  private async read(): Promise<void> {
    const generation = ++this.generation
    this.toldMeanwhile = new Map()
    const found = new Map<string, SubscriberRecord>()
    for (let after: string | undefined = ''; after !== undefined; ) {
      const page: SubscriptionData | undefined = await this.page(after)
      if (this.stopped || generation !== this.generation) return
      if (page === undefined) {
        this.timer = this.host.clock.after(pause, () => this.readAgain(generation))
        return
      }
      for (const record of page.records ?? []) found.set(record.id, record)
      after = page.next
    }
    const { toldMeanwhile } = this
    this.toldMeanwhile = undefined
    for (const id of this.records.keys()) if (!found.has(id) && !toldMeanwhile.has(id)) this.place(id, undefined)
    for (const [id, record] of found) if (!toldMeanwhile.has(id)) this.place(id, record)
    this.known = true
  }
  private readAgain(generation: number): void {
    if (!this.stopped && generation === this.generation) void this.read()
  }
  /** Undefined: the HSS has not said it. */
  private page(after: string): Promise<SubscriptionData | undefined> {
    return new Promise((resolve) => {
      const { host } = this
      host.subscribe(
        {
          to: this.hss,
          event,
          accept: [mediaType(event)],
          expires: 0,
          asserted: host.uri,
          body: writeBody('subscription-query', { named: after === '' ? {} : { after } }),
        },
        {
          notified: ({ request }) => resolve(readBody(request, event).value),
          ended: () => resolve(undefined),
        },
      )
    })
  }
}
