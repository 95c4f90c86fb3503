/**
 * Subscriber records kept near at hand (SPEC §6.1): a cache that the HSS's standing feed keeps true. The common path
 * costs no query, and a permission withdrawn takes effect at once.
 */
import type { Exchange, Host, SipRequest, Uri } from '../../../signalling/index.ts'
import { mediaType, type SubscriberRecord, type SubscriptionData, writeBody } from '../../schemas/index.ts'
import { deviceKey, isNameOf, namesOf, serverUri } from '../identifiers/devices.ts'
import { usualHss } from '../identifiers/element-names.ts'
import { Feed } from './feed.ts'
import { readSubscriptionData } from './subscription-data.ts'

/** The HSS could not be asked; `status` came instead. Worth a 503 to the asker. */
export class LookupFailed extends Error {
  readonly status: number
  constructor(key: string, status: number) {
    super(`no subscription data for ${key}: ${status}`)
    this.status = status
  }
}

interface CacheLimits {
  readonly records: number
  readonly unknown: number
  /** Fetches under way at a time while everything is read again. */
  readonly rereads: number
}

export type ChangeListener = (id: string, record: SubscriberRecord | undefined) => void

interface CacheEntry {
  readonly record: SubscriberRecord
  readonly generation: number
}

const patience = 4000 // milliseconds that the HSS may take for an answer
const page = 32 // questions of one request under way at a time
const longest = 256 // characters of an identifier
const feedLag = 1000 // milliseconds that the feed may be behind an answer
const defaults: CacheLimits = { records: 500_000, unknown: 10_000, rereads: 32 }
const triesAtMost = 8 // questions about one identifier whose answers are older than the feed
const firstPause = 3 // milliseconds, doubled for each question: the second is put at once, the eighth 1.5 s after the first
const overtakenEachTime = 504 // instead of an answer: none was as new as the feed
const unreadable = 502 // instead of an answer: one that says nothing of the subscriber
const event = 'subscription-data'
const accept = [mediaType(event)]

export class Subscribers {
  private readonly host: Host
  private readonly hss: string
  private readonly limits: CacheLimits
  private readonly feed: Feed<typeof event>
  private readonly entries = new Map<string, CacheEntry>()
  private readonly aliases = new Map<string, string>()
  private readonly unknown = new Set<string>()
  private readonly underWay = new Map<string, Promise<SubscriberRecord | undefined>>()
  private readonly listeners: ChangeListener[] = []
  private readonly gapListeners: (() => void)[] = []
  /** Identifiers that changed while a fetch was under way, and in which version. */
  private readonly recent = new Map<string, number>()
  private readonly toReread: string[] = []
  private rereading = 0
  /** The version that the feed has told; -1 before its first word. */
  private version = -1
  /** The version that what it has told may be of: after a part of a later one, that. */
  private heardVersion = -1
  /** Entries of an earlier generation may be out of date: the feed had a gap. */
  private generation = 0
  private doubting = false
  private started = false

  /** @param hss its URI. Default `sip:hss@<first domain>` */
  constructor(host: Host, hss?: string, limits: Partial<CacheLimits> = {}) {
    this.host = host
    this.hss = serverUri(hss ?? usualHss, host.domains)
    this.limits = { ...defaults, ...limits }
    this.feed = new Feed({
      host,
      to: this.hss,
      event,
      onBody: (data) => this.fed(data),
      unreadable: (request) => this.fedInPart(request),
    })
    host.gauge('subscribers_cached', () => this.entries.size + this.unknown.size)
  }

  /** Takes up the feed, once. */
  start(): void {
    if (this.started) return
    this.started = true
    this.feed.start()
  }

  /** Told of every change that the feed brings, and of changes found by reading everything again. */
  onChange(listener: ChangeListener): void {
    this.listeners.push(listener)
  }

  /** Told where the feed cannot name the changes: elements look again at records that they have not looked up here. */
  onGap(listener: () => void): void {
    this.gapListeners.push(listener)
  }

  /** By any form or alias of the identifier; undefined: no such subscriber. Rejects with `LookupFailed`. */
  lookup(uri: Uri | string): SubscriberRecord | undefined | Promise<SubscriberRecord | undefined> {
    const key = deviceKey(uri, this.host.domains)
    return key === undefined ? undefined : this.of(key)
  }
  /** As `lookup`, by a canonical identifier or alias. */
  of(key: string): SubscriberRecord | undefined | Promise<SubscriberRecord | undefined> {
    if (key.length > longest && [...key].length > longest) return undefined // nobody is called so, and nobody could ask
    const entry = this.entries.get(key) ?? this.byAlias(key)
    if (entry !== undefined && entry.generation === this.generation) return entry.record
    if (entry === undefined && this.unknown.has(key)) return undefined
    return this.fetch(key)
  }
  /** The record of a subscriber known without asking, by any form or alias. */
  known(key: string): SubscriberRecord | undefined {
    const entry = this.entries.get(key) ?? this.byAlias(key)
    return entry?.generation === this.generation ? entry.record : undefined
  }
  private byAlias(key: string): CacheEntry | undefined {
    const entry = this.entries.get(this.aliases.get(key) ?? '')
    return entry !== undefined && isNameOf(key, entry.record, this.host.domains) ? entry : undefined
  }
  /** From the HSS itself, past the cache: for answers that must not show its content. Rejects with `LookupFailed`. */
  anew(key: string): Promise<SubscriberRecord | undefined> {
    return this.fetch(key)
  }

  /** As `lookup` of each. Records not known here are asked for in pages: other work has its turn between them. */
  async all(uris: readonly string[]): Promise<readonly (SubscriberRecord | undefined)[]> {
    const records: (SubscriberRecord | undefined)[] = []
    let asked: Promise<unknown>[] = []
    for (const [i, uri] of uris.entries()) {
      const found = this.lookup(uri)
      if (!(found instanceof Promise)) {
        records[i] = found
        continue
      }
      asked.push(
        found.then((record) => {
          records[i] = record
        }),
      )
      if (asked.length < page) continue
      await Promise.all(asked)
      asked = []
      await new Promise<void>((resolve) => this.host.clock.after(1, resolve))
    }
    await Promise.all(asked)
    return records
  }
  /** Names of which nothing is known here, not even that nobody has them. */
  unknownAmong(uris: readonly string[]): readonly string[] {
    return uris.filter((uri) => {
      const key = deviceKey(uri, this.host.domains)
      return key !== undefined && (this.entries.get(key) ?? this.byAlias(key)) === undefined && !this.unknown.has(key)
    })
  }

  /** Answers a request that the HSS's silence holds up. Throws any other fault, and this one where it is too late to answer. */
  refuse(exchange: Exchange, fault: unknown): void {
    if (!(fault instanceof LookupFailed) || exchange.settled) throw fault
    this.host.log.warn({ fault: fault.message }, 'no answer from the HSS')
    exchange.reply(503, { headers: [['Retry-After', '5']], warning: 'the HSS does not answer now: come again later' })
  }

  private fetch(key: string): Promise<SubscriberRecord | undefined> {
    let answer = this.underWay.get(key)
    if (answer === undefined) {
      answer = this.ask(key).finally(() => {
        this.underWay.delete(key)
        if (this.underWay.size === 0) this.recent.clear()
      })
      this.underWay.set(key, answer)
      this.host.count('subscriber_fetches')
    }
    return answer
  }

  private async ask(key: string): Promise<SubscriberRecord | undefined> {
    for (let tries = 1; ; tries++) {
      const { generation, version } = this
      const data = await this.query(key)
      const record = data.records?.[0]
      this.compare(data.version)
      const wentBack = data.version < version // it has lost its store: earlier versions of the feed are void
      // A change came by the feed while the answer was on its way: the answer may be older than the change.
      const overtaken = record === undefined ? this.heardVersion > data.version : (this.recent.get(record.id) ?? 0) > data.version
      if (generation !== this.generation || (overtaken && this.version >= 0 && !wentBack)) {
        if (tries === triesAtMost) throw new LookupFailed(key, overtakenEachTime)
        if (tries > 1) await new Promise<void>((resolve) => this.host.clock.after(firstPause * 2 ** tries, resolve))
        continue
      }
      if (record === undefined) this.keepUnknown(key)
      else this.placeAndTell(record, key)
      return record
    }
  }

  /** An answer of another version than the feed has told, for longer than news takes: the HSS may have forgotten the feed. */
  private compare(answered: number): void {
    const versionThen = this.version
    if (versionThen < 0 || answered === versionThen || this.doubting) return
    this.doubting = true
    this.host.clock.after(feedLag, () => {
      this.doubting = false
      if (this.version === versionThen) this.feed.check()
    })
  }

  private query(key: string): Promise<SubscriptionData> {
    return new Promise((resolve, reject) => {
      let answered = false
      // one that hangs says nothing for half a minute, and our askers have given up by then
      const timer = this.host.clock.after(patience, () => {
        answered = true
        reject(new LookupFailed(key, 408))
      })
      this.host.subscribe(
        {
          to: this.hss,
          event,
          accept,
          expires: 0,
          asserted: this.host.uri,
          body: writeBody('subscription-query', { device: key }),
        },
        {
          notified: ({ request }) => {
            if (answered) return
            answered = true
            timer.cancel()
            const read = readSubscriptionData(request)
            if (read !== undefined && read.unreadable.length === 0) resolve(read.data)
            else reject(new LookupFailed(key, unreadable))
          },
          ended: ({ status }) => {
            timer.cancel()
            if (!answered) reject(new LookupFailed(key, status))
          },
        },
      )
    })
  }

  /** Its readable part holds. Records of the rest are unknown from now on, and nobody has a permission by them. */
  private fedInPart(request: SipRequest): void {
    const read = readSubscriptionData(request)
    if (read === undefined) return this.readAgain()
    const { data } = read
    this.fed({ ...data, removed: [...(data.removed ?? []), ...read.unreadable] })
  }

  private fed(data: SubscriptionData | undefined): void {
    if (data === undefined) return
    const { version, since, records = [], removed = [] } = data
    const part = since === version && records.length + removed.length > 0 // a part of the changes, under the version before
    this.heardVersion = part ? version + 1 : version
    if (since !== undefined && since <= this.version) {
      for (const record of records) this.changed(record.id, record, this.heardVersion)
      for (const id of removed) this.changed(id, undefined, this.heardVersion)
    } else if (version !== this.version) this.readAgain()
    this.version = version
  }

  /** The feed skipped something: nothing cached is certain any more. */
  private readAgain(): void {
    this.generation++
    this.unknown.clear()
    this.toReread.length = 0
    for (const id of this.entries.keys()) this.toReread.push(id)
    this.pump()
    for (const listener of this.gapListeners) listener()
  }

  private pump(): void {
    while (this.rereading < this.limits.rereads) {
      const id = this.toReread.pop()
      if (id === undefined) return
      const entry = this.entries.get(id)
      if (entry === undefined || entry.generation === this.generation) continue
      this.rereading++
      this.fetch(id).then(
        (record) => this.reread(id, record),
        (fault: unknown) => {
          if (fault instanceof LookupFailed && fault.status === unreadable) this.reread(id, undefined)
          else this.rereadLater(id)
        },
      )
    }
  }

  private reread(id: string, record: SubscriberRecord | undefined): void {
    this.rereading--
    if (record === undefined) this.changed(id, undefined, this.version)
    this.pump()
  }

  private rereadLater(id: string): void {
    this.host.clock.after(1000, () => {
      this.rereading--
      this.toReread.push(id)
      this.pump()
    })
  }

  private changed(id: string, record: SubscriberRecord | undefined, version: number): void {
    if (this.underWay.size > 0) this.recent.set(id, version)
    const isHeld = this.entries.has(id) || this.underWay.has(id)
    if (record === undefined) this.drop(id)
    else if (isHeld) this.place(record)
    for (const name of namesOf(record ?? { id }, this.host.domains)) this.unknown.delete(name)
    this.tell(id, record)
  }

  /** An answer. Listeners hear of it only if it differs from the record before the gap. */
  private placeAndTell(record: SubscriberRecord, key: string): void {
    const before = this.entries.get(record.id)
    this.place(record)
    if (key !== record.id) this.aliases.set(key, record.id)
    if (before !== undefined && JSON.stringify(before.record) !== JSON.stringify(record)) this.tell(record.id, record)
  }

  private keepUnknown(key: string): void {
    this.unknown.add(key)
    if (this.unknown.size > this.limits.unknown) this.unknown.delete(this.unknown.values().next().value!)
  }

  private place(record: SubscriberRecord): void {
    this.drop(record.id)
    this.entries.set(record.id, { record, generation: this.generation })
    for (const alias of record.aliases ?? []) this.aliases.set(alias, record.id)
    if (this.entries.size > this.limits.records) this.drop(this.entries.keys().next().value!)
  }

  private drop(id: string): void {
    const entry = this.entries.get(id)
    if (entry === undefined) return
    for (const name of namesOf(entry.record, this.host.domains)) if (this.aliases.get(name) === id) this.aliases.delete(name)
    this.entries.delete(id)
  }

  private tell(id: string, record: SubscriberRecord | undefined): void {
    for (const listener of this.listeners) listener(id, record)
  }
}
