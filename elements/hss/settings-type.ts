/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * a list of subscribers
 */
export type Subscribers = readonly Subscriber[]

/**
 * subscribers, aliases, credentials as H(A1), permissions; `subscription-data`
 */
export interface HssSettings {
  /**
   * true: every user of our domains exists, with all permissions and without credentials; default false
   */
  readonly open?: boolean
  readonly subscribers?: Subscribers
  /**
   * true: subscribers of the dialplan with neither password nor credentials have one that the first start makes and keeps in the data folder, file lab-password, or that of PROXIMA_LAB_PASSWORD; default false
   */
  readonly labPassword?: boolean
  /**
   * names of the elements that may ask; left out: all elements of this dialplan
   *
   * Items: the name of an element
   */
  readonly askers?: readonly string[]
  /**
   * those of them that authenticate users and are told credentials; left out: all elements of role proxy, or of role push where there is no proxy
   *
   * Items: the name of an element
   */
  readonly proxies?: readonly string[]
  /**
   * application servers that every subscriber of this HSS allows, beside those of his own list
   */
  readonly servers?: readonly AllowedServer[]
  /**
   * a JSON or YAML file with a list of further subscribers, relative to the dialplan
   */
  readonly provisioning?: string
}
/**
 * a subscriber and its device
 */
export interface Subscriber {
  /**
   * canonical identifier, e.g. sip:alice@example.org
   */
  readonly id: string
  /**
   * digest password; without one the subscriber cannot sign in
   */
  readonly password?: string
  /**
   * instead of a password: H(A1) in hex of user and first domain, per algorithm
   */
  readonly credentials?: {
    /**
     * 32 lower-case hex digits
     */
    readonly MD5?: string
    /**
     * 64 lower-case hex digits
     */
    readonly 'SHA-256'?: string
  }
  /**
   * other identifiers of the same device
   *
   * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly aliases?: readonly string[]
  /**
   * what the subscription allows
   */
  readonly permissions: {
    /**
     * may be discovered by others
     */
    readonly discoverable: boolean
    /**
     * may discover others
     */
    readonly discoverer: boolean
    /**
     * may be given Push identifiers, the first one at REGISTER; left out: may not
     */
    readonly push?: boolean
  }
  /**
   * 15 digits, of its terminal in the circuit-switched domain
   */
  readonly imsi?: string
  /**
   * may ask the network where it is; left out: may not
   */
  readonly moLr?: {
    /**
     * services of LCS clients to which it is subscribed, and its place may go; left out: any
     *
     * @maxItems 100
     */
    readonly services?: readonly MoLrServiceName[]
  }
  /**
   * identifiers of the subscriber's friends
   *
   * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly friends?: readonly string[]
  /**
   * who may watch the subscriber's presence, beside friends
   */
  readonly watchers?: {
    /**
     * identifiers that may watch
     *
     * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
     */
    readonly allow?: readonly string[]
    /**
     * identifiers that are refused
     *
     * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
     */
    readonly block?: readonly string[]
    /**
     * identifiers that see somebody who is never there
     *
     * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
     */
    readonly polite?: readonly string[]
    /**
     * everybody else; confirm: they wait
     */
    readonly others?: 'allow' | 'block' | 'polite' | 'confirm'
  }
  /**
   * application servers that may act for this device
   */
  readonly servers?: readonly AllowedServer[]
  /**
   * Push identifiers by which others reach this subscriber, whatever operator they have
   *
   * @maxItems 16
   */
  readonly push?: readonly PushIdentifier[]
  /**
   * names of the subscriber in the address book of this network
   */
  readonly directory?: {
    /**
     * name, e.g. Bob Miller
     */
    readonly name?: string
    readonly nickname?: string
    /**
     * true: everybody may find the subscriber, by these names and by each number and address; left out: those in friends alone
     */
    readonly listed?: boolean
  }
}
export interface MoLrServiceName {
  /**
   * name of the LCS client
   */
  readonly client: string
  /**
   * name of its service
   */
  readonly service: string
}
/**
 * an application server and its application
 */
export interface AllowedServer {
  /**
   * a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly uri: string
  /**
   * application identifier, e.g. org.example.nearby
   */
  readonly application: string
}
export interface PushIdentifier {
  /**
   * 16 hex digits, not all of them decimal; the first bits name operator and server
   */
  readonly id: string
  /**
   * Push string that stands for it, such as mary.k
   */
  readonly string?: string
  /**
   * the only device that it belongs to: its +sip.instance, or its Contact
   */
  readonly device?: string
  /**
   * time of RFC 3339 at which it ends
   */
  readonly validUntil?: string
  /**
   * revoked: it counts no more; default "active"
   */
  readonly state?: 'active' | 'revoked'
}
