/** Peers that a set query may be about (SPEC §3.3): any for an application server, devices that have it as a friend for a UE. */
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, type IdentifiedSubscriber, isNameOf } from '../shared/identifiers/devices.ts'
import type { ProseRules } from './settings.ts'
import type { Strangers } from './state/strangers.ts'

interface FoundPeer {
  readonly device: string
  readonly record: SubscriberRecord | undefined
}

const later = Promise.resolve(undefined)

export class PeerPermissions {
  private readonly subscribers: Subscribers
  private readonly domains: readonly string[]
  private readonly friendsOnly: boolean
  private readonly strangers: Strangers

  constructor(strangers: Strangers, subscribers: Subscribers, domains: readonly string[], { sets }: ProseRules) {
    this.strangers = strangers
    this.subscribers = subscribers
    this.domains = domains
    this.friendsOnly = sets === 'friends'
  }

  /** False: the UE has asked about too many unknown devices; an application server may. */
  admits(devices: readonly string[], own: string | undefined): boolean {
    return own === undefined || this.strangers.admits(this.subscribers, devices, own)
  }

  /**
   * Keys of those among the devices that the asker may ask about: a set query tells their codes, and wakes them.
   *
   * @param own the UE that asks for itself; undefined: an application server asks
   */
  async of(devices: readonly string[], own: string | undefined): Promise<ReadonlySet<string>> {
    const records = await this.subscribers.all(devices)
    const found = devices.map((device, i) => ({ device, record: records[i] }))
    if (own === undefined || !this.friendsOnly) return this.choose(found, undefined)
    return this.choose(found, (await this.subscribers.of(own)) ?? { id: own })
  }

  /** As `of`, for the devices that are known here; `all`: the others are none. */
  known(devices: readonly string[], own: string | undefined): { readonly peers: ReadonlySet<string>; readonly all: boolean } {
    const asker = own === undefined || !this.friendsOnly ? undefined : this.cached(own)
    const unknown = new Set(this.subscribers.unknownAmong(devices))
    const found = devices.map((device) => ({ device, record: unknown.has(device) ? later : this.cached(device) }))
    const there = found.flatMap(({ device, record }) => (record instanceof Promise ? [] : { device, record }))
    if (asker instanceof Promise) return { peers: new Set(), all: false }
    return {
      peers: this.choose(there, asker ?? (own === undefined ? undefined : { id: own })),
      all: there.length === found.length,
    }
  }
  private cached(device: string): ReturnType<Subscribers['lookup']> {
    const record = this.subscribers.lookup(device)
    if (record instanceof Promise) record.catch(() => undefined) // a later query asks again
    return record
  }

  /** @param asker undefined: may ask about everybody */
  private choose(found: readonly FoundPeer[], asker: IdentifiedSubscriber | undefined): ReadonlySet<string> {
    const chosen = found.flatMap(({ device, record }) => {
      if (asker === undefined || !this.friendsOnly) return record?.id ?? deviceKey(device, this.domains) ?? device
      return record !== undefined && this.allows(record, asker) ? record.id : []
    })
    return new Set(chosen)
  }

  /** Whether a UE may go on asking about that subscriber; a promise where the HSS has to say who the UE is. */
  allowsStill(record: SubscriberRecord | undefined, own: string): boolean | Promise<boolean> {
    if (!this.friendsOnly) return true
    if (record === undefined) return false
    const asker = this.subscribers.of(own)
    if (!(asker instanceof Promise)) return this.allows(record, asker ?? { id: own })
    const judge = async (): Promise<boolean> => {
      const found = await asker
      const now = await this.subscribers.of(record.id) // his friends may be others since
      return now !== undefined && this.allows(now, found ?? { id: own })
    }
    return judge().catch(() => this.allows(record, { id: own }))
  }

  private allows({ friends = [] }: SubscriberRecord, asker: IdentifiedSubscriber): boolean {
    return friends.some((friend) => isNameOf(friend, asker, this.domains))
  }
}
