/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * serves UEs of its domain that ask where they are: has them positioned, and their places passed to the clients that they name
 */
export interface CoreNetworkSettings {
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
  /**
   * URI or name of the base station that positions its UEs; left out: that of this dialplan
   */
  readonly ran?: string
  /**
   * URI or name of the GMLC that passes places on; left out: that of this dialplan
   */
  readonly gmlc?: string
  /**
   * URI or name of the element that tells who is registered, for requests that wait for an attach; left out: that of this dialplan
   */
  readonly registration?: string
  /**
   * names of the GMLCs that may ask where a target is; left out: those of this dialplan
   */
  readonly gmlcs?: readonly string[]
  /**
   * seconds for which a result is kept for a UE that is gone; default 86400
   */
  readonly keep?: number
}
