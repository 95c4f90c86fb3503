/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * PUBLISH and `presence`: one PIDF document of all devices, told to whom the presentity allows (friends, allow, block, polite block); `presence.winfo`
 */
export interface PresenceSettings {
  /**
   * lifetime of a subscription or publication in seconds
   */
  readonly expires?: {
    /**
     * whole seconds granted where none are asked for, 1 or more; left out: 3600, or max where that is less
     */
    readonly usual?: number
    /**
     * whole seconds granted at most, 1 or more; left out: 86400, or usual where that is more
     */
    readonly max?: number
  }
  /**
   * bytes of all documents about one presentity at most; default 32768
   */
  readonly size?: number
  /**
   * publications about one presentity at most; default 10
   */
  readonly publications?: number
  /**
   * who may watch where a subscriber has not settled it: everybody, or friends (others wait); left out: everybody, and no subscriber's rules are asked for
   */
  readonly watchers?: 'everybody' | 'friends'
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
}
