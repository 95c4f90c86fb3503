/** Settings of an application server (SPEC §3.5), with the dialplan's word of the rest of the network. */
import type { ApplicationServerSettings as DialplanSettings } from './settings-type.ts'

/** When the proximity server tells who is near: at each change, by period too, or only when it is asked. */
export type FeedbackMode = NonNullable<DialplanSettings['feedback']>

export interface ApplicationServerSettings extends DialplanSettings {
  /** URI of a ProSe server -> `host:port` of the node that runs it, for who knows it by that. */
  readonly prosePlaces?: { readonly [uri: string]: string }
}
