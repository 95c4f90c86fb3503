/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * rules by subscriber, service and time, quotas by count and time, charging records; `service-policy`
 */
export interface PcrfSettings {
  /**
   * the first that matches subscriber, service and time decides; default []
   */
  readonly rules?: readonly RuleSettings[]
  /**
   * where no rule matches; default "allow"
   */
  readonly otherwise?: 'allow' | 'deny'
  /**
   * how much of a quota is granted at a time: what an element that is killed loses at most
   */
  readonly block?: {
    /**
     * a whole number, 1 or more; default 10
     */
    readonly count?: number
    /**
     * seconds, above 0; default 300
     */
    readonly seconds?: number
  }
  /**
   * folder of the charging records, relative to the working directory; left out: charging in the data folder, none if that is `memory`
   */
  readonly records?: string
  /**
   * URI or name of the HSS, which says whom rules name by an alias; left out: the one of this dialplan
   */
  readonly hss?: string
  /**
   * names of the elements that may ask; left out: all elements of this dialplan
   *
   * Items: the name of an element
   */
  readonly askers?: readonly string[]
}
/**
 * whom it is about, when, and what it decides
 */
export interface RuleSettings {
  /**
   * what its quota is kept under; left out: rule <n>
   */
  readonly name?: string
  /**
   * identifiers of subscribers; left out: all
   *
   * @minItems 1
   *
   * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly subscribers?: readonly string[]
  /**
   * left out: all
   *
   * @minItems 1
   */
  readonly services?: readonly ('proximity' | 'push' | 'location')[]
  /**
   * of the service proximity; left out: both, and every other service. Such a rule has no quota
   *
   * @minItems 1
   */
  readonly roles?: readonly ('discoverable' | 'discoverer')[]
  /**
   * days of the week; left out: all. Hours over midnight belong to the day on which they begin
   *
   * @minItems 1
   */
  readonly days?: readonly ('mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun')[]
  /**
   * part of the day, such as 08:00-17:30 or 22:00-06:00
   */
  readonly hours?: string
  /**
   * time zone of days, hours and quotas, such as Europe/Berlin; default "UTC"
   */
  readonly zone?: string
  /**
   * default "allow"
   */
  readonly decision?: 'allow' | 'deny'
  /**
   * for each subscriber and service: units (count), time of use (seconds), or both
   */
  readonly quota?: {
    /**
     * units, 0 or more
     */
    readonly count?: number
    /**
     * seconds, 0 or more
     */
    readonly seconds?: number
    /**
     * when it begins anew; default "ever"
     */
    readonly per?: 'day' | 'month' | 'ever'
  }
}
