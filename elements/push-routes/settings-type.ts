/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * the flag-bit table of an operator, where its Push servers do not hold it themselves: `push-routes`
 */
export interface PushRoutesSettings {
  /**
   * further servers, such as those of operators outside this dialplan; of the same bits these go before
   *
   * @maxItems 400
   */
  readonly routes?: readonly FurtherRoute[]
  /**
   * Push servers of the operator and its peers; default those of this dialplan
   *
   * @maxItems 100
   */
  readonly known?: readonly KnownRoute[]
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
  /**
   * names of the elements that may ask; left out: all elements of this dialplan
   *
   * Items: the name of an element
   */
  readonly askers?: readonly string[]
}
export interface FurtherRoute {
  /**
   * bits with which its identifiers begin: operator, then server, e.g. 0111
   */
  readonly flags: string
  /**
   * its URI, e.g. sip:push2@op-b.example
   */
  readonly server: string
}
export interface KnownRoute {
  /**
   * bits with which its identifiers begin
   */
  readonly flags: string
  /**
   * its URI
   */
  readonly server: string
}
