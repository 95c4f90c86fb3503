/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * `reg`: what the registrar holds of a user, told to that user
 */
export interface RegEventSettings {
  /**
   * lifetime of a subscription in seconds
   */
  readonly expires?: {
    /**
     * whole seconds, 1 or more; default 3761
     */
    readonly usual?: number
    /**
     * whole seconds, 1 or more; default 86400
     */
    readonly max?: number
  }
  /**
   * URI of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
  /**
   * name of the proxy whose registrations these are; left out: the one of this dialplan
   */
  readonly registrar?: string
  /**
   * who may watch everybody: names of elements, or identifiers; left out: all elements of this dialplan
   *
   * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly askers?: readonly string[]
}
