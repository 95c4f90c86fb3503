/** The subscriber's side (RFC 6665 §4.1): subscribes, refreshes in time, takes NOTIFYs, and comes back when it may. */
import type { Clock, Timer } from '../clock.ts'
import type { Body, Notification, SubscribeOptions, Subscription, SubscriptionListener } from '../element.ts'
import type { Ids } from '../ids.ts'
import { authorizationFor } from '../messages/auth.ts'
import { buildResponse } from '../messages/build.ts'
import { parseSeconds, parseToken } from '../messages/fields.ts'
import type { SipResponse } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import { canonical, parseUri } from '../messages/uri.ts'
import type { ClientUser } from '../transactions/client.ts'
import type { ServerSide } from '../transactions/server.ts'
import { mayBeRetried } from './retried-status.ts'
import type { DialogSender } from './sender.ts'

export interface SubscriberHolder {
  readonly clock: Clock
  readonly ids: Ids
  readonly sender: DialogSender
  enter(callId: string, localTag: string, subscriber: SubscriberDialog): void
  leave(callId: string, localTag: string): void
}

const retryFirst = 1_000
const retryMost = 60_000
const longestAsked = 3600 // seconds of a Retry-After that are believed
const timerN = 32_000 // RFC 6665 §4.1.2.4
const dialogEnds = [480, 482] // the dialog is over with them (RFC 5057 §5.1)
const gone = ['rejected', 'noresource', 'invariant'] // RFC 6665 §4.1.3: not to be tried again

export class SubscriberDialog implements Subscription {
  readonly element: string
  live = true
  private readonly holder: SubscriberHolder
  private readonly options: SubscribeOptions
  private readonly listener: SubscriptionListener
  private body: SubscribeOptions['body']
  private callId = ''
  private localTag = ''
  private remoteTag = ''
  private remoteTarget = ''
  private routeSet: readonly string[] = []
  /** The route set is the dialog's, for good (RFC 3261 §12.2). */
  private routed = false
  private cseq = 0
  private remoteSeq = -1
  private busy = false
  private again = false
  private leaving = false
  private challenged = false
  private authorization: readonly [string, string] | undefined
  private timer: Timer | undefined
  private retryAfter = retryFirst
  private refreshAt = 0
  /** The last NOTIFY came from this very node. */
  private inside = false
  /** When it last came back without waiting. */
  private cameBack = Number.NEGATIVE_INFINITY

  constructor(holder: SubscriberHolder, element: string, options: SubscribeOptions, listener: SubscriptionListener) {
    this.holder = holder
    this.element = element
    this.options = options
    this.listener = listener
    this.body = options.body
    this.begin()
    this.subscribe()
  }
  /** Canonical URI of the notifier. */
  get peer(): string {
    const uri = parseUri(this.options.to)
    return uri === undefined ? this.options.to : canonical(uri)
  }
  private get from(): string {
    return this.options.from ?? this.holder.sender.contact(this.element)
  }
  /** A dialog that nobody has heard of yet; requests of the one before count no more. */
  private begin(): void {
    this.callId = this.holder.ids.token(22)
    this.localTag = this.holder.ids.token(10)
    this.remoteTag = ''
    this.remoteTarget = this.options.to
    this.routeSet = this.options.route ?? []
    this.routed = false
    this.remoteSeq = -1
    this.busy = false
    this.again = false
    this.holder.enter(this.callId, this.localTag, this)
  }
  private subscribe(): void {
    this.send(this.options.expires ?? 3600)
  }
  private restart(ms: number): void {
    this.holder.leave(this.callId, this.localTag)
    this.timer?.cancel()
    if (!this.live) return
    this.begin()
    this.timer = this.holder.clock.after(ms, () => this.subscribe())
  }
  /** A peer that ends each subscription as it begins would keep us busy: at once, but not twice in a row. */
  private restartSoon(): void {
    const now = this.holder.clock.now()
    const wait = now - this.cameBack < retryFirst ? retryFirst : 0
    if (wait === 0) this.cameBack = now
    this.restart(wait)
  }
  refresh(body?: Body): void {
    if (body !== undefined) this.body = body
    if (!this.live) return
    if (this.busy) this.again = true
    else if (this.remoteTag !== '') this.subscribe()
  }
  unsubscribe(): void {
    if (!this.live || this.leaving) return
    this.leaving = true
    this.timer?.cancel()
    if (this.busy) this.again = true
    else if (this.remoteTag !== '') this.send(0)
    else this.finish(200, 'unsubscribed')
  }
  /** Ends without a word to the notifier: the node stops. */
  drop(): void {
    this.live = false
    this.timer?.cancel()
    this.holder.leave(this.callId, this.localTag)
  }
  private send(expires: number): void {
    this.busy = true
    this.timer?.cancel()
    const { options } = this
    const to = `<${options.to}>${this.remoteTag === '' ? '' : `;tag=${this.remoteTag}`}`
    const headers: [string, string][] = [
      ['From', `<${this.from}>;tag=${this.localTag}`],
      ['To', to],
      ['Call-ID', this.callId],
      ['CSeq', `${++this.cseq} SUBSCRIBE`],
      ['Contact', `<${this.holder.sender.contact(this.element)}>`],
      ['Event', options.event],
      ['Expires', String(expires)],
    ]
    if (options.accept !== undefined) headers.push(['Accept', options.accept.join(', ')])
    if (options.asserted) headers.push(['P-Asserted-Identity', `<${options.asserted}>`])
    if (this.authorization !== undefined) headers.push([...this.authorization])
    const body = typeof this.body === 'function' ? this.body() : this.body
    if (body !== undefined) headers.push(['Content-Type', body.type])
    this.holder.sender.send(
      {
        element: this.element,
        method: 'SUBSCRIBE',
        uri: this.remoteTarget,
        routeSet: this.routeSet,
        headers,
        body: body?.content,
      },
      this.userOf(this.callId),
    )
  }

  /** Hears the result of a SUBSCRIBE of that dialog, as long as it is the one that counts. */
  private userOf(callId: string): ClientUser {
    const counts = (): boolean => this.live && callId === this.callId
    return {
      onResponse: (response) => {
        if (counts() && response.status >= 200) this.takeFinalResponse(response)
      },
      onNoResponse: (status) => {
        if (counts()) this.takeSilence(status)
      },
    }
  }
  private takeFinalResponse(response: SipResponse): void {
    this.busy = false
    if (response.status < 300) this.takeAcceptance(response)
    else if (this.answer(response)) return
    else if (response.status === 481 && !this.leaving && this.remoteTag !== '') this.restartSoon()
    else if (mayBeRetried(response.status, response.has(H['Retry-After'])))
      this.retry(response.status, parseSeconds(response.text(H['Retry-After']) ?? ''))
    else this.finish(response.status, response.reason)
  }
  private takeSilence(status: 408 | 503): void {
    this.busy = false
    if (this.leaving) this.finish(status, 'no answer')
    else this.retry(status)
  }
  /** False: no challenge, or one that we have no answer to. */
  private answer(response: SipResponse): boolean {
    if (this.challenged) return false
    this.authorization = authorizationFor(response, this.options.credentials, 'SUBSCRIBE', this.remoteTarget, this.holder.ids)
    if (this.authorization === undefined) return false
    this.challenged = true
    if (this.leaving) this.send(0)
    else this.subscribe()
    this.authorization = undefined // a nonce count is used once; a later refresh is challenged again
    return true
  }
  /** @param asked seconds that the peer wants to be left alone */
  private retry(status: number, asked = 0): void {
    if (this.options.expires === 0 || this.leaving) {
      this.finish(status, 'no answer')
      return
    }
    const wait = Math.max(this.retryAfter, Math.min(asked, longestAsked) * 1000)
    this.retryAfter = Math.min(this.retryAfter * 2, retryMost)
    if (!dialogEnds.includes(status) && this.remoteSeq >= 0 && this.isChecking())
      this.timer = this.holder.clock.after(wait, () => this.refresh())
    else this.restart(wait)
  }
  /** Early, as `check` asks for it: where that fails, the subscription stands as it did (RFC 6665 §4.1.2.2). */
  private isChecking(): boolean {
    return this.options.check !== undefined && this.holder.clock.now() < this.refreshAt
  }
  private takeAcceptance(response: SipResponse): void {
    this.challenged = false
    this.retryAfter = retryFirst
    this.remoteTarget = response.contactUri?.text ?? this.remoteTarget
    this.remoteTag ||= response.toTag
    const recorded = this.routed ? [] : response.list(H['Record-Route'])
    if (recorded.length > 0) this.routeSet = recorded.reverse()
    this.routed = true
    if (this.leaving) {
      if (this.again) {
        this.again = false
        this.send(0)
      } else this.timer = this.holder.clock.after(timerN, () => this.finish(200, 'unsubscribed'))
      return // the final NOTIFY ends it, or the wait for one
    }
    if (this.options.expires === 0) {
      this.timer = this.holder.clock.after(timerN, () => this.finish(408, 'no NOTIFY'))
      return
    }
    const seconds = parseSeconds(response.text(H.Expires) ?? '') ?? 3600
    this.refreshAt = this.holder.clock.now() + Math.max(1, Math.min(seconds * 0.9, seconds - 5)) * 1000
    if (this.remoteSeq < 0) this.timer = this.holder.clock.after(timerN, () => this.retry(408))
    else this.refreshInTime()
    if (this.again) {
      this.again = false
      this.refresh()
    }
  }

  private refreshInTime(): void {
    const left = Math.max(0, this.refreshAt - this.holder.clock.now())
    const { check } = this.options
    this.timer?.cancel()
    this.timer = this.holder.clock.after(check === undefined || this.inside ? left : Math.min(left, check * 1000), () =>
      this.refresh(),
    )
  }

  /** A NOTIFY of this dialog. */
  receive(side: ServerSide): void {
    const { request } = side
    const reply = (status: number): void =>
      side.respond(
        status,
        buildResponse(request, status, {
          via: side.via,
          headers: [['Contact', `<${this.holder.sender.contact(this.element, side.flow)}>`]],
        }),
      )
    if (request.method !== 'NOTIFY' || (this.remoteTag !== '' && request.fromTag !== this.remoteTag)) return reply(481)
    if (request.cseq.number <= this.remoteSeq) return reply(500) // out of order (RFC 3261 §12.2.2)
    const stated = parseToken(request.text(H['Subscription-State']) ?? '')
    const asked = parseToken(this.options.event)
    if (request.event?.value !== asked.value) return reply(489)
    if (request.event.parameters.get('id') !== asked.parameters.get('id')) return reply(481) // RFC 6665 §4.1.3
    if (stated.value !== 'active' && stated.value !== 'pending' && stated.value !== 'terminated') return reply(400)
    if (this.remoteTag === '') {
      this.remoteTag = request.fromTag // a NOTIFY may come before the 200 (RFC 6665 §4.4.1)
      const recorded = request.list(H['Record-Route']) // until the 2xx names all: some record the way of a SUBSCRIBE alone
      if (recorded.length > 0) this.routeSet = recorded
    }
    this.remoteTarget = request.contactUri?.text ?? this.remoteTarget
    this.inside = side.flow.internal === true
    if (this.remoteSeq < 0 && !this.busy && !this.leaving && this.options.expires !== 0) this.refreshInTime()
    this.remoteSeq = request.cseq.number
    reply(200)
    const reason = stated.parameters.get('reason')
    const notification: Notification = { request, state: stated.value, reason }
    try {
      this.listener.notified(notification)
    } finally {
      if (stated.value === 'terminated') this.over(reason ?? '', parseSeconds(stated.parameters.get('retry-after') ?? ''))
    }
  }
  /** RFC 6665 §4.1.3. */
  private over(reason: string, retryAfter: number | undefined): void {
    if (this.leaving || this.options.expires === 0 || gone.includes(reason)) this.finish(200, reason)
    else if (retryAfter !== undefined) this.restart(retryAfter * 1000)
    else if (reason === 'deactivated' || reason === 'timeout') this.restartSoon()
    else this.restart(retryFirst)
  }
  private finish(status: number, reason: string): void {
    if (!this.live) return
    this.drop()
    this.listener.ended?.({ status, reason })
  }
}
