/** All subscriptions of a node: those that its elements serve, and those that they have made. */
import type { ServerSide } from '../transactions/server.ts'
import { NotifierTable, type NotifierTableOptions } from './notifier-table.ts'
import { SubscriberTable } from './subscriber-table.ts'

export class Subscriptions {
  readonly notifiers: NotifierTable
  readonly subscribers: SubscriberTable

  constructor(options: NotifierTableOptions) {
    this.notifiers = new NotifierTable(options)
    this.subscribers = new SubscriberTable(options)
  }
  /** An in-dialog request for `element`. False: no dialog of that element is its, or its sender takes no part in that dialog. */
  receive(element: string, side: ServerSide): boolean {
    return this.subscribers.receive(element, side) ?? this.notifiers.receive(element, side)
  }
  /** Stops all timers; stored subscriptions stay for the next start. */
  stop(): void {
    this.notifiers.stop()
    this.subscribers.stop()
  }
}
