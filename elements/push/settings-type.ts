/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * reaches users by Push identifier: registered by the proxy, source and destination checked, each device asked by itself
 */
export interface PushSettings {
  /**
   * its number among the Push servers of its operator, in the flag bits of its identifiers; default 0
   */
  readonly server?: number
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
  /**
   * number of its operator, in the flag bits of its identifiers; default 0
   */
  readonly flags?: number
  /**
   * other Push servers of its operator; default those of this dialplan
   */
  readonly servers?: readonly FellowServer[]
  /**
   * bits of an identifier that name operator and server
   */
  readonly widths?: {
    /**
     * default 2
     */
    readonly operator?: number
    /**
     * default 2
     */
    readonly server?: number
  }
}
export interface FellowServer {
  /**
   * its name
   */
  readonly element: string
  /**
   * bits with which its identifiers begin: operator, then server, e.g. 0001
   */
  readonly flags: string
}
