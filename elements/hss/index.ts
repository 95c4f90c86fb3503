/** The HSS (SPEC §6.1): subscriber records, told by the event package `subscription-data` to elements only. */
import { type EventPackage, type Exchange, type Host, keptSecret, type Notifier } from '../../signalling/index.ts'
import {
  faultOf,
  hasBody,
  mediaType,
  type NamedQuery,
  readBody,
  type ServerGrant,
  type SubscriberRecord,
  type SubscriberSettings,
  writeBody,
} from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { deviceKey, otherKeys, readDevice, subscriberKey } from '../shared/identifiers/devices.ts'
import { ownUser, usualAskers } from '../shared/identifiers/element-names.ts'
import { InTurn } from '../shared/state/in-turn.ts'
import { SetIndex } from '../shared/state/set-index.ts'
import { Offers } from '../shared/values/offers.ts'
import { PushAllocations } from './allocation.ts'
import { manyChanges } from './changes.ts'
import { Directory } from './directory.ts'
import type { Hss, HssSettings } from './hss.ts'
import type { HssState } from './hss-state.ts'
import { namedPage } from './named-page.ts'
import { Provisioning, type ProvisioningOutcome, type WantedChange } from './provisioning.ts'
import {
  credentialsId,
  faultOfLength,
  faultOfSettings,
  openRecord,
  provisionedBy,
  toGrants,
  toRecord,
  withoutSecrets,
  withoutUnreadable,
} from './records.ts'
import { RetiredIdentifiers } from './retired-identifiers.ts'
import type { ChangedRecord } from './underway.ts'

export type { Hss, HssSettings } from './hss.ts'
export { type ProvisioningOutcome, settingsOf, type WantedChange } from './provisioning.ts'
export { type LineFault, RowsFault, type SubscriberRow } from './rows/row.ts'
export { formats, type RowFormat, readRows } from './rows/rows.ts'

const offers = new Offers([
  { method: 'SUBSCRIBE', event: 'subscription-data', types: [mediaType('subscription-query')] },
  { method: 'MESSAGE', types: [mediaType('push-allocation-request')] },
])
const bytesAround = 200 // of a NOTIFY of the feed, beside its records
const tellLater = 500 // ms from the first of many changes until the feeds hear of them

/** Throws if a subscriber is not as the schema says, naming the JSON pointer. */
export function createHss(name: string, settings: HssSettings): Hss {
  return new HomeSubscriberServer(name, settings)
}

class HomeSubscriberServer implements Hss {
  readonly name: string
  readonly claims
  readonly packages: readonly EventPackage[]
  private readonly settings: HssSettings
  private readonly provisioned: readonly SubscriberSettings[]
  private readonly askers: ReadonlySet<string>
  private readonly proxies: ReadonlySet<string>
  private readonly feeds = new Set<Notifier<HssState>>()
  private readonly single = new SetIndex<string, Notifier<HssState>>()
  private servers: readonly ServerGrant[] = []
  private directory!: Directory
  private retired!: RetiredIdentifiers
  private allocations!: PushAllocations
  private provisioning!: Provisioning
  private readonly turns = new InTurn()
  private toTell = false
  /** Of the names of credentials. */
  private key = ''
  private domains: readonly string[] = []
  private host!: Host

  constructor(name: string, settings: HssSettings) {
    this.name = name
    this.settings = settings
    this.claims = [
      { method: 'SUBSCRIBE', event: 'subscription-data', user: name },
      { method: 'MESSAGE', user: name },
    ]
    this.askers = new Set(settings.askers ?? usualAskers)
    this.proxies = new Set(settings.proxies ?? ['proxy'])
    this.provisioned = provisionedBy(name, settings)
    const records: EventPackage<HssState> = {
      name: 'subscription-data',
      types: [mediaType('subscription-data')],
      expires: { usual: 3600, max: 86_400 },
      render: (state, { previous }) => this.render(state, previous),
      part: (state, { previous, room }) => this.part(state, previous, room),
    }
    this.packages = [records]
  }

  async start(host: Host): Promise<void> {
    this.host = host
    this.domains = host.domains
    this.servers = toGrants(this.settings.servers ?? [], this.domains)
    const records = this.provisioned.map((entry) => toRecord(entry, this.domains))
    for (const { id } of records) {
      if (this.hasElementName(id)) host.log.warn({ id }, 'a subscriber has the name of an element: it may not ask the HSS')
    }
    this.key = await keptSecret(host.store, host.ids, `hss/${this.name}/key`)
    this.directory = new Directory(host.store, `hss/${this.name}`, this.domains, records, this.servers)
    for (const lost of await this.directory.load(Math.floor(host.clock.date()))) {
      host.log.warn({ lost }, 'dropped what was changed at run time: the provisioning file says otherwise')
    }
    this.retired = new RetiredIdentifiers(host)
    await this.retired.load()
    const { directory, domains, retired } = this
    const { views } = this.settings
    this.provisioning = new Provisioning({ directory, domains, retired, views, reserved: (key) => this.hasElementName(key) })
    this.allocations = new PushAllocations({
      host,
      find: (device) => this.held(device),
      inTurn: (change) => this.change(change),
      make: (wanted) => this.provisioning.make(wanted),
    })
    host.gauge('subscribers', () => this.directory.size)
    host.gauge('feeds', () => this.feeds.size)
  }

  /** Takes over the file: its subscribers and their permissions change at once. */
  async reload(settings: HssSettings): Promise<readonly string[]> {
    const records = provisionedBy(this.name, settings).map((entry) => toRecord(entry, this.domains))
    const servers = toGrants(settings.servers ?? [], this.domains)
    await this.turns.run(this.name, async () => {
      const { changed, everybody } = await this.directory.reprovision(records, servers, (all) => this.retired.takeAway(all))
      this.servers = servers
      if (everybody) this.tellAll()
      else this.tell(changed)
    })
    return (['open', 'askers', 'proxies', 'views'] as const).filter((name) => !sameJson(settings[name], this.settings[name]))
  }

  async stop(): Promise<void> {
    await this.retired.stop()
  }

  handle(exchange: Exchange): void | Promise<void> {
    const asker = askerOf(exchange, this.domains)
    const mayAsk = asker !== undefined && this.isElement(asker)
    const { method } = exchange.request
    const asks = method === 'SUBSCRIBE' || method === 'MESSAGE'
    // an asker without permission learns nothing from the faults of his question
    if ((mayAsk || !asks) && offers.answer(exchange)) return
    if (!mayAsk) {
      this.host.count('refused')
      exchange.reply(403, { warning: 'only elements of this network may ask; expected one of the askers of the HSS' })
      return
    }
    if (method === 'MESSAGE') return this.allocations.handle(exchange, asker)
    const secrets = this.maySeeSecrets(asker)
    const { version } = this.directory
    if (!hasBody(exchange.request)) {
      const feed = exchange.accept<HssState>({ package: 'subscription-data', resource: '', state: { version, secrets } })
      if (feed.live) this.feeds.add(feed)
      return
    }
    const query = readBody(exchange.request, 'subscription-query')
    if (query.fault !== undefined) {
      exchange.reply(query.fault.status, { warning: query.fault.warning })
      return
    }
    const { device, named } = query.value
    if (device === undefined) return this.tellNamed(exchange, named)
    const key = deviceKey(device, this.domains)!
    const notifier = exchange.accept<HssState>({ package: 'subscription-data', resource: key, state: { version, secrets, key } })
    if (notifier.live && exchange.request.expires !== 0) this.single.add(key, notifier)
  }

  private async tellNamed(exchange: Exchange, named: NamedQuery | undefined): Promise<void> {
    if (named === undefined || exchange.request.expires !== 0)
      return exchange.reply(400, { warning: 'expected /device, or /named with Expires: 0' })
    const page = await namedPage(this.directory, named.after)
    const state: HssState = { version: this.directory.version, secrets: false, page }
    exchange.accept<HssState>({ package: 'subscription-data', resource: '', state })
  }

  restored(notifier: Notifier): void {
    const secrets = this.maySeeSecrets(notifier.subscriber)
    const subscription: Notifier<HssState> = notifier
    if (notifier.resource === '') this.feeds.add(subscription)
    else this.single.add(subscription.resource, subscription)
    subscription.notify({ version: this.directory.version, secrets, key: notifier.resource || undefined })
  }

  ended(notifier: Notifier): void {
    this.feeds.delete(notifier)
    this.single.delete(notifier.resource, notifier)
  }

  async set(settings: SubscriberSettings): Promise<void> {
    const fault = faultOfSettings([settings])
    if (fault !== undefined) throw new Error(`subscriber ${fault.slice('/0'.length)}`)
    const record = toRecord(settings, this.domains)
    const tooLong = faultOfLength(record)
    if (tooLong !== undefined) throw new Error(`subscriber ${record.id}: ${tooLong.pointer} ${tooLong.text}`)
    await this.change(() => this.directory.change(record.id, record))
  }

  remove(id: string): Promise<boolean> {
    return this.change(() => {
      const record = this.held(id)
      if (record !== undefined) this.directory.change(record.id, undefined)
      return record !== undefined
    })
  }

  provision(wanted: readonly WantedChange[]): Promise<readonly ProvisioningOutcome[]> {
    return this.change(() => wanted.map((each) => this.provisioning.make(each)))
  }

  /** Changes one after the other: each starts from the one before, and a file read again waits for all earlier ones. */
  private change<Outcome>(make: () => Outcome): Promise<Outcome> {
    return this.turns.run(this.name, async () => {
      const outcome = make()
      const kept = this.retired.keep(this.directory.pending) // in the same commit of the store
      const [changed] = await Promise.all([this.directory.commit(), kept])
      this.tell(changed)
      return outcome
    })
  }

  page(prefix: string, after: string | undefined, limit: number): Promise<readonly SubscriberRecord[]> {
    return this.directory.page(prefix, after, limit)
  }

  get size(): number {
    return this.directory.size
  }

  held(id: string): SubscriberRecord | undefined {
    return this.provisioning.find(id)
  }

  /** By identifier or alias, with credentials. */
  get(id: string): SubscriberRecord | undefined {
    const key = subscriberKey(id, this.domains)
    return key === undefined ? undefined : this.find(key)
  }

  private find(key: string): SubscriberRecord | undefined {
    const record = this.directory.inForce(key)
    if (record !== undefined || this.settings.open !== true) return record
    const user = ownUser(key, this.domains)
    return user !== undefined && !this.askers.has(user) ? openRecord(key) : undefined
  }

  /** Users are no elements, even under the name of one. */
  private isElement(key: string): boolean {
    return this.hasElementName(key) && this.directory.inForce(key) === undefined
  }

  private hasElementName(key: string): boolean {
    const name = ownUser(key, this.domains)
    return name !== undefined && this.askers.has(name)
  }

  private maySeeSecrets(key: string): boolean {
    const name = ownUser(key, this.domains)
    return name !== undefined && this.proxies.has(name)
  }

  private tell(changed: readonly ChangedRecord[]): void {
    if (changed.length > manyChanges) this.tellSoon()
    else if (changed.length > 0) this.tellFeeds()
    for (const { id, before, after } of changed) {
      const keys = new Set([id, ...(before?.aliases ?? []), ...(after?.aliases ?? [])])
      for (const key of [...keys]) for (const other of otherKeys(key, this.domains)) keys.add(other)
      for (const key of keys) this.tellOne(key)
    }
  }

  /** Many changes at a time, as in an import, make everybody read again: not more often than needed. */
  private tellSoon(): void {
    if (this.toTell) return
    this.toTell = true
    this.host.clock.after(tellLater, () => {
      this.toTell = false
      this.tellFeeds()
    })
  }

  private tellAll(): void {
    this.tellFeeds()
    for (const key of this.single.keys()) this.tellOne(key)
  }

  private tellFeeds(): void {
    const { version } = this.directory
    for (const feed of this.feeds) feed.notify({ version, secrets: this.maySeeSecrets(feed.subscriber) })
  }

  private tellOne(key: string): void {
    const { version } = this.directory
    for (const notifier of this.single.of(key))
      notifier.notify({ version, secrets: this.maySeeSecrets(notifier.subscriber), key })
  }

  /** The part of a record that elements can read: an earlier version may have stored names that are no identifiers to them. */
  private readable(record: SubscriberRecord): SubscriberRecord | undefined {
    const fault = faultOf('subscriber', record)
    if (fault === undefined) return record
    this.host.count('records_unreadable')
    this.host.log.error({ id: record.id, fault }, 'a subscriber has an identifier that no element can read: it is left out')
    return withoutUnreadable(record)
  }

  /** As an element is told it; none where it cannot read any of it. */
  private shown(record: SubscriberRecord, secrets: boolean): readonly SubscriberRecord[] {
    const readable = this.readable(record)
    if (readable === undefined) return []
    const id = credentialsId(readable, this.key)
    const shown = {
      ...(secrets ? readable : withoutSecrets(readable)),
      ...(id === undefined ? {} : { credentialsId: id }),
    }
    const { servers = [] } = shown
    if (servers.length + this.servers.length === 0) return [shown]
    // an application server may be a subscriber itself, and be listed by an alias
    const all = [...servers, ...this.servers].map((grant) => ({
      ...grant,
      uri: this.directory.ownerOf(grant.uri) ?? grant.uri,
    }))
    return [{ ...shown, servers: all }]
  }

  // The first NOTIFY of the feed has the version alone, later ones the changes since.
  private render(state: HssState, previous: HssState | undefined) {
    const { version, secrets, page } = state
    if (page !== undefined) {
      const records = page.records.flatMap((record) => this.shown(record, secrets))
      return writeBody('subscription-data', { version, records, next: page.next })
    }
    if (state.key !== undefined) {
      const record = this.find(state.key)
      return writeBody('subscription-data', { version, records: record === undefined ? [] : this.shown(record, secrets) })
    }
    const changed = this.untold(state, previous)
    if (changed === undefined || changed.length > manyChanges) return writeBody('subscription-data', { version })
    const news = changed.map((id) => this.newsOf(id, secrets))
    return writeBody('subscription-data', {
      version,
      since: previous!.version,
      records: news.flatMap(({ records }) => records),
      removed: news.flatMap(({ removed }) => removed),
    })
  }
  private newsOf(id: string, secrets: boolean): { records: readonly SubscriberRecord[]; removed: readonly string[] } {
    const record = this.find(id) // in an open network a removed one is there again, with the rights of all
    const records = record === undefined ? [] : this.shown(record, secrets)
    return { records, removed: records.length === 0 && readDevice(id) !== undefined ? [id] : [] }
  }

  /** Subscribers that have changed and are not told yet; undefined: not known. */
  private untold({ version }: HssState, previous: HssState | undefined): readonly string[] | undefined {
    const changed = previous && this.directory.changedBetween(previous.version, version)
    const part = previous?.part
    if (part === undefined || changed === undefined) return changed
    const again = new Set(this.directory.changedBetween(part.upTo, version))
    return changed.filter((id) => again.has(id) || !part.ids.has(id))
  }

  /** As many changes as a NOTIFY has room for, under the version before; one for which there is never room is read again. */
  private part(state: HssState, previous: HssState | undefined, room: number) {
    const { version, secrets } = state
    const changed = this.untold(state, previous)
    if (state.key !== undefined || previous === undefined || changed === undefined) return undefined
    const ids = new Set<string>()
    const records: SubscriberRecord[] = []
    const removed: string[] = []
    let left = room - bytesAround
    for (const id of changed) {
      const news = this.newsOf(id, secrets)
      left -= Buffer.byteLength(JSON.stringify([news.records, news.removed]))
      if (left < 0) break
      ids.add(id)
      records.push(...news.records)
      removed.push(...news.removed)
    }
    if (ids.size === 0) return { body: writeBody('subscription-data', { version }), state }
    const since = previous.version
    const again = new Set(this.directory.changedBetween(previous.part?.upTo ?? since, version))
    for (const id of previous.part?.ids ?? []) if (!again.has(id)) ids.add(id)
    return {
      body: writeBody('subscription-data', { version: since, since, records, removed }),
      state: { version: since, secrets, part: { upTo: version, ids } },
    }
  }
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
