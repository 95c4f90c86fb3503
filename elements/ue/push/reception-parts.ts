/** Parts of the reception of Pushes: what the user is told and asked, and who hears of an outcome. */
import type { Clock, Log } from '../../../signalling/index.ts'
import type { Desktop, DesktopApplication } from './desktop/desktop.ts'
import type { PushOutcome } from './push-inbox.ts'
import type { ReceivedPush } from './received-push.ts'
import type { RunningApplications } from './running-applications.ts'

/** Word to the user. */
export interface PushNotice {
  /** The one that caused it. */
  readonly push: ReceivedPush
  /** Name of its source for people. */
  readonly sender: string
  /** Name of the application that gets it, or why none does. */
  readonly application?: string
  readonly unopened?: 'no application' | 'executable' | 'no application identifier' | 'not started'
  /** File that has the content of what nothing can open. */
  readonly file?: string
}

/** Tells the user: a callback, a bell, a notification of the desktop. */
export type PushPrompter = (notice: PushNotice) => void | Promise<void>

/** Whether an application is to be started; `always`: and not asked again for this source. */
export type OpenAnswer = 'yes' | 'no' | 'always'
export type OpenAsker = (notice: PushNotice & { readonly application: string }) => Promise<OpenAnswer>

export interface ReceptionParts {
  readonly clock: Clock
  readonly log: Log
  readonly running: RunningApplications
  readonly desktop: Desktop | undefined
  readonly prompters: readonly PushPrompter[]
  /** Undefined: applications are started without a question. */
  readonly ask: OpenAsker | undefined
  readonly consents: {
    has(application: DesktopApplication, source: string): boolean
    add(application: DesktopApplication, source: string): Promise<void>
  }
  readonly similarTo: (application: string) => readonly string[]
  readonly nameOf: (push: ReceivedPush) => Promise<string>
  /** It is about to be handed over: resolves when durable. */
  readonly handing: (push: ReceivedPush) => Promise<void>
  readonly settled: (push: ReceivedPush, outcome: PushOutcome) => Promise<void>
}
