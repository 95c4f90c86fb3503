/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * people and applications beside the subscribers of this network: these are found by their own records, hidden from all but their friends unless `directory.listed` is true there
 */
export type DirectoryEntries = readonly DirectoryEntry[]

/**
 * names, numbers, nicknames, addresses and applications <-> Push identifiers: `push-directory`
 */
export interface AddressBookSettings {
  /**
   * URI or name of the HSS; left out: sip:hss@<first domain>
   */
  readonly hss?: string
  readonly entries?: DirectoryEntries
  /**
   * a JSON or YAML file with a list of further entries, relative to the dialplan
   */
  readonly file?: string
  /**
   * seconds for which an answer may be kept by who has asked; default 3600
   */
  readonly validity?: number
  /**
   * questions of one asker without an answer within a minute, of which one more gets 503 for the next minute; default 20
   */
  readonly misses?: number
  /**
   * Push servers of its operator; default those of this dialplan
   */
  readonly servers?: readonly ListedServer[]
}
/**
 * a person or an application: with uri, application or both
 */
export interface DirectoryEntry {
  /**
   * URI of a Push identifier, e.g. sip:4f3a9c0b12d47e58@push.op-b.example;user=push
   */
  readonly uri?: string
  readonly name?: string
  readonly nickname?: string
  /**
   * telephone number or code
   */
  readonly number?: string
  /**
   * ordinary address, e.g. sip:bob@op-b.example
   */
  readonly address?: string
  /**
   * application identifier, e.g. org.example.chat
   */
  readonly application?: string
  /**
   * media types that the application takes, e.g. image/*
   */
  readonly content?: readonly string[]
  /**
   * false: hidden from all but its friends; default true
   */
  readonly listed?: boolean
  /**
   * identifiers that find it where it is not listed
   *
   * Items: a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly friends?: readonly string[]
}
export interface ListedServer {
  /**
   * its name
   */
  readonly element: string
  /**
   * bits with which its identifiers begin: operator, then server, e.g. 0001
   */
  readonly flags: string
}
