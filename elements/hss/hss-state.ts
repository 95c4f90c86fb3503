/** State of a subscription to records of the HSS. */
import type { NamedPage } from './named-page.ts'

/** State of one subscription: the feed (no `key`), or one record. */
export interface HssState {
  readonly version: number
  readonly secrets: boolean
  readonly key?: string
  /** Instead of them: the page that was asked for. */
  readonly page?: NamedPage
  /** Subscribers changed after that version, up to a later one, known to the subscriber of the feed already. */
  readonly part?: { readonly upTo: number; readonly ids: ReadonlySet<string> }
}
