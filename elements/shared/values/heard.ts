/** A code that was heard over the air: what an air tells, a UE gathers and a `prose-match` reports (SPEC §3.2, §7). */
export interface HeardBroadcast {
  readonly code: string
  /** dBm */
  readonly rssi?: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** The announcer has answered a challenge over the air. */
  readonly confirmed?: boolean
}
