/**
 * A subscription on sip.js's core, as RFC 6665 §4.1 asks and as the engine has it. The Subscriber of sip.js takes no
 * Event parameters and no new body in a refresh. It also comes back at once after any end.
 */
import type { Core, URI } from 'sip.js'
import { type Clock, type Log, mayBeRetried, type Timer } from '../../../signalling/index.ts'
import type { TextBody, WatchHandle, WatchListener, WatchOptions } from './agent.ts'
import { receivedOf, warningOf } from './sipjs-messages.ts'

/** The parts of an agent that a subscription needs. */
export interface SipJsWatchParts {
  readonly clock: Clock
  readonly log: Log
  /** Connected if possible; undefined: no connection. */
  core(): Promise<Core.UserAgentCore | undefined>
  newCallId(): string
  over(watch: SipJsWatch): void
}

const retryFirst = 1_000
const retryMost = 60_000
const farewellFirst = 250 // milliseconds until it unsubscribes again where nobody could be asked, twice as many each time
const farewellsMost = 7 // within 64*T1; then it expires by itself
const patience = 32_000 // 64*T1, Timer N
const gone = ['rejected', 'noresource', 'invariant'] // RFC 6665 §4.1.3: not to be tried again

export class SipJsWatch implements WatchHandle {
  private readonly ground: SipJsWatchParts
  private readonly watch: WatchOptions
  private readonly target: URI
  private readonly listener: WatchListener
  private body: WatchOptions['body']
  private live = true
  private leaving = false
  /** The first SUBSCRIBE, until its NOTIFY. */
  private client: Core.OutgoingSubscribeRequest | undefined
  private dialog: Core.Subscription | undefined
  private busy = false
  private again = false
  private timer: Timer | undefined
  private retryAfter = retryFirst
  private farewells = 0
  private onLeft: (() => void) | undefined

  constructor(ground: SipJsWatchParts, watch: WatchOptions, target: URI, listener: WatchListener) {
    this.ground = ground
    this.watch = watch
    this.target = target
    this.listener = listener
    this.body = watch.body
    this.begin()
  }
  private begin(): void {
    this.busy = true
    this.ground.core().then(
      (core) => {
        if (!this.live) return
        if (core === undefined) this.refused(503, 'no connection')
        else this.ask(core)
      },
      (fault: unknown) => this.finish(500, String(fault)),
    )
  }
  private ask(core: Core.UserAgentCore): void {
    const { aor } = core.configuration
    const { through } = this.watch
    const route = through === undefined ? {} : { routeSet: [...core.configuration.routeSet, `<${through};lr>`] }
    const options = { callId: this.ground.newCallId(), ...route }
    const headers = this.headers(core, this.watch.expires)
    const body = bodyOf(this.body)
    const message = core.makeOutgoingRequestMessage('SUBSCRIBE', this.target, aor, this.target, options, headers, body)
    nameEventAlone(message, this.watch.event)
    this.client = core.subscribe(message, {
      onAccept: (response) => this.accepted(response),
      onReject: (response) => this.rejected(response),
      onRedirect: (response) => this.rejected(response),
      onNotifyTimeout: () => this.refused(408, 'no NOTIFY came'),
      onNotify: ({ request, subscription }) => {
        this.busy = false
        this.client = undefined
        this.dialog = subscription
        if (subscription !== undefined)
          subscription.delegate = { onNotify: (notify) => this.notified(notify), onTerminated: () => this.lost() }
        this.notified(request)
        this.catchUp()
      },
    })
  }
  private headers({ configuration }: Core.UserAgentCore, expires: number): string[] {
    const { event, accept } = this.watch
    const headers = [`Event: ${event}`, `Expires: ${expires}`, `Contact: ${configuration.contact.toString()}`]
    if (accept.length > 0) headers.push(`Accept: ${accept.join(', ')}`)
    return headers
  }

  refresh(body?: TextBody): void {
    if (body !== undefined) this.body = body
    if (!this.live || this.leaving) return
    if (this.busy) this.again = true
    else if (this.dialog !== undefined) this.subscribeAgain(this.watch.expires)
  }
  unsubscribe(): void {
    if (!this.live || this.leaving) return
    this.leaving = true
    this.again = true
    this.timer?.cancel()
    if (this.dialog === undefined && !this.busy) this.finish(200, 'unsubscribed')
    else this.catchUp()
  }
  /** Unsubscribes; resolves when the notifier has heard of it, or never will. */
  leave(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.live) return resolve()
      this.onLeft = resolve
      this.unsubscribe()
    })
  }
  /** The refresh or end asked for while a SUBSCRIBE was under way. */
  private catchUp(): void {
    if (!this.live || !this.again || this.busy || this.dialog === undefined) return
    this.again = false
    this.subscribeAgain(this.leaving ? 0 : this.watch.expires)
  }
  private subscribeAgain(expires: number): void {
    this.timer?.cancel()
    this.busy = true
    if (expires === 0) this.again = false
    this.ground.core().then(
      (core) => {
        const { dialog } = this
        if (!this.live || dialog === undefined) return
        if (core === undefined) return this.refused(503, 'no connection')
        if (dialog.subscriptionState === 'Terminated') {
          if (expires > 0) return this.restart(0) // given up while we connected: nobody has left
          return this.leaveGivenUp(core, dialog as Core.SubscriptionDialog)
        }
        const headers = this.headers(core, expires)
        const settled = (response: Core.IncomingResponse): void => {
          this.busy = false
          this.rejected(response)
        }
        dialog.subscribe(
          {
            onAccept: (response) => {
              this.busy = false
              this.accepted(response)
              this.catchUp()
            },
            onReject: settled,
            onRedirect: settled,
          },
          { extraHeaders: headers, body: bodyOf(this.body) },
        )
      },
      (fault: unknown) => this.finish(500, String(fault)),
    )
  }
  /** sip.js lets nothing more be asked in a dialog that a 480 has ended for it; the notifier may have it still. */
  private leaveGivenUp(core: Core.UserAgentCore, dialog: Core.SubscriptionDialog): void {
    const refused = (response: Core.IncomingResponse): void => this.rejected(response)
    core.request(dialog.createOutgoingRequestMessage('SUBSCRIBE', { extraHeaders: this.headers(core, 0) }), {
      onAccept: () => this.finish(200, 'unsubscribed'),
      onReject: refused,
      onRedirect: refused,
    })
  }
  private accepted({ message }: Core.IncomingResponse): void {
    this.retryAfter = retryFirst
    this.timer?.cancel()
    if (this.leaving && !this.again) {
      this.onLeft?.()
      this.after(patience, () => this.finish(200, 'unsubscribed')) // should the last NOTIFY be lost
      return
    }
    if (this.watch.expires === 0) return
    const granted = Number(message.getHeader('Expires') ?? this.watch.expires)
    const seconds = granted > 0 ? granted : this.watch.expires
    this.after(Math.max(1, Math.min(seconds * 0.9, seconds - 5)) * 1000, () => this.refresh())
  }
  private rejected({ message }: Core.IncomingResponse): void {
    const hasTime = message.hasHeader('Retry-After')
    this.refused(message.statusCode ?? 500, warningOf(message) ?? message.reasonPhrase ?? '', hasTime)
  }
  private refused(status: number, why: string, hasTime = false): void {
    if (!this.live) return
    this.busy = false
    const mayPass = mayBeRetried(status, hasTime)
    if (this.leaving && mayPass && status !== 481 && this.dialog !== undefined && this.farewells < farewellsMost)
      return this.after(farewellFirst * 2 ** this.farewells++, () => this.subscribeAgain(0))
    if (this.leaving || this.watch.expires === 0) return this.finish(status, why)
    if (status === 481) return this.restart(0)
    if (!mayPass) return this.finish(status, why)
    const wait = this.retryAfter
    this.retryAfter = Math.min(wait * 2, retryMost)
    // A refresh that failed leaves the subscription as it was (RFC 6665 §4.1.2.2).
    const standing = this.dialog?.subscriptionState === 'Active' || this.dialog?.subscriptionState === 'Pending'
    if (standing) this.after(wait, () => this.refresh())
    else this.restart(wait)
  }
  /** sip.js has given the dialog up: no NOTIFY came after a refresh, or the answer said so. */
  private lost(): void {
    if (this.busy || !this.live) return // the answer itself follows
    if (this.leaving) this.finish(200, 'unsubscribed')
    else this.restart(0)
  }
  private restart(ms: number): void {
    this.forget()
    this.after(ms, () => this.begin())
  }
  private after(ms: number, work: () => void): void {
    this.timer?.cancel()
    this.timer = this.ground.clock.after(ms, work)
  }

  private notified(request: Core.IncomingNotifyRequest): void {
    request.accept()
    const { message } = request
    const stated = message.parseHeader('Subscription-State') as
      | { state?: string; reason?: string; params?: { [name: string]: string } }
      | undefined
    const state = stated?.state === 'active' || stated?.state === 'pending' ? stated.state : 'terminated'
    try {
      this.listener.notified({ ...receivedOf(message), state, reason: stated?.reason })
    } catch (fault) {
      this.ground.log.error({ fault: String(fault) }, 'a listener failed on a NOTIFY')
    }
    if (state === 'terminated') this.over(stated?.reason ?? '', Number(stated?.params?.['retry-after']))
  }
  /** RFC 6665 §4.1.3. */
  private over(reason: string, retryAfter: number): void {
    if (this.leaving || this.watch.expires === 0 || gone.includes(reason)) return this.finish(200, reason)
    const atOnce = reason === 'deactivated' || reason === 'timeout'
    this.restart(retryAfter > 0 ? retryAfter * 1000 : atOnce ? 0 : retryFirst)
  }
  private finish(status: number, why: string): void {
    if (!this.live) return
    this.live = false
    this.forget()
    this.ground.over(this)
    this.onLeft?.()
    try {
      this.listener.ended(status, why)
    } catch (fault) {
      this.ground.log.error({ fault: String(fault) }, 'a listener failed on the end of a subscription')
    }
  }
  /** Without a word to the notifier: the agent closes. */
  drop(): void {
    this.live = false
    this.forget()
  }
  private forget(): void {
    this.timer?.cancel()
    this.client?.waitNotifyStop()
    this.client = undefined
    this.busy = false
    const { dialog } = this
    this.dialog = undefined
    if (dialog === undefined) return
    dialog.delegate = undefined
    dialog.dispose()
  }
}

/** sip.js compares whole Event values where names alone count (RFC 6665 §8.2.1): to it, the request has the bare name. */
function nameEventAlone(message: Core.OutgoingRequestMessage, event: string): void {
  const whole = message.getHeader.bind(message)
  const name = event.split(';')[0]!.trim().toLowerCase()
  message.getHeader = (header) => (header.toLowerCase() === 'event' ? name : whole(header))
}

function bodyOf(given: WatchOptions['body']): Core.Body | undefined {
  const body = typeof given === 'function' ? given() : given
  return body && { contentDisposition: 'render', contentType: body.type, content: body.content }
}
