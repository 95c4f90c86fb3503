/** An INVITE of an element, from its sending to its final response (RFC 3261 §13.2): challenges, forks, CANCEL. */
import type { OutgoingInvite } from '../element.ts'
import { authorizationFor } from '../messages/auth.ts'
import type { HeaderList } from '../messages/build.ts'
import { madeUp } from '../messages/made-up.ts'
import type { SipResponse } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import type { CallerListener, OutgoingCall } from '../session.ts'
import type { Cancellable } from '../transactions/server.ts'
import { SessionDialog } from './session.ts'
import type { SessionHolder } from './session-holder.ts'

const forksAtMost = 16 // each costs an ACK and a BYE to wherever its Contact says

export class OutgoingInvitation implements OutgoingCall {
  private readonly holder: SessionHolder<SessionDialog>
  private readonly element: string
  private readonly request: OutgoingInvite
  private readonly listener: CallerListener
  private readonly callId: string
  private readonly tag: string
  private readonly from: string
  private cseq = 0
  private transaction: Cancellable | undefined
  private cancelled = false
  /** Remote tag -> the session of that fork; the first one is the listener's. */
  private readonly sessions = new Map<string, SessionDialog>()

  constructor(
    holder: SessionHolder<SessionDialog>,
    element: string,
    own: string,
    request: OutgoingInvite,
    listener: CallerListener,
  ) {
    this.holder = holder
    this.element = element
    this.request = request
    this.listener = listener
    this.callId = holder.ids.token(22)
    this.tag = holder.ids.token(10)
    this.from = `<${request.from ?? own}>;tag=${this.tag}`
    this.send([])
  }
  cancel(): void {
    this.cancelled = true
    this.transaction?.cancel()
  }
  private send(authorization: HeaderList): void {
    const { body, headers = [], route = [], to } = this.request
    const cseq = ++this.cseq
    const fields: HeaderList = [
      ['From', this.from],
      ['To', `<${to}>`],
      ['Call-ID', this.callId],
      ['CSeq', `${cseq} INVITE`],
      ['Contact', `<${this.holder.sender.contact(this.element)}>`],
      ...headers,
      ...authorization,
      ...(body === undefined ? [] : [['Content-Type', body.type] as const]),
    ]
    const parts = { element: this.element, method: 'INVITE', uri: to, routeSet: route, headers: fields, body: body?.content }
    this.transaction = this.holder.sender.send(parts, {
      onResponse: (response) => this.answered(response, cseq, authorization),
      onNoResponse: (status, why) => this.refused(madeUp({ method: 'INVITE', to }, fields, why?.status ?? status)),
    })
  }
  private answered(response: SipResponse, cseq: number, authorization: HeaderList): void {
    const { status } = response
    if (status < 200) {
      if (status > 100) this.tell(() => this.listener.progressed?.(response))
    } else if (status < 300) this.established(response, cseq, authorization)
    else {
      const { credentials, to } = this.request
      const isFirst = authorization.length === 0 && !this.cancelled
      const again = isFirst ? authorizationFor(response, credentials, 'INVITE', to, this.holder.ids) : undefined
      if (again === undefined) this.refused(response)
      else this.send([again])
    }
  }
  private refused(response: SipResponse): void {
    if (this.sessions.size === 0) this.tell(() => this.listener.refused(response))
  }
  private tell(say: () => void): boolean {
    return this.holder.tell(this.element, say)
  }
  /**
   * One dialog for each fork that accepts (RFC 3261 §13.2.2.4). The first stays, unless its listener throws; others end at once.
   */
  private established(response: SipResponse, cseq: number, authorization: HeaderList): void {
    const known = this.sessions.get(response.toTag)
    if (known === undefined && this.sessions.size >= forksAtMost) return this.holder.forkDropped()
    const isFirst = this.sessions.size === 0
    const session = known ?? this.sessionOf(response, cseq)
    session.acknowledge(cseq, authorization)
    if (known !== undefined) return
    if (isFirst && !this.cancelled && this.tell(() => this.listener.answered(session, response))) return
    session.end()
    if (!isFirst || !this.cancelled) return
    const refusal = madeUp({ method: 'INVITE', to: this.request.to }, this.ownFields(cseq), 487)
    this.tell(() => this.listener.refused(refusal))
  }
  private ownFields(cseq: number): HeaderList {
    return [
      ['From', this.from],
      ['To', `<${this.request.to}>`],
      ['Call-ID', this.callId],
      ['CSeq', `${cseq} INVITE`],
    ]
  }
  private sessionOf(response: SipResponse, cseq: number): SessionDialog {
    const { credentials, to } = this.request
    const isFirst = this.sessions.size === 0
    const session = new SessionDialog(
      this.holder,
      {
        element: this.element,
        callId: this.callId,
        local: this.from,
        remote: response.text(H.To) ?? `<${to}>;tag=${response.toTag}`,
        localTag: this.tag,
        remoteTag: response.toTag,
        remoteTarget: response.contactUri?.text ?? to,
        routeSet: response.list(H['Record-Route']).reverse(),
        localSeq: cseq,
        remoteSeq: -1,
        credentials,
      },
      { ended: (why) => isFirst && this.listener.ended(why) },
    )
    this.sessions.set(response.toTag, session)
    return session
  }
}
