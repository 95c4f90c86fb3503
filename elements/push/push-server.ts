/** A Push server as HTTP and the hands of an operator reach it. */
import type { Element } from '../../signalling/index.ts'
import type { Applications } from './applications.ts'
import type { PushAudit } from './conservation.ts'
import type { Decisions } from './decisions.ts'
import type { PushExplanation } from './explanation.ts'
import type { PushMessage } from './push-message.ts'
import type { PushSettings } from './settings-type.ts'
import type { Submissions } from './submissions.ts'

export interface PushServer extends Element {
  readonly applications: Applications
  readonly submissions: Submissions
  readonly decisions: Decisions
  readonly http: NonNullable<PushSettings['http']>
  /** Decisions about a user, an identifier or a Call-ID; undefined: nothing is known. */
  why(name: string): Promise<PushExplanation | undefined>
  audit(): Promise<PushAudit>
  /** Tries copies again that were set aside, of one user or of all; resolves with their number. Undefined: there is no such user. */
  retry(name: string | undefined): Promise<number | undefined>
  /** Messages that wait for a subscriber, in the order in which they were accepted. */
  waiting(subscriber: string): readonly PushMessage[]
}
