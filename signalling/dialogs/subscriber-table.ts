/** Subscriptions that elements of a node have made, found by dialog. */
import type { Clock } from '../clock.ts'
import type { SubscribeOptions, SubscriptionListener } from '../element.ts'
import type { Ids } from '../ids.ts'
import type { ServerSide } from '../transactions/server.ts'
import { isFrom } from './parties.ts'
import type { DialogSender } from './sender.ts'
import { SubscriberDialog, type SubscriberHolder } from './subscriber.ts'
import { dialogKey } from './subscription-record.ts'

interface SubscriberTableOptions {
  readonly clock: Clock
  readonly ids: Ids
  readonly sender: DialogSender
}

export class SubscriberTable implements SubscriberHolder {
  readonly clock: Clock
  readonly ids: Ids
  readonly sender: DialogSender
  private readonly subscribers = new Map<string, SubscriberDialog>()

  constructor({ clock, ids, sender }: SubscriberTableOptions) {
    this.clock = clock
    this.ids = ids
    this.sender = sender
  }
  get size(): number {
    return this.subscribers.size
  }
  subscribe(element: string, options: SubscribeOptions, listener: SubscriptionListener): SubscriberDialog {
    return new SubscriberDialog(this, element, options, listener)
  }
  enter(callId: string, localTag: string, subscriber: SubscriberDialog): void {
    this.subscribers.set(dialogKey(callId, localTag), subscriber)
  }
  leave(callId: string, localTag: string): void {
    this.subscribers.delete(dialogKey(callId, localTag))
  }
  /**
   * An in-dialog request for `element`. Undefined: no dialog of that element is its; false: its sender takes no part in that
   * dialog.
   */
  receive(element: string, side: ServerSide): boolean | undefined {
    const { callId, toTag } = side.request
    const subscriber = this.subscribers.get(dialogKey(callId, toTag))
    if (subscriber === undefined || subscriber.element !== element) return undefined
    if (!isFrom(subscriber.peer, side)) return false
    side.admitted = true
    subscriber.receive(side)
    return true
  }
  /** Ends those of an element without a word to anybody. */
  letGo(element: string): void {
    for (const subscriber of [...this.subscribers.values()]) if (subscriber.element === element) subscriber.drop()
  }
  /** Stops all timers. */
  stop(): void {
    for (const subscriber of [...this.subscribers.values()]) subscriber.drop()
  }
}
