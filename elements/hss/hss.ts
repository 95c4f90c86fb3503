/** The HSS as the rest of a network sees it: subscribers that can be changed while it runs. */
import type { Element } from '../../signalling/index.ts'
import type { SubscriberRecord, SubscriberSettings } from '../schemas/index.ts'
import type { ProvisioningOutcome, WantedChange } from './provisioning.ts'
import type { HssSettings as DialplanSettings } from './settings-type.ts'

/** Settings with the dialplan's word of the rest of the network. */
export interface HssSettings extends DialplanSettings {
  /** Content of the provisioning file: a list of subscribers, alone or as `subscribers`. */
  readonly records?: unknown
  /** Prefixes of the presence views of application servers, without the dash; default `near`. No subscriber is called so. */
  readonly views?: readonly string[]
}

/** An element whose records can be changed while it runs. */
export interface Hss extends Element {
  /** Adds or replaces a subscriber; resolves when durable. Throws its fault. */
  set(settings: SubscriberSettings): Promise<void>
  /** False: there was none. */
  remove(id: string): Promise<boolean>
  get(id: string): SubscriberRecord | undefined
  /** By identifier or alias, with credentials; not who exists only because the network is open. */
  held(id: string): SubscriberRecord | undefined
  /**
   * Makes changes, one after the other, each by itself; resolves with the outcome of each when all are durable. Elements are
   * told at once, of more than a hundred changes within half a second.
   */
  provision(wanted: readonly WantedChange[]): Promise<readonly ProvisioningOutcome[]>
  /** Subscribers whose identifier starts so, behind the one given, in the order of their identifiers. */
  page(prefix: string, after: string | undefined, limit: number): Promise<readonly SubscriberRecord[]>
  readonly size: number
}
