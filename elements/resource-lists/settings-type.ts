/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * a whole buddy list by one subscription: `sip:friends@localhost` is the list of whoever subscribes
 */
export interface ResourceListsSettings {
  /**
   * further lists: the user part of the URI, and who is on it
   */
  readonly lists?: {
    /**
     * identifiers on the list
     *
     * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
     */
    readonly [k: string]: readonly string[]
  }
  /**
   * lifetime of a subscription in seconds
   */
  readonly expires?: {
    /**
     * whole seconds, 1 or more
     */
    readonly usual?: number
    /**
     * whole seconds, 1 or more
     */
    readonly max?: number
  }
  /**
   * URI of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
}
