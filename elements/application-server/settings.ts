/** Settings of an application server (SPEC §3.5). Seconds where a person writes them. */
import type { Lifetimes } from '../shared/values/lifetimes.ts'

/** When the proximity server tells who is near: at each change, by period too, or only when it is asked. */
export type FeedbackMode = 'change' | 'period' | 'poll'

export interface ApplicationServerSettings {
  /** Application identifier, e.g. `org.example.nearby`. */
  readonly application: string
  /** Every subscriber who may use it is a user, under his own identifier and with the friends that the HSS lists. */
  readonly open?: boolean
  /** Users with secrets of their own, by which they prove in automated registration who they are (SPEC §4). */
  readonly users?: readonly { readonly user: string; readonly secret: string }[]
  /** Default `change`. */
  readonly feedback?: FeedbackMode
  /** Seconds between two reports, or questions. Default 10. */
  readonly period?: number
  /** Seconds: changes are told at most so often. Default: at once. */
  readonly gap?: number
  /** The ProSe servers listen for listed codes alone: whoever polls them has friends put on lists meanwhile. Default false. */
  readonly listed?: boolean
  /** Seconds granted to subscribers. */
  readonly expires?: Lifetimes
  /** `sip:<view>-<user>@<domain>` shows as presence whether that user is near whoever subscribes. Default `near`. */
  readonly view?: string
  /** Has the devices of friends start broadcasting (SPEC §3.3). */
  readonly wake?: boolean
  /** URIs of the ProSe servers that users may be at. Default `prose` alone. */
  readonly proseServers?: readonly string[]
  /** URI of a ProSe server -> `host:port` of the node that runs it, for who knows it by that. */
  readonly prosePlaces?: { readonly [uri: string]: string }
  /** URI of the usual one of them. Default `sip:prose@<first domain>`. */
  readonly prose?: string
  /** URI of the HSS. Default `sip:hss@<first domain>`. */
  readonly hss?: string
}
