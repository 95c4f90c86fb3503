/** One side of a session: the dialog that a 2xx to INVITE has made (RFC 3261 §12, §15), until its BYE. */

import { authorizationFor, type Credentials } from '../messages/auth.ts'
import { buildResponse, type HeaderList, warning } from '../messages/build.ts'
import { H } from '../messages/names.ts'
import type { Session, SessionListener } from '../session.ts'
import type { ClientUser } from '../transactions/client.ts'
import type { ServerSide } from '../transactions/server.ts'
import type { SessionHolder } from './session-holder.ts'

interface SessionParts {
  readonly element: string
  readonly callId: string
  /** Values of From in our requests, and of To, with their tags. */
  readonly local: string
  readonly remote: string
  readonly localTag: string
  readonly remoteTag: string
  readonly remoteTarget: string
  readonly routeSet: readonly string[]
  /** CSeq of the last request of each side; the peer's is -1 before its first. */
  readonly localSeq: number
  readonly remoteSeq: number
  /** Answers a digest challenge of a BYE, once. */
  readonly credentials?: Credentials | undefined
}

const allow = 'ACK, BYE, INVITE, OPTIONS'
const noAck = 'no ACK came'

/** Names a dialog (RFC 3261 §12). */
export function sessionKey(callId: string, localTag: string, remoteTag: string): string {
  return `${callId}|${localTag}|${remoteTag}`
}

export class SessionDialog implements Session {
  live = true
  readonly parts: SessionParts
  private readonly holder: SessionHolder<SessionDialog>
  private readonly listener: SessionListener
  private cseq: number
  private remoteSeq: number
  /** Number of the ACK that is to come, and the end of the repetition of our 2xx. */
  private awaited: { readonly cseq: number; readonly acknowledged: () => void } | undefined
  /** The BYE that waits for the ACK (RFC 3261 §15). */
  private goodbye: HeaderList | undefined

  constructor(holder: SessionHolder<SessionDialog>, parts: SessionParts, listener: SessionListener) {
    this.holder = holder
    this.parts = parts
    this.listener = listener
    this.cseq = parts.localSeq
    this.remoteSeq = parts.remoteSeq
    holder.enter(this)
  }
  get key(): string {
    const { callId, localTag, remoteTag } = this.parts
    return sessionKey(callId, localTag, remoteTag)
  }

  /** The callee's side: until the ACK comes, no BYE leaves. */
  awaitAck(cseq: number, acknowledged: () => void): void {
    this.awaited = { cseq, acknowledged }
  }
  /** It has come, or is awaited no longer. */
  ackOver(): void {
    this.awaited?.acknowledged()
    this.awaited = undefined
    if (this.goodbye !== undefined) this.sendBye(this.goodbye)
  }
  /** 64*T1 have gone by without an ACK (RFC 3261 §13.3.1.4). */
  unacknowledged(): void {
    if (this.live) this.goodbye = [['Reason', `SIP;cause=408;text="${noAck}"`]]
    this.over('silence', noAck)
    this.ackOver()
  }
  /** The caller's side: for each 2xx, repeated ones too (RFC 3261 §13.2.2.4). */
  acknowledge(cseq: number, extra: HeaderList = []): void {
    this.send('ACK', cseq, extra, silent)
  }

  end(headers: HeaderList = []): void {
    if (!this.live) return
    this.leave()
    if (this.awaited === undefined) this.sendBye(headers)
    else this.goodbye = headers
  }
  private sendBye(headers: HeaderList): void {
    this.goodbye = undefined
    const { credentials, remoteTarget } = this.parts
    this.send('BYE', ++this.cseq, headers, {
      onResponse: (response) => {
        if (response.status < 300) return
        const again = authorizationFor(response, credentials, 'BYE', remoteTarget, this.holder.ids)
        if (again !== undefined) this.send('BYE', ++this.cseq, [...headers, again], silent)
      },
      onNoResponse: () => undefined,
    })
  }
  private send(method: string, cseq: number, extra: HeaderList, user: ClientUser): void {
    const { callId, element, local, remote, remoteTarget, routeSet } = this.parts
    const headers: HeaderList = [['From', local], ['To', remote], ['Call-ID', callId], ['CSeq', `${cseq} ${method}`], ...extra]
    this.holder.sender.send({ element, method, uri: remoteTarget, routeSet, headers }, user)
  }

  /** A request of this dialog. */
  receive(side: ServerSide): void {
    const { request } = side
    const { cseq, method } = request
    if (method === 'ACK') {
      if (cseq.number === this.awaited?.cseq) this.ackOver()
      return
    }
    if (cseq.number <= this.remoteSeq) return this.reply(side, 500) // out of order (RFC 3261 §12.2.2)
    this.remoteSeq = cseq.number
    if (method === 'OPTIONS') return this.reply(side, 200, [['Allow', allow]])
    if (method === 'INVITE' || method === 'UPDATE')
      return this.reply(side, 488, [['Warning', warning(this.parts.element, 'this session goes on as it is')]])
    if (method !== 'BYE') return this.reply(side, 405, [['Allow', allow]])
    this.reply(side, 200)
    this.over('peer', request.text(H.Reason))
  }
  private reply(side: ServerSide, status: number, headers: HeaderList = []): void {
    side.respond(status, buildResponse(side.request, status, { via: side.via, headers }))
  }
  /** It has ended without `end`: the element is told. */
  over(by: 'peer' | 'silence', reason: string | undefined): void {
    if (!this.live) return
    this.leave()
    this.holder.tell(this.parts.element, () => this.listener.ended({ by, reason }))
  }
  private leave(): void {
    this.live = false
    this.holder.leave(this)
  }
  /** The node stops: one BYE where it may leave, and no timer stays. */
  drop(): void {
    if (this.live && this.awaited === undefined) this.sendBye([])
    this.awaited?.acknowledged()
    this.live = false
    this.holder.forget(this)
  }
}

const silent: ClientUser = { onResponse: () => undefined, onNoResponse: () => undefined }
