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
     * whole seconds granted where none are asked for, 1 or more; left out: 3761, or max where that is less
     */
    readonly usual?: number
    /**
     * whole seconds granted at most, 1 or more; left out: 86400, or usual where that is more
     */
    readonly max?: number
  }
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
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
