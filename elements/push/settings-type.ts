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
   * URI or name of the address book that resolves aliases; left out: that of this dialplan, if there is one
   */
  readonly addressbook?: string
  /**
   * number of its operator, in the flag bits of its identifiers; default 0
   */
  readonly flags?: number
  /**
   * messages for devices that are not there now
   */
  readonly store?: {
    /**
     * seconds for a device's 200, before a message is written and answered 202; default 2
     */
    readonly accept?: number
    /**
     * seconds for which a message is kept at most; default 604800
     */
    readonly keep?: number
    /**
     * seconds for which a device's queue is kept beyond its last registration; default 604800
     */
    readonly queue?: number
    /**
     * tries after which a message is set aside; default 20
     */
    readonly tries?: number
    /**
     * seconds for which a message that got a 2xx is known again; default 600
     */
    readonly repeat?: number
    /**
     * messages that wait for one user; default 1000
     */
    readonly forUser?: number
    /**
     * of these, from one source; default 200
     */
    readonly ofSource?: number
    /**
     * messages that wait in all; default 1000000
     */
    readonly inAll?: number
  }
  /**
   * other operators, with the flag bits of their identifiers; default the peers of this dialplan
   */
  readonly peers?: readonly PushPeer[]
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
export interface PushPeer {
  readonly domains: readonly string[]
  /**
   * bits of its own; none: any
   */
  readonly flags: readonly string[]
  /**
   * bits of others for which it may vouch
   */
  readonly vouches: readonly string[]
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
