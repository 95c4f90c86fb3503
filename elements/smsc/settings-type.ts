/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * takes texts for an IMSI, keeps them until that terminal has them, and tells by IMDN what became of each
 */
export interface SmscSettings {
  /**
   * terminals of the circuit-switched domain, each with a SIP URI that stands for its radio
   *
   * @maxItems 10000
   */
  readonly terminals?: {
    /**
     * 15 digits
     */
    readonly imsi: string
    /**
     * SIP URI at which it takes a MESSAGE
     */
    readonly uri: string
  }[]
  /**
   * seconds for which a text is kept for a terminal that does not answer; default 86400
   */
  readonly keep?: number
  /**
   * names of elements that may send texts; left out: the Push servers of this dialplan
   */
  readonly askers?: readonly string[]
}
