/** The address book (SPEC §5.3): tells who asks the Push identifiers of people and applications that he may see. */
import type { Element, EventPackage, Exchange, Host } from '../../signalling/index.ts'
import { mediaType, type PushDirectory, readBody, type SubscriberRecord, writeBody } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { pushIdentifier } from '../shared/identifiers/push.ts'
import { MissLimit } from '../shared/permissions/miss-limit.ts'
import { SetIndex } from '../shared/state/set-index.ts'
import { keyOfTerm, kindsOfKeys, type Term, termsOf } from '../shared/values/directory-terms.ts'
import { Offers } from '../shared/values/offers.ts'
import { directoryAnswer, selfAnswer } from './answer.ts'
import {
  askerWith,
  type DirectoryAsker,
  isFriend,
  type Listing,
  listingNamed,
  listingOf,
  listingsOf,
  mergedListings,
  termsOfEntry,
} from './listing.ts'
import { DirectorySubscribers } from './named-subscribers.ts'
import type { AddressBookSettings } from './settings-type.ts'

const event = 'push-directory'
const usualLimit = 20
const later = {
  headers: [['Retry-After', '5']],
  warning: 'the address book has not read its names yet: come again later',
} as const
const offers = new Offers([{ method: 'SUBSCRIBE', event, types: [mediaType('push-query')] }])

export type { AddressBookSettings } from './settings-type.ts'

export function createAddressBook(name: string, settings: AddressBookSettings): Element {
  return new AddressBook(name, settings)
}

class AddressBook implements Element {
  readonly name: string
  readonly claims
  readonly packages: readonly EventPackage[]
  private readonly settings: AddressBookSettings
  private host!: Host
  private subscribers!: Subscribers
  private named!: DirectorySubscribers
  private misses!: MissLimit
  private entries = new SetIndex<string, Listing>()
  /** Milliseconds. */
  private validity: number

  constructor(name: string, settings: AddressBookSettings) {
    this.name = name
    this.settings = settings
    this.validity = validityOf(settings)
    this.claims = [{ method: 'SUBSCRIBE', event, user: name }]
    const answers: EventPackage<PushDirectory> = {
      name: event,
      types: [mediaType('push-directory')],
      expires: { usual: 3600, max: 3600 },
      render: (state) => writeBody('push-directory', state),
    }
    this.packages = [answers]
  }
  start(host: Host): void {
    this.host = host
    this.misses = new MissLimit(host.clock, this.settings.misses ?? 20)
    this.entries = entriesOf(this.settings, host.domains)
    this.subscribers = new Subscribers(host, this.settings.hss)
    this.named = new DirectorySubscribers(host, this.subscribers, this.settings.hss)
    this.subscribers.start()
  }
  /** Entries change at once. */
  reload(settings: AddressBookSettings): readonly string[] {
    this.entries = entriesOf(settings, this.host.domains)
    this.validity = validityOf(settings)
    const fixed = ['hss', 'misses', 'servers'] as const
    return fixed.filter((name) => JSON.stringify(settings[name]) !== JSON.stringify(this.settings[name]))
  }
  stop(): void {
    this.named.stop()
  }

  handle(exchange: Exchange): void | Promise<void> {
    const asker = askerOf(exchange, this.host.domains)
    if (asker === undefined && exchange.request.method !== 'ACK')
      return exchange.reply(403, { warning: 'nobody vouches for who you are: sign in' })
    if (offers.answer(exchange) || asker === undefined) return
    return this.serve(exchange, asker).catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
  private async serve(exchange: Exchange, key: string): Promise<void> {
    const { host, misses } = this
    const query = readBody(exchange.request, 'push-query')
    if (query.fault !== undefined) return exchange.reply(query.fault.status, { warning: query.fault.warning })
    const terms = termsOf(query.value, host.domains)
    if (terms === undefined)
      return exchange.reply(400, { warning: 'expected exactly one of name, number, nickname, address, id and the like' })
    if (exchange.request.expires !== 0) return exchange.reply(400, { warning: 'a question is asked once; expected Expires: 0' })
    if (!this.named.isKnown) return exchange.reply(503, later)
    if (misses.refusedFor(key) !== undefined) return this.refuse(exchange, key)
    const record = await this.subscribers.lookup(key)
    const asker = askerWith(key, record, host.domains)
    const found = query.value.self === true ? [] : await this.find(terms, asker)
    if (misses.refusedFor(key) !== undefined) return this.refuse(exchange, key) // by others of his questions meanwhile
    if (found.length === 0 && query.value.self !== true) {
      misses.add(key)
      host.count('misses')
    }
    exchange.accept<PushDirectory>({ package: event, resource: '', state: this.answer(query.value, found, asker, terms) })
  }
  private refuse(exchange: Exchange, key: string): void {
    this.host.count('refused_guesses')
    exchange.reply(503, {
      headers: [['Retry-After', String(this.misses.refusedFor(key) ?? 60)]],
      warning: 'too many names that nobody has within a minute; expected a pause',
    })
  }
  private answer(
    { limit = usualLimit, self }: { readonly limit?: number; readonly self?: true },
    found: readonly Listing[],
    asker: DirectoryAsker,
    terms: readonly Term[],
  ): PushDirectory {
    const { host, settings } = this
    const until = host.clock.date() + this.validity
    if (self === true) return selfAnswer(asker.record, { host, until, limit, servers: settings.servers ?? [] })
    const byNumber = terms.length === 1 && terms[0]!.kind === 'number'
    return directoryAnswer(found, { until, limit, showsNumber: (listing) => byNumber || isFriend(listing, asker) })
  }

  /** Listings that the asker may see. The HSS is asked in any case, so that hidden ones take as long as unknown ones. */
  private async find(terms: readonly Term[], asker: DirectoryAsker): Promise<readonly Listing[]> {
    const { domains } = this.host
    const now = this.host.clock.date()
    const asked = terms.filter(({ kind }) => kindsOfKeys.includes(kind))
    const records = await Promise.all(asked.map(({ text }) => this.subscribers.anew(text)))
    const byRecord = asked.flatMap((term, index) => this.ofRecord(records[index], term, now))
    const listed = terms.flatMap((term) => [...this.entries.of(keyOfTerm(term))])
    const named = terms.flatMap((term) => this.named.of(term)).flatMap((record) => listingsOf(record, domains, now).slice(0, 1))
    const all = [...byRecord, ...named, ...listed].filter((listing) => listing.listed || isFriend(listing, asker))
    return mergedListings(all)
  }
  private ofRecord(record: SubscriberRecord | undefined, { kind, text }: Term, now: number): readonly Listing[] {
    if (record === undefined) return []
    const { domains } = this.host
    const listings = listingsOf(record, domains, now)
    const isNamed = kind === 'id' || pushIdentifier(text.slice('sip:'.length).split('@', 1)[0]!) !== undefined
    const one = isNamed ? listingNamed(listings, record, text, domains) : listings[0]
    return one === undefined ? [] : [one]
  }
}

function validityOf({ validity = 3600 }: AddressBookSettings): number {
  return validity * 1000
}

function entriesOf({ entries = [] }: AddressBookSettings, domains: readonly string[]): SetIndex<string, Listing> {
  const index = new SetIndex<string, Listing>()
  for (const entry of entries) {
    const listing = listingOf(entry, domains)
    for (const term of termsOfEntry(entry, domains)) index.add(keyOfTerm(term), listing)
  }
  return index
}
