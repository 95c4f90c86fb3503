/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * processes places for services to which their targets are subscribed
 */
export interface LcsClientSettings {
  /**
   * services that it offers
   *
   * @minItems 1
   * @maxItems 100
   */
  readonly services: readonly OfferedService[]
  /**
   * targets that are subscribed to its services; left out: users of its operator, as their records have it
   *
   * @maxItems 100000
   */
  readonly subscribers?: readonly ServiceSubscriber[]
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
  /**
   * names of the GMLCs that may tell it places; left out: those of this dialplan
   */
  readonly gmlcs?: readonly string[]
  /**
   * URI or name of the PCRF, which is told each result; left out: nothing is charged there
   */
  readonly pcrf?: string
}
export interface OfferedService {
  /**
   * its name
   */
  readonly service: string
  /**
   * what it makes of a place; text: a description of it
   */
  readonly does: 'text'
  /**
   * units that a target pays for each result; default 0
   */
  readonly price?: number
}
export interface ServiceSubscriber {
  /**
   * a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly target: string
  /**
   * services; left out: all
   */
  readonly services?: readonly string[]
  /**
   * units that it has paid in, all in all; default 0
   */
  readonly balance?: number
}
