/** Sessions of a node's elements, as callers and as callees, found by dialog. */
import type { Clock, Timer } from '../clock.ts'
import type { OutgoingInvite, ReplyFields } from '../element.ts'
import type { Ids } from '../ids.ts'
import type { Log } from '../log.ts'
import { buildResponse, type HeaderList, warning } from '../messages/build.ts'
import { madeUp } from '../messages/made-up.ts'
import { H } from '../messages/names.ts'
import type { CallerListener, OutgoingCall, Session, SessionListener } from '../session.ts'
import type { Stats } from '../stats.ts'
import type { ServerSide } from '../transactions/server.ts'
import type { TransactionTiming } from '../transactions/timing.ts'
import { OutgoingInvitation } from './outgoing-invitation.ts'
import type { DialogSender } from './sender.ts'
import { SessionDialog, sessionKey } from './session.ts'
import type { HeldSession, SessionHolder } from './session-holder.ts'

interface SessionsOptions {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly stats: Stats
  readonly sender: DialogSender
  readonly timing: TransactionTiming
  /** Of them at most, forks that end at once apart. Default 10,000. */
  readonly most?: number | undefined
}

export class Sessions implements SessionHolder<SessionDialog> {
  readonly ids: Ids
  readonly sender: DialogSender
  private readonly clock: Clock
  private readonly timing: TransactionTiming
  private readonly log: Log
  private readonly stats: Stats
  private readonly most: number
  private readonly sessions = new Map<string, SessionDialog>()

  constructor({ clock, ids, log, sender, stats, timing, most = 10_000 }: SessionsOptions) {
    this.clock = clock
    this.ids = ids
    this.sender = sender
    this.timing = timing
    this.log = log
    this.stats = stats
    this.most = most
  }
  get size(): number {
    return this.sessions.size
  }
  /** No further one may begin. */
  get full(): boolean {
    return this.sessions.size >= this.most
  }
  enter(session: SessionDialog): void {
    this.sessions.set(session.key, session)
  }
  leave(session: HeldSession): void {
    this.clock.after(64 * this.timing.T1, () => this.forget(session))
  }
  forget({ key }: HeldSession): void {
    this.sessions.delete(key)
  }
  forkDropped(): void {
    this.stats.count('invite_forks_dropped', 1)
  }
  tell(element: string, say: () => void): boolean {
    try {
      say()
      return true
    } catch (fault) {
      this.stats.faults++
      const text = fault instanceof Error ? fault.stack : String(fault)
      this.log.error({ element, fault: text }, 'an element threw over what its session told it')
      return false
    }
  }

  /** Sends an INVITE (RFC 3261 §13.2). Where there is no room for another session, it is refused by a 503 that is made up. */
  invite(element: string, own: string, request: OutgoingInvite, listener: CallerListener): OutgoingCall {
    if (!this.full) return new OutgoingInvitation(this, element, own, request, listener)
    const refusal = madeUp({ method: 'INVITE', to: request.to }, [], 503)
    this.clock.soon(() => this.tell(element, () => listener.refused(refusal)))
    return noCall
  }
  /** Answers an INVITE by a 2xx, repeated until its ACK has come (RFC 3261 §13.3.1.4). */
  accept(element: string, side: ServerSide, localTag: string, fields: ReplyFields, listener: SessionListener): Session {
    const { request } = side
    const to = request.text(H.To) ?? ''
    const session = new SessionDialog(
      this,
      {
        element,
        callId: request.callId,
        local: `${to};tag=${localTag}`,
        remote: request.text(H.From) ?? '',
        localTag,
        remoteTag: request.fromTag,
        remoteTarget: request.contactUri?.text ?? request.from.uri.text,
        routeSet: request.list(H['Record-Route']),
        localSeq: 0,
        remoteSeq: request.cseq.number,
      },
      listener,
    )
    const headers: HeaderList = [
      ['Contact', `<${this.sender.contact(element, side.flow)}>`],
      ...(fields.headers ?? []),
      ...(fields.warning === undefined ? [] : [['Warning', warning(element, fields.warning)] as const]),
      ...(fields.body === undefined ? [] : [['Content-Type', fields.body.type] as const]),
    ]
    const parts = { via: side.via, toTag: localTag, headers, body: fields.body?.content, recordRoute: true }
    this.repeatUntilAck(session, side, buildResponse(request, 200, parts), request.cseq.number)
    return session
  }
  private repeatUntilAck(session: SessionDialog, side: ServerSide, bytes: Buffer, cseq: number): void {
    const { T1, T2 } = this.timing
    const end = this.clock.now() + 64 * T1
    let interval = T1
    let timer: Timer | undefined
    session.awaitAck(cseq, () => timer?.cancel())
    const again = (): void => {
      if (this.clock.now() >= end) return session.unacknowledged()
      side.respond(200, bytes)
      timer = this.clock.after(Math.min(interval, end - this.clock.now()), again)
      interval = Math.min(interval * 2, T2)
    }
    again()
  }

  /** A request inside a dialog, for `element`. False: it is of no session of that element. */
  receive(element: string, side: ServerSide): boolean {
    if (this.sessions.size === 0) return false
    const { callId, fromTag, toTag } = side.request
    const session = this.sessions.get(sessionKey(callId, toTag, fromTag))
    if (session === undefined || session.parts.element !== element) return false
    side.admitted = true
    session.receive(side)
    return true
  }
  /** Ends those of an element by BYE. */
  letGo(element: string): void {
    for (const session of [...this.sessions.values()]) if (session.parts.element === element) session.end()
  }
  /** Stops all timers; peers get a BYE, which nobody repeats. */
  stop(): void {
    for (const session of [...this.sessions.values()]) session.drop()
  }
}

const noCall: OutgoingCall = { cancel: () => undefined }
