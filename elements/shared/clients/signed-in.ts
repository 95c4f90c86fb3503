/** Subscriptions and publications last no longer than the credentials by which their subscriber was known (SPEC §2.5). */
import type { Host, Notifier } from '../../../signalling/index.ts'
import type { SubscriberRecord } from '../../schemas/index.ts'
import { Rechecks } from './rechecks.ts'
import type { Subscribers } from './subscribers.ts'

/** State that an element keeps beside subscriptions, and no longer than they last. */
interface SignedInState {
  owners(): Iterable<string>
  /** Ends state begun by other credentials than those of the record; all, where there is none. */
  endOld(id: string, record: SubscriberRecord | undefined): void
}

const settling = 1000 // milliseconds after a start in which subscriptions are taken up again

export class SignedIn {
  private readonly host: Host
  private readonly subscribers: Subscribers
  private readonly rechecks: Rechecks
  private readonly kept: SignedInState | undefined
  private stopped = false

  constructor(host: Host, subscribers: Subscribers, kept?: SignedInState) {
    this.host = host
    this.subscribers = subscribers
    this.kept = kept
    this.rechecks = new Rechecks(host, subscribers, (id, record) => this.endOld(id, record))
    subscribers.onChange((id, record) => this.endOld(id, record))
    subscribers.onGap(() => this.lookAgain())
    host.clock.after(settling, () => this.lookAgain()) // credentials may have changed while we were away
    for (const _ of kept?.owners() ?? []) subscribers.start()
  }
  /**
   * Takes up the feed of the HSS, where the element has not, with the first subscription that it concerns. Credentials
   * that changed while a request was on its way end the new subscription.
   */
  follow({ credentials, subscriber }: Pick<Notifier, 'credentials' | 'subscriber'>): void {
    if (credentials === undefined) return
    this.subscribers.start()
    const recordNow = this.subscribers.known(subscriber)
    if (recordNow !== undefined && recordNow.credentialsId !== credentials) void this.askAnew(subscriber)
  }
  /** The proxy may have heard of the newest credentials before us, or after. */
  private async askAnew(subscriber: string): Promise<void> {
    try {
      this.endOld(subscriber, await this.subscribers.anew(subscriber))
    } catch {
      this.rechecks.add(subscriber) // as soon as the HSS answers
    }
  }
  stop(): void {
    this.stopped = true
    this.rechecks.stop()
  }
  private lookAgain(): void {
    if (this.stopped) return
    for (const subscriber of this.host.subscribers()) this.rechecks.add(subscriber)
    for (const owner of this.kept?.owners() ?? []) this.rechecks.add(owner)
  }
  private endOld(id: string, record: SubscriberRecord | undefined): void {
    if (this.stopped) return
    for (const notifier of this.host.subscriptionsOf(id)) {
      if (record?.credentialsId === notifier.credentials) continue
      this.host.count('sign_ins_lost')
      notifier.terminate(record === undefined ? 'rejected' : 'deactivated')
    }
    this.kept?.endOld(id, record)
  }
}
