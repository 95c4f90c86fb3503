/** Client of another element's feed: a standing subscription, taken up again, ever later, when it is lost. */
import type { Host, Notification, SipRequest, Subscription } from '../../../signalling/index.ts'
import { type Bodies, type BodyName, mediaType, readBody } from '../../schemas/index.ts'

const retryFirst = 500 // milliseconds
const retryMost = 32_000
const checkEvery = 30 // seconds: an element elsewhere that has lost its store tells nobody that it has forgotten us

interface FeedOptions<Name extends BodyName> {
  readonly host: Host
  /** URI of the element. */
  readonly to: string
  /** Name of the event package and of the body that it tells. */
  readonly event: Name
  /** Undefined: a NOTIFY with nothing in it. */
  readonly onBody: (body: Bodies[Name] | undefined) => void
  /** It said something that cannot be read as a whole: earlier state may hold no longer. */
  readonly unreadable: (request: SipRequest) => void
}

export class Feed<Name extends BodyName> {
  private readonly options: FeedOptions<Name>
  private retryAfter = retryFirst
  private stopped = false
  private subscription: Subscription | undefined

  constructor(options: FeedOptions<Name>) {
    this.options = options
  }

  start(): void {
    const { host, to, event } = this.options
    this.subscription = host.subscribe(
      { to, event, accept: [mediaType(event)], asserted: host.uri, check: checkEvery },
      { notified: (notification) => this.notified(notification), ended: ({ status }) => this.lost(status) },
    )
  }

  stop(): void {
    this.stopped = true
  }

  /** Asks for its news now: other signs of the element do not fit its last state. */
  check(): void {
    if (!this.stopped) this.subscription?.refresh()
  }

  private notified({ request }: Notification): void {
    const { host, event, onBody } = this.options
    this.retryAfter = retryFirst
    if (this.stopped) return
    if (request.bodyEnd === request.bodyStart) return onBody(undefined)
    const body = readBody(request, event)
    if (body.fault === undefined) return onBody(body.value)
    host.count('feeds_unreadable')
    host.log.error({ from: this.options.to, fault: body.fault.warning }, `${event} cannot be read: nothing counts as known`)
    this.options.unreadable(request)
  }

  private lost(status: number): void {
    const { host, to, event } = this.options
    if (this.stopped) return
    const { retryAfter } = this
    host.log.warn({ to, status, retryAfter }, `${event} feed lost`)
    host.clock.after(retryAfter, () => {
      if (!this.stopped) this.start()
    })
    this.retryAfter = Math.min(retryAfter * 2, retryMost)
  }
}
