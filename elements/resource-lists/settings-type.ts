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
     * whole seconds granted where none are asked for, 1 or more; left out: 3600, or max where that is less
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
}
