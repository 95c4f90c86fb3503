/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * proximity, and the identifiers of automated registration with devices that move from server to server: roles, rotating broadcast codes, monitor lists, match reports, who is near (list, pair, set), feedback on change and by period, differences
 */
export interface ProseSettings {
  /**
   * all: devices report every code they hear; listed: only codes on their monitor list; default "all"
   */
  readonly mode?: 'all' | 'listed'
  /**
   * lifetime of a proximity service subscription in seconds
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
   * broadcast codes: seconds until one rotates, and for how long the old one still counts
   */
  readonly code?: {
    /**
     * seconds, above 0; default 3600
     */
    readonly lifetime?: number
    /**
     * seconds, 0 or more, at most half the lifetime; left out: 60, or a quarter of the lifetime where that is less
     */
    readonly grace?: number
  }
  /**
   * match reports, as devices are told: seconds until one reports a code again, and whether it has to be confirmed
   */
  readonly report?: {
    /**
     * seconds, above 0; default 20
     */
    readonly refresh?: number
    /**
     * true: only codes count whose broadcaster has answered a challenge over the air; default false
     */
    readonly confirmed?: boolean
  }
  /**
   * seconds after which an entry of a proximate list that is not refreshed leaves; left out: three times report.refresh
   */
  readonly lifetime?: number
  /**
   * permanent: discoverable devices always broadcast; when-monitored: only while somebody looks for them; default "permanent"
   */
  readonly announce?: 'permanent' | 'when-monitored'
  /**
   * whom a UE may ask about by a set query, which tells their codes and wakes them; friends: those who have it as a friend; default "friends"
   */
  readonly sets?: 'friends' | 'everybody'
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
  /**
   * URI or name of the PCRF, e.g. sip:pcrf@localhost; left out: it is not asked, and nothing is charged
   */
  readonly pcrf?: string
  /**
   * what takes a unit of a quota: each proximity service request, or each feedback; default "request"
   */
  readonly confirm?: 'request' | 'feedback'
  /**
   * tell the PCRF each chargeable event: codes allocated, feedback; default false
   */
  readonly charge?: boolean
  /**
   * while the PCRF does not answer; keep: what was allowed goes on, new requests get 503; allow: they are let in too; default "keep"
   */
  readonly unanswered?: 'keep' | 'allow'
  /**
   * URIs of the other ProSe servers, from which devices may move here; default all of this dialplan
   *
   * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly fellows?: readonly string[]
  /**
   * for a device, the devices it looks for
   */
  readonly monitors?: {
    /**
     * a list of devices
     *
     * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
     */
    readonly [k: string]: readonly string[]
  }
}
