/**
 * Bindings that another element keeps (SPEC §5.1, FIG 10 S30): a standing subscription to `reg` for each subscriber whom
 * messages are for. His devices are reached by their GRUUs.
 */
import type { Host, Subscription } from '../../signalling/index.ts'
import type { BoundDevices } from './bound-devices.ts'
import type { DeviceBinding } from './device-binding.ts'
import { type ReportedContact, readReginfo, reginfoMediaType } from './registration-information.ts'

interface WatchedBindingsParts {
  readonly host: Host
  /** URI of the element. */
  readonly element: string
  readonly devices: BoundDevices
  /** A device is bound: what waits for it may go. */
  readonly bound: (subscriber: string, device: string) => void
  /** Whether messages wait for a subscriber. */
  readonly isAwaited: (subscriber: string) => boolean
}

interface BindingsWatch {
  readonly subscription: Subscription
  /** Resolves at the first word, or when its time is over. */
  readonly heard: Promise<void>
}

const patience = 2000 // milliseconds for the first word
const pause = 5000 // milliseconds until an element that has ended a subscription is asked again
const watchesAtMost = 100_000
const usualExpires = 3600 // seconds

export class WatchedBindings {
  private readonly parts: WatchedBindingsParts
  private readonly watches = new Map<string, BindingsWatch>()
  private stopped = false

  constructor(parts: WatchedBindingsParts) {
    this.parts = parts
    parts.host.gauge('bindings_watched', () => this.watches.size)
  }
  /** Resolves once the bindings of a subscriber are known, or the element has had its time. */
  ready(subscriber: string): Promise<void> {
    return (this.watches.get(subscriber) ?? this.watch(subscriber)).heard
  }
  stop(): void {
    this.stopped = true
    for (const { subscription } of this.watches.values()) subscription.unsubscribe()
  }

  private watch(subscriber: string): BindingsWatch {
    const { element, host } = this.parts
    const first = Promise.withResolvers<void>()
    const timer = host.clock.after(patience, first.resolve)
    const question = { to: subscriber, event: 'reg', accept: [reginfoMediaType], expires: 3600, asserted: host.uri }
    const subscription = host.subscribe(
      { ...question, route: [`<${element};lr>`] },
      {
        notified: ({ request }) => {
          const taken = this.take(subscriber, request.body)
          taken
            .catch((fault: unknown) => host.log.error({ fault: String(fault) }, 'a registration could not be stored'))
            .finally(() => {
              timer.cancel()
              first.resolve()
            })
        },
        ended: ({ status }) => {
          timer.cancel()
          first.resolve()
          this.watches.delete(subscriber)
          host.log.info({ subscriber, status }, 'the bindings of a subscriber are not told any more')
          if (!this.stopped) host.clock.after(pause, () => this.again(subscriber))
        },
      },
    )
    const watch = { subscription, heard: first.promise }
    this.watches.set(subscriber, watch)
    if (this.watches.size > watchesAtMost) this.watches.values().next().value?.subscription.unsubscribe()
    return watch
  }
  private again(subscriber: string): void {
    if (!this.stopped && this.parts.isAwaited(subscriber)) void this.ready(subscriber)
  }

  private async take(subscriber: string, body: Buffer): Promise<void> {
    const { bound, devices, host } = this.parts
    const document = readReginfo(body)
    if (document === undefined) return
    const now = host.clock.date()
    const reported = document.contacts.map((contact) => bindingOf(subscriber, contact, now))
    const known = document.isFull ? devices.of(subscriber).filter((device) => devices.isBound(device)) : []
    const gone = known
      .filter(({ device }) => reported.every((one) => one.device !== device))
      .map((one) => ({ ...one, expires: now }))
    const isTaken = await devices.change(subscriber, [...reported, ...gone])
    if (!isTaken)
      return host.log.warn(
        { subscriber },
        'more devices are registered than the Push server keeps of one user: none is taken over; raise store.devices',
      )
    for (const { device, expires } of reported) if (expires > now) bound(subscriber, device)
  }
}

function bindingOf(subscriber: string, contact: ReportedContact, now: number): DeviceBinding {
  const { callId, cseq, expires = usualExpires, gruu, instance, isActive, uri } = contact
  return {
    ...{ subscriber, callId, cseq, path: [] },
    device: instance ?? uri,
    contact: gruu ?? uri,
    expires: isActive ? now + expires * 1000 : now,
  }
}
