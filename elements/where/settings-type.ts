/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * answers texts of softphones about places: where somebody is, as far as he tells, and who may know where the sender is
 */
export interface WhereSettings {
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
  /**
   * URI or name of the GMLC that has the privacy profiles of its users; left out: that of this dialplan
   */
  readonly gmlc?: string
}
