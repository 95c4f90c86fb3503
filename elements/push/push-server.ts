/** A Push server as HTTP and the hands of an operator reach it. */
import type { Element } from '../../signalling/index.ts'
import type { Applications } from './applications.ts'
import type { Decisions } from './decisions.ts'
import type { PushMessage } from './push-message.ts'
import type { PushSettings } from './settings-type.ts'
import type { Submissions } from './submissions.ts'

export interface PushServer extends Element {
  readonly applications: Applications
  readonly submissions: Submissions
  readonly decisions: Decisions
  readonly http: NonNullable<PushSettings['http']>
  /** Messages that wait for a subscriber, in the order in which they were accepted. */
  waiting(subscriber: string): readonly PushMessage[]
}
