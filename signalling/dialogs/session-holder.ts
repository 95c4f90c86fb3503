/** The table of sessions, as each of them sees it. */
import type { Ids } from '../ids.ts'
import type { DialogSender } from './sender.ts'

export interface HeldSession {
  readonly key: string
}

export interface SessionHolder<Held extends HeldSession> {
  readonly ids: Ids
  readonly sender: DialogSender
  enter(session: Held): void
  /** It answers for as long as repetitions of its requests may come. */
  leave(session: Held): void
  forget(session: Held): void
  /** A fork of an INVITE beyond the bound has accepted, and gets no ACK. */
  forkDropped(): void
  /** Tells an element. False: it threw, which costs a line of the log. */
  tell(element: string, say: () => void): boolean
}
