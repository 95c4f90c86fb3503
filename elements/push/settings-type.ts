/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * media types that it may send, such as image/*; left out: any
 *
 * @maxItems 64
 */
export type MediaTypes = readonly string[]
/**
 * media types whose messages are its own where they name no application
 *
 * @maxItems 64
 */
export type MediaTypes1 = readonly string[]

/**
 * reaches users by Push identifier: registered by the proxy, source and destination checked, each device asked by itself
 */
export interface PushSettings {
  /**
   * its number among the Push servers of its operator, in the flag bits of its identifiers; default 0
   */
  readonly server?: number
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
  /**
   * URI or name of the address book that resolves aliases; left out: that of this dialplan, if there is one
   */
  readonly addressbook?: string
  /**
   * URI or name of the element that holds the flag-bit table; left out: that of this dialplan, or else the server holds it itself
   */
  readonly routes?: string
  /**
   * URI or name of the PCRF, which is asked whether a source of this operator may send; left out: all may, and nothing is charged
   */
  readonly pcrf?: string
  /**
   * tell the PCRF each Push of a source of this operator that got a 2xx; default false
   */
  readonly charge?: boolean
  /**
   * while the PCRF does not answer; keep: a source about which it has said nothing gets 503; allow: all may send; default "keep"
   */
  readonly unanswered?: 'keep' | 'allow'
  /**
   * number of its operator, in the flag bits of its identifiers; default 0
   */
  readonly flags?: number
  /**
   * URI or name of an element that keeps the bindings of its users, such as registration; left out: the server itself, by REGISTER of the proxy
   */
  readonly bindings?: string
  /**
   * URI or name of the short message centre that takes texts to who has no device; left out: that of this dialplan, if there is one
   */
  readonly smsc?: string
  /**
   * seconds without a device after which a text goes by the short message centre; default 30
   */
  readonly fallback?: number
  /**
   * who chooses the identifiers that it gives subscribers: the server itself, or the HSS; default "own"
   */
  readonly allocation?: 'own' | 'hss'
  /**
   * a message whose next server does not answer: refused with 503, or stored and sent on later; default "refuse"
   */
  readonly relay?: 'refuse' | 'store'
  /**
   * messages for devices that are not there now
   */
  readonly store?: {
    /**
     * seconds for a device's 200, before a message is written and answered 202; default 2
     */
    readonly accept?: number
    /**
     * seconds for which a message is kept at most; default 604800
     */
    readonly keep?: number
    /**
     * seconds for which a device's queue is kept beyond its last registration; default 604800
     */
    readonly queue?: number
    /**
     * devices of one user that are known, registered or away; where there are more, the longest away goes; default 30
     */
    readonly devices?: number
    /**
     * tries after which a message is set aside; default 20
     */
    readonly tries?: number
    /**
     * seconds for which a message that got a 2xx is known again; default 600
     */
    readonly repeat?: number
    /**
     * messages that wait for one user; default 1000
     */
    readonly forUser?: number
    /**
     * of these, from one source; default 200
     */
    readonly ofSource?: number
    /**
     * messages that wait in all, one for each device; default 1000000
     */
    readonly inAll?: number
  }
  /**
   * how devices that sleep are woken (RFC 8599)
   */
  readonly wake?: {
    /**
     * by Web Push, pn-provider=webpush; default true
     */
    readonly webpush?: boolean
    /**
     * whom a push service may write to, mailto: or https:; left out: mailto:postmaster@<first domain>
     */
    readonly subject?: string
    /**
     * key pair of Web Push, which servers that share users have in common; left out: one is made and kept
     */
    readonly vapid?: {
      /**
       * base64url, 65 bytes
       */
      readonly public: string
      /**
       * base64url, 32 bytes
       */
      readonly private: string
    }
    /**
     * programs that wake devices, each by a signed POST
     *
     * @maxItems 16
     */
    readonly webhooks?: readonly WakeWebhook[]
    /**
     * addresses and networks that may be called though they are not public, e.g. [127.0.0.0/8], without TLS too; default none
     *
     * @maxItems 64
     */
    readonly allow?: readonly string[]
    /**
     * true: whose registration has expired is woken too, for as long as its queue is kept; against RFC 8599; default false
     */
    readonly wakeExpired?: boolean
  }
  /**
   * elements that may have devices woken; default the proxies of this dialplan
   */
  readonly proxies?: readonly string[]
  /**
   * bytes of a body at most, whatever its application; default 65535
   */
  readonly maxBytes?: number
  /**
   * Push by HTTP, POST or PUT /push/{to} at its node
   */
  readonly http?: {
    /**
     * application of what this machine sends without a token; left out: none is let in
     */
    readonly anonymous?: string
    /**
     * true: from other machines too, with a token; default false
     */
    readonly open?: boolean
  }
  /**
   * applications that send by Push, each with its rule; none: messages need no application
   */
  readonly applications?: readonly ApplicationSettings[]
  /**
   * other operators, with the flag bits of their identifiers; default the peers of this dialplan
   */
  readonly peers?: readonly PushPeer[]
  /**
   * other Push servers of its operator; default those of this dialplan
   */
  readonly servers?: readonly FellowServer[]
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
}
export interface WakeWebhook {
  /**
   * value of pn-provider
   */
  readonly name: string
  /**
   * an https: URL
   */
  readonly url: string
  /**
   * by which the POST is signed
   */
  readonly secret: string
}
export interface ApplicationSettings {
  /**
   * a reverse-DNS name, a kind such as kind:image.viewer, or a media type
   */
  readonly id: string
  /**
   * for people
   */
  readonly name?: string
  /**
   * how far it has come; default approved
   */
  readonly state?: 'requested' | 'approved' | 'refused' | 'invited' | 'consented' | 'revoked'
  /**
   * class of its messages, which orders them; default authenticate
   */
  readonly sending?: 'authenticate' | 'priority' | 'min-delay'
  readonly types?: MediaTypes
  readonly default?: MediaTypes1
  /**
   * bytes of a body; left out: as the server has it
   */
  readonly maxBytes?: number
  /**
   * messages at this server; left out: any
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
   * messages for one recipient; left out: any
   */
  readonly perRecipient?: {
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
   * true: for sources too for whom nobody vouches; default false
   */
  readonly anonymous?: boolean
  /**
   * services of RFC 6050 that stand for it
   *
   * @maxItems 16
   */
  readonly services?: readonly string[]
  /**
   * Push identifier of its own; left out: one is made
   */
  readonly push?: string
  /**
   * by which it sends over HTTP; left out: none
   */
  readonly token?: string
  readonly description?: 'default {"description":"media types whose messages are its own where they name no application","$ref":"#/definitions/mediaTypes"}'
}
export interface PushPeer {
  readonly domains: readonly string[]
  /**
   * bits of its own; none: any
   */
  readonly flags: readonly string[]
  /**
   * bits of others for which it may vouch
   */
  readonly vouches: readonly string[]
  /**
   * users of each may register through the other; default false
   */
  readonly roaming?: boolean
  /**
   * its Push servers, where they are known one by one
   */
  readonly servers?: readonly PeerServer[]
}
export interface PeerServer {
  /**
   * bits with which its identifiers begin
   */
  readonly flags: string
  /**
   * its URI
   */
  readonly server: string
}
export interface FellowServer {
  /**
   * its name
   */
  readonly element: string
  /**
   * bits with which its identifiers begin: operator, then server, e.g. 0001
   */
  readonly flags: string
}
