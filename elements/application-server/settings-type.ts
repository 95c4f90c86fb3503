/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * users of one application: registered by a MESSAGE or with no human step (SPEC §4), who of them is near whom (`proximate-users`), and the same as presence of `sip:near-<user>@…`
 */
export interface ApplicationServerSettings {
  /**
   * application identifier, e.g. org.example.nearby
   */
  readonly application: string
  /**
   * true: every subscriber who may use it becomes a user by using it, under his own identifier and with his friends in the HSS; default false
   */
  readonly open?: boolean
  /**
   * users with secrets of their own, by which they prove in automated registration who they are
   */
  readonly users?: readonly UserSecret[]
  /**
   * URIs of the ProSe servers that users may be at; default all of this dialplan
   *
   * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly proseServers?: readonly string[]
  /**
   * when the proximity server tells who is near: at each change, each period too, or when it is asked each period; default "change"
   */
  readonly feedback?: 'change' | 'period' | 'poll'
  /**
   * the ProSe servers are in mode listed: with feedback poll, friends are kept on monitor lists between two questions; default as the ProSe servers of this dialplan
   */
  readonly listed?: boolean
  /**
   * seconds, above 0; default 10
   */
  readonly period?: number
  /**
   * seconds: changes are told at most so often
   */
  readonly gap?: number
  /**
   * seconds granted to subscribers
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
   * sip:<view>-<user>@<domain> shows as presence whether that user is near whoever subscribes; default "near"
   */
  readonly view?: string
  /**
   * have the devices of friends start broadcasting; default false
   */
  readonly wake?: boolean
  /**
   * URI or name of the proximity server; left out: sip:prose@<first domain>
   */
  readonly prose?: string
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
}
export interface UserSecret {
  /**
   * a URI or any other name
   */
  readonly user: string
  readonly secret: string
}
