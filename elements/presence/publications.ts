/** Publications (RFC 3903): each has an entity tag and an end; all of it is durable. */
import type { Exchange, Host, Json } from '../../signalling/index.ts'
import { H } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { deviceKey, type IdentifiedSubscriber, isNameOf, namesOf } from '../shared/identifiers/devices.ts'
import { Kept } from '../shared/state/kept.ts'
import { composed } from './composition.ts'
import { checkPidf, type Pidf } from './pidf.ts'

interface PublicationRules {
  /** Seconds. */
  readonly usual: number
  readonly max: number
  /** Bytes of all documents about one presentity at most: watchers are told them in one. */
  readonly size: number
  /** Publications about one presentity at most. */
  readonly count: number
}

interface Publication {
  readonly [member: string]: Json | undefined
  readonly etag: string
  readonly document: string
  /** Milliseconds since the epoch. */
  readonly expires: number
  /** Call-ID, From tag and CSeq of the request that brought it first. */
  readonly by?: string
  /** Characters by which it is longer where its parts stand under another root; absent: none. */
  readonly added?: number
}

/** All that is published about one presentity. */
interface PublishedState {
  readonly entity: string
  /** Oldest first; at least one. */
  readonly publications: readonly Publication[]
}

const merged = { warning: 'this request has come by another way already: its answer goes there' } // RFC 3261 §8.2.2.2

export class Publications {
  private readonly host: Host
  private readonly rules: PublicationRules
  private readonly changed: (entity: string) => void
  private readonly begun: (entity: string, credentials: string | undefined) => void
  private readonly published: Kept<PublishedState>
  /** Documents that watchers are told, while all that they are made of is live. */
  private readonly documents = new WeakMap<readonly Publication[], string>()
  /** Of publications that are told together with others: read once. */
  private readonly read = new WeakMap<Publication, Pidf>()

  /**
   * @param changed called when the presence that watchers are to see is another
   * @param begun told by which credentials something was published
   */
  constructor(host: Host, rules: PublicationRules, changed: (entity: string) => void, begun: Publications['begun']) {
    this.host = host
    this.rules = rules
    this.changed = changed
    this.begun = begun
    this.published = new Kept<PublishedState>(host, {
      prefix: `presence/${host.name}/`,
      noun: 'a publication',
      expires: ({ publications }) => Math.max(...endsOf(publications)),
      due: ({ publications }) => Math.min(...endsOf(publications)),
      ended: (states) => {
        for (const [entity] of states) this.lapsed(entity)
      },
    })
    host.gauge('presentities', () => this.published.size)
  }
  load(): Promise<void> {
    return this.published.load()
  }
  stop(): Promise<void> {
    return this.published.stop()
  }
  /** One PIDF document out of all that count now; undefined: there is none. */
  document(entity: string): string | undefined {
    const live = this.live(entity)
    if (live.length === 0) return undefined
    const cached = this.documents.get(live)
    if (cached !== undefined) return cached
    const newestFirst = live.toReversed()
    const document =
      newestFirst.length === 1
        ? newestFirst[0]!.document
        : composed(
            entity,
            newestFirst.map((publication) => this.readOnce(publication)),
          )
    this.documents.set(live, document)
    return document
  }
  private readOnce(publication: Publication): Pidf {
    let read = this.read.get(publication)
    if (read === undefined) this.read.set(publication, (read = sound(publication.document)))
    return read
  }

  /** RFC 3903 §6: initial, refresh, modify, remove, told apart by SIP-If-Match, body and Expires. */
  publish(exchange: Exchange, presentity: IdentifiedSubscriber): void | Promise<void> {
    const { id: entity } = presentity
    const { asserted } = exchange
    const publisher = asserted === undefined ? undefined : deviceKey(asserted.uri, this.host.domains)
    if (publisher !== undefined && !isNameOf(publisher, presentity, this.host.domains))
      return exchange.reply(403, { warning: 'you may publish for yourself only; expected your own address as Request-URI' })
    return this.published.inTurn(entity, () => this.change(exchange, presentity))
  }
  /** Presentities with something published by credentials. */
  *owners(): Iterable<string> {
    for (const { entity, publications } of this.published.values())
      if (publications.some(({ credentials }) => credentials !== undefined)) yield entity
  }
  /** Ends publications by other credentials than those of the record; all, where there is none. */
  endOld(id: string, record: SubscriberRecord | undefined): void {
    for (const entity of namesOf(record ?? { id }, this.host.domains))
      void this.published.inTurn(entity, () => this.withdraw(entity, record))
  }
  /** In force even where the store fails. */
  private async withdraw(entity: string, record: SubscriberRecord | undefined): Promise<void> {
    const before = this.live(entity)
    const isHis = ({ credentials }: Publication): boolean =>
      record !== undefined && (credentials === undefined || credentials === record.credentialsId)
    const left = before.filter(isHis)
    if (left.length === before.length) return
    const written =
      left.length === 0 ? this.published.expel(entity) : this.published.enforce(entity, { entity, publications: left })
    this.changed(entity)
    await written
  }
  private async change(exchange: Exchange, presentity: IdentifiedSubscriber): Promise<void> {
    const { id: entity } = presentity
    const { request } = exchange
    const condition = request.text(H['SIP-If-Match'])
    const before = this.live(entity)
    const old = condition === undefined ? undefined : before.find(({ etag }) => etag === condition)
    if (condition !== undefined && old === undefined) return exchange.reply(412)
    const by = old === undefined ? `${request.callId}|${request.fromTag}|${request.cseq.number}` : old.by
    if (old === undefined && before.some((publication) => publication.by === by)) return exchange.reply(482, merged)
    const document = request.body.toString()
    if (document === '' && old === undefined)
      return exchange.reply(400, { warning: 'an initial PUBLISH without body; expected application/pidf+xml, or SIP-If-Match' })
    if (request.body.length > this.rules.size) return exchange.reply(413)
    const judged = document === '' ? { added: old!.added ?? 0 } : this.judge(request.body, presentity)
    if ('status' in judged) return exchange.reply(judged.status, { warning: judged.warning })
    const seconds = Math.min(request.expires ?? this.rules.usual, this.rules.max)
    if (old === undefined && seconds > 0 && before.length >= this.rules.count)
      return exchange.reply(403, { warning: `more than ${this.rules.count} publications: end one first (Expires: 0)` })
    const credentials = exchange.flow.trusted ? request.text(H['P-Credentials-Id']) : undefined
    const next: Publication = {
      etag: this.host.ids.token(12),
      document: document === '' ? old!.document : document,
      expires: this.host.clock.date() + seconds * 1000,
      ...(by === undefined ? {} : { by }),
      ...(credentials === undefined ? {} : { credentials }),
      ...(judged.added === 0 ? {} : { added: judged.added }),
    }
    // A refresh leaves the order as it is; a publication that is new or modified becomes the newest.
    const replaced = document === '' ? before.map((publication) => (publication === old ? next : publication)) : undefined
    const others = before.filter((publication) => publication !== old)
    const after = seconds === 0 ? others : (replaced ?? [...others, next])
    if (document !== '' && sizeOf(after) > this.rules.size)
      return exchange.reply(413, {
        warning: `all about one, namespaces at each part, has more than ${this.rules.size} bytes: publish less`,
      })
    await (after.length === 0 ? this.published.remove(entity) : this.published.put(entity, { entity, publications: after }))
    const headers = [
      ['SIP-ETag', next.etag],
      ['Expires', String(seconds)],
    ] as const
    exchange.reply(200, { headers })
    if (seconds === 0 || document !== '') this.changed(entity)
    if (seconds > 0) this.begun(entity, credentials)
  }
  /** A document speaks for who publishes it, and for nobody else: watchers are told its very words. */
  private judge(body: Buffer, presentity: IdentifiedSubscriber): { added: number } | { status: number; warning: string } {
    const checked = checkPidf(body)
    if (checked.fault !== undefined) return { status: 400, warning: checked.fault }
    const named = deviceKey(checked.entity.replace(/^(?:pres|sips):/i, 'sip:'), this.host.domains)
    if (named === undefined)
      return { status: 400, warning: 'entity is no presence URI; expected one such as pres:alice@localhost' }
    if (!isNameOf(named, presentity, this.host.domains))
      return { status: 403, warning: 'entity is somebody else; expected the user of the Request-URI' }
    return { added: checked.parts.reduce((sum, { added }) => sum + added.length, 0) }
  }
  /** The same list for as long as nothing of it has changed or ended. */
  private live(entity: string): readonly Publication[] {
    const now = this.host.clock.date()
    const publications = this.published.get(entity)?.publications ?? []
    return publications.every(({ expires }) => expires > now) ? publications : publications.filter(({ expires }) => expires > now)
  }
  /** One has ended: watchers are told the rest. */
  private lapsed(entity: string): void {
    const publications = this.live(entity)
    this.published.lapse(entity, publications.length === 0 ? undefined : { entity, publications })
    this.changed(entity)
  }
}

function endsOf(publications: readonly Publication[]): number[] {
  return publications.map(({ expires }) => expires)
}

function sizeOf(publications: readonly Publication[]): number {
  return publications.reduce((sum, { document, added = 0 }) => sum + Buffer.byteLength(document) + added, 0)
}

/** Of a document that was checked when it came. */
export function sound(document: string): Pidf {
  const checked = checkPidf(Buffer.from(document))
  if (checked.fault !== undefined) throw new TypeError(`a stored document is not sound: ${checked.fault}`)
  return checked
}
