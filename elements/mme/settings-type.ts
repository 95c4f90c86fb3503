/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * UEs attach and get temporary identifiers (S-TMSI, P-TMSI), replaced while subscriptions live; maps them both ways, asks the HSS first or not, lets UEs move to another MME
 */
export interface MmeSettings {
  /**
   * hss: permissions are asked for here, and the proximity server asks no more; none: it asks itself; default "none"
   */
  readonly check?: 'hss' | 'none'
  /**
   * temporary identifiers of attached UEs
   */
  readonly identifier?: {
    /**
     * s-tmsi: 10 hex digits; p-tmsi: 8; default "s-tmsi"
     */
    readonly form?: 's-tmsi' | 'p-tmsi'
    /**
     * two hex digits, the first of this MME's S-TMSIs; no other MME of the network has them; default "01"
     */
    readonly code?: string
    /**
     * seconds until one is replaced; default 3600
     */
    readonly lifetime?: number
    /**
     * seconds, 0 or more, for which the old one still counts, at most half the lifetime; left out: 60, or a quarter of the lifetime where that is less
     */
    readonly grace?: number
  }
  /**
   * seconds granted to an attached UE
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
   * URIs of the other MMEs, from which UEs may move here; default all of this dialplan
   *
   * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly fellows?: readonly string[]
  /**
   * URI or name of the proximity server, for what a UE addresses to the MME itself; left out: sip:prose@<first domain>
   */
  readonly prose?: string
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
}
