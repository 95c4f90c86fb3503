/** Listings of an address book: a person or an application, with its names, and who may see it. */
import type { SubscriberRecord } from '../schemas/index.ts'
import { deviceKey, namesOf, subscriberKey } from '../shared/identifiers/devices.ts'
import { isPushInForce, pushKey, pushUri } from '../shared/identifiers/push.ts'
import { addressTerm, nameTerm, numberTerm, type Term } from '../shared/values/directory-terms.ts'
import type { DirectoryEntry } from './settings-type.ts'

export interface Listing {
  readonly uri?: string | undefined
  readonly name?: string | undefined
  readonly nickname?: string | undefined
  readonly number?: string | undefined
  readonly application?: string | undefined
  /** Canonical address of the subscriber that it is of. */
  readonly owner?: string
  /** Everybody may see it. */
  readonly listed: boolean
  /** Canonical identifiers of those who may see it in any case. */
  readonly friends: readonly string[]
  /** Milliseconds since the epoch at which its identifier ends. */
  readonly until?: number
}

/** Asker of an address book, with all names by which a friend may be listed. */
export interface DirectoryAsker {
  readonly key: string
  readonly record: SubscriberRecord | undefined
  readonly names: ReadonlySet<string>
}

export function askerWith(key: string, record: SubscriberRecord | undefined, domains: readonly string[]): DirectoryAsker {
  return { key, record, names: new Set(record === undefined ? [key] : [key, ...namesOf(record, domains)]) }
}

export function isFriend({ friends, owner }: Listing, { names, record }: DirectoryAsker): boolean {
  return (owner !== undefined && owner === record?.id) || friends.some((friend) => names.has(friend))
}

export function listingOf(entry: DirectoryEntry, domains: readonly string[]): Listing {
  const { application, friends = [], listed = true, name, nickname, number, uri } = entry
  const keys = friends.flatMap((friend) => subscriberKey(friend, domains) ?? [])
  return { application, uri, name, nickname, number, listed, friends: keys }
}

/** Terms by which an entry of the settings is found. */
export function termsOfEntry(entry: DirectoryEntry, domains: readonly string[]): readonly Term[] {
  const { address, application, content = [], name, nickname, number, uri } = entry
  const key = uri === undefined ? undefined : deviceKey(uri, domains)
  const terms: readonly (Term | undefined)[] = [
    name === undefined ? undefined : nameTerm('name', name),
    nickname === undefined ? undefined : nameTerm('nickname', nickname),
    number === undefined ? undefined : numberTerm(number, domains),
    address === undefined ? undefined : addressTerm(address, domains),
    key === undefined ? undefined : { kind: 'id', text: key },
    application === undefined ? undefined : nameTerm('application', application),
    application === undefined || name === undefined ? undefined : nameTerm('application', name),
    ...content.map((type): Term => ({ kind: 'content', text: type.toLowerCase() })),
  ]
  return terms.filter((term) => term !== undefined)
}

/** Terms by which a subscriber is found without the HSS. */
export function termsOfSubscriber({ directory }: SubscriberRecord): readonly Term[] {
  const { name, nickname } = directory ?? {}
  return [
    ...(name === undefined ? [] : [nameTerm('name', name)]),
    ...(nickname === undefined ? [] : [nameTerm('nickname', nickname)]),
  ]
}

/**
 * A subscriber by his own record, once for each Push identifier in force; first that of no single device.
 * @param now milliseconds since the epoch
 */
export function listingsOf(record: SubscriberRecord, domains: readonly string[], now: number): readonly Listing[] {
  const { aliases = [], directory = {}, friends = [], id, push = [] } = record
  const inForce = push.filter((one) => isPushInForce(one, now))
  const number = aliases.find((alias) => alias.startsWith('tel:'))?.slice('tel:'.length)
  const { listed = false, name, nickname } = directory
  const common = { name, nickname, number, owner: id, listed, friends }
  const ordered = [
    ...inForce.filter(({ device }) => device === undefined),
    ...inForce.filter(({ device }) => device !== undefined),
  ]
  return ordered.map(({ id: identifier, validUntil }) => ({
    ...common,
    uri: pushUri(identifier, domains),
    ...(validUntil === undefined ? {} : { until: Date.parse(validUntil) }),
  }))
}

/** The listing of the Push identifier that a key names, of one of his. */
export function listingNamed(
  listings: readonly Listing[],
  { push = [] }: SubscriberRecord,
  key: string,
  domains: readonly string[],
) {
  const named = push.find(({ id, string }) => [id, string].some((one) => one !== undefined && pushKey(one, domains) === key))
  return named === undefined ? undefined : listings.find(({ uri }) => uri === pushUri(named.id, domains))
}

/** One listing for each identifier and application, with the names of all; those of the first go before. */
export function mergedListings(listings: readonly Listing[]): readonly Listing[] {
  const byKey = new Map<string, Listing>()
  for (const listing of listings) {
    const key = `${(listing.uri ?? '').replace(/;.*/, '').toLowerCase()} ${listing.application}`
    const first = byKey.get(key)
    byKey.set(key, first === undefined ? listing : withNamesOf(first, listing))
  }
  return [...byKey.values()]
}

function withNamesOf(listing: Listing, { name, nickname, number }: Listing): Listing {
  return {
    ...listing,
    name: listing.name ?? name,
    nickname: listing.nickname ?? nickname,
    number: listing.number ?? number,
  }
}
