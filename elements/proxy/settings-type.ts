/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * registrar (digest MD5 and SHA-256, several devices, one flow each, GRUU), edge and home proxy, stateful forking, flow tokens in Record-Route
 */
export interface ProxySettings {
  /**
   * none, or a list of digest algorithms in the order offered: MD5, SHA-256; default ["MD5"]
   */
  readonly authenticate?: 'none' | readonly ('MD5' | 'SHA-256')[]
  /**
   * required: only registered users may send requests; default "required"
   */
  readonly registration?: 'required' | 'optional'
  /**
   * lifetime of a binding in seconds
   */
  readonly expires?: {
    /**
     * whole seconds granted where none are asked for, from min to max; left out: 3600, or the next that is allowed
     */
    readonly usual?: number
    /**
     * whole seconds, 1 or more: who asks for less gets 423; default 60
     */
    readonly min?: number
    /**
     * whole seconds granted at most, 1 or more; left out: 7200, or min where that is more
     */
    readonly max?: number
  }
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
  /**
   * contacts a user may register; default 10
   */
  readonly contacts?: number
  /**
   * new requests of one subscriber; beyond it 503
   */
  readonly rate?: {
    /**
     * how many a second in the long run, above 0
     */
    readonly rate: number
    /**
     * how many at once after a pause, a whole number
     */
    readonly burst: number
  }
  /**
   * seconds after which a flow without traffic counts as dead, told to clients that ask for outbound (over UDP 29 at most); default 120
   */
  readonly flowTimer?: number
  /**
   * URIs by which clients are to route their requests, topmost first, e.g. [sip:edge.example.org;lr]
   *
   * Items: a sip: URI
   */
  readonly serviceRoute?: readonly string[]
  /**
   * supported: a Path that a proxy has added is refused to clients that do not know it; default "any"
   */
  readonly path?: 'any' | 'supported'
  /**
   * digest nonces
   */
  readonly nonce?: {
    /**
     * whole seconds, 1 or more; default 300
     */
    readonly seconds?: number
  }
  /**
   * push: a MESSAGE to a user with a Push identifier is a Push, kept for him while he is away; direct: to his devices alone; default "direct"
   */
  readonly messages?: 'direct' | 'push'
  /**
   * Push servers at which subscribers with Push identifiers are registered; default those of this dialplan
   */
  readonly push?: readonly PushServer[]
  /**
   * base stations behind which UEs may be; default those of this dialplan
   *
   * Items: name of an element
   */
  readonly stations?: readonly string[]
  /**
   * elements that a UE may choose by a Route; default the MMEs of this dialplan
   */
  readonly through?: readonly string[]
}
export interface PushServer {
  /**
   * its name
   */
  readonly element: string
  /**
   * bits with which its identifiers begin: operator, then server, e.g. 0001
   */
  readonly flags: string
  /**
   * values of pn-provider (RFC 8599) by which it wakes devices; default those of its settings
   */
  readonly wakes?: readonly string[]
}
