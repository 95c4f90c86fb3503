/** Targets whose attach is waited for (SPEC §8.2): whether each is registered. */
import type { Host, Subscription } from '../../signalling/index.ts'

interface AttachedTargetParts {
  readonly host: Host
  /** URI of the element that tells registrations. */
  readonly registration: string
  /** Whether anything waits for that target. */
  readonly isAwaited: (target: string) => boolean
  /** It is attached, or it is not; told as often as that is heard. */
  readonly heard: (target: string, isAttached: boolean) => void
}

const reginfoType = 'application/reginfo+xml'
const pause = 5000 // milliseconds until an element that has ended a subscription is asked again
const watchesAtMost = 100_000

export class AttachedTargets {
  private readonly parts: AttachedTargetParts
  private readonly watches = new Map<string, Subscription>()
  /** As it was heard last, of those that are watched. */
  private readonly states = new Map<string, boolean>()
  private isStopped = false

  constructor(parts: AttachedTargetParts) {
    this.parts = parts
    parts.host.gauge('targets_watched', () => this.watches.size)
  }
  get isFull(): boolean {
    return this.watches.size >= watchesAtMost
  }
  /** Ends with the first word after nothing waits for that target any more. */
  watch(target: string): void {
    const { heard, host, isAwaited, registration } = this.parts
    const known = this.states.get(target)
    if (known !== undefined) heard(target, known)
    if (this.watches.has(target)) return
    const question = { to: target, event: 'reg', accept: [reginfoType], expires: 3600, asserted: host.uri }
    const subscription = host.subscribe(
      { ...question, route: [`<${registration};lr>`] },
      {
        notified: ({ request }) => this.heard(target, request.body.toString()),
        ended: ({ status }) => {
          this.watches.delete(target)
          this.states.delete(target)
          if (this.isStopped || !isAwaited(target)) return
          host.log.info({ target, status }, 'the registration of a target is not told any more: asked again')
          host.clock.after(pause, () => {
            if (!this.isStopped && isAwaited(target)) this.watch(target)
          })
        },
      },
    )
    this.watches.set(target, subscription)
  }
  stop(): void {
    this.isStopped = true
    for (const subscription of this.watches.values()) subscription.unsubscribe()
  }

  private heard(target: string, reginfo: string): void {
    const { heard, isAwaited } = this.parts
    const states = [...reginfo.matchAll(/<(?:[\w.-]+:)?registration\b[^>]*\bstate="(\w+)"/g)].map(([, state]) => state)
    if (states.length > 0) {
      this.states.set(target, states.includes('active'))
      heard(target, states.includes('active'))
    }
    if (!isAwaited(target)) this.watches.get(target)?.unsubscribe()
  }
}
