/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * tells where a target is to who may know, keeps the privacy profiles of targets, and passes places on to the LCS clients that they name
 */
export interface GmlcSettings {
  /**
   * names of the LCS clients that it serves; left out: those of this dialplan
   */
  readonly clients?: readonly string[]
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
  /**
   * rules of privacy of targets that have told none themselves (SPEC §8.4)
   *
   * @maxItems 10000
   */
  readonly profiles?: readonly GivenProfile[]
  /**
   * names of the elements that read and change privacy profiles for their users; left out: those of this dialplan that take text commands
   */
  readonly speakers?: readonly string[]
  /**
   * names of the elements of the core network; left out: those of this dialplan
   */
  readonly cores?: readonly string[]
}
export interface GivenProfile {
  /**
   * a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly target: string
  /**
   * rules, as privacy-profile has them
   *
   * @maxItems 100
   */
  readonly rules: readonly GivenRule[]
}
export interface GivenRule {}
