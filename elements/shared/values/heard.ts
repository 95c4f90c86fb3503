/** A code that was heard over the air: told by an air, gathered by a UE and reported by a `prose-match` (SPEC §3.2, §7). */
export interface HeardBroadcast {
  readonly code: string
  /** dBm */
  readonly rssi?: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** The announcer has answered a challenge over the air. */
  readonly confirmed?: boolean
}
