/**
 * Presence (RFC 3856) of published PIDF documents (RFC 3903): each publication has an entity tag and an end; watchers get
 * the newest one. Composition and watcher authorisation come with a later issue: here every user of ours may watch another.
 */
import type { Element, EventPackage, Exchange, Host, Json, Notifier, Timer } from '../../signalling/index.ts'
import { H } from '../../signalling/index.ts'
import { deviceKey } from '../services/devices.ts'
import { keyPart } from '../services/keys.ts'
import { Offers } from '../services/offers.ts'
import { SetIndex } from '../services/set-index.ts'
import { checkPidf } from './pidf.ts'

/** Of the dialplan, `role: presence`. Seconds. */
export interface PresenceSettings {
  readonly expires?: { readonly usual?: number; readonly max?: number }
  /** Bytes of one document at most. */
  readonly size?: number
}

interface Publication {
  readonly [member: string]: Json | undefined
  readonly etag: string
  readonly document: string
  /** Milliseconds since the epoch. */
  readonly expires: number
}

/** What watchers of one presentity are told: the document, or none. */
interface Presence {
  readonly entity: string
  readonly document: string | undefined
}

const pidf = 'application/pidf+xml'
const offers = new Offers([
  { method: 'SUBSCRIBE', event: 'presence' },
  { method: 'PUBLISH', event: 'presence', types: [pidf] },
])

export function createPresence(name: string, settings: PresenceSettings): Element {
  return new PresenceElement(name, settings)
}

class PresenceElement implements Element {
  readonly name: string
  readonly claims = [{ method: ['SUBSCRIBE', 'PUBLISH'], event: 'presence' }]
  readonly packages: readonly EventPackage[]
  private readonly size: number
  private readonly usual: number
  private readonly max: number
  private host!: Host
  private readonly published = new Map<string, readonly Publication[]>()
  private readonly watchers = new SetIndex<string, Notifier>()
  private readonly ends = new Map<string, Timer>()

  constructor(name: string, settings: PresenceSettings) {
    this.name = name
    this.size = settings.size ?? 32_768
    this.usual = settings.expires?.usual ?? 3600
    this.max = settings.expires?.max ?? 86_400
    const render = ({ entity, document }: Presence) => ({ type: pidf, content: document ?? closed(entity) })
    const pack: EventPackage<Presence> = {
      name: 'presence',
      types: [pidf],
      expires: { usual: this.usual, max: this.max },
      render,
    }
    this.packages = [pack]
  }
  private get prefix(): string {
    return `presence/${this.name}/`
  }
  async start(host: Host): Promise<void> {
    this.host = host
    host.gauge('presentities', () => this.published.size)
    for await (const [, entry] of host.store.scan(this.prefix)) {
      const { entity, publications } = entry.value as unknown as { entity: string; publications: readonly Publication[] }
      this.published.set(entity, publications)
      this.arm(entity)
    }
  }
  restored(notifier: Notifier): void {
    this.watchers.add(notifier.resource, notifier)
    notifier.notify(this.presence(notifier.resource))
  }
  handle(exchange: Exchange): void | Promise<void> {
    if (offers.answer(exchange)) return
    const entity = deviceKey(exchange.request.uri, this.host.domains)
    if (entity === undefined) return exchange.reply(404)
    if (exchange.request.method === 'PUBLISH') return this.publish(exchange, entity)
    const notifier = exchange.accept<Presence>({ package: 'presence', resource: entity, state: this.presence(entity) })
    if (notifier.live) this.watchers.add(entity, notifier)
  }
  ended(notifier: Notifier): void {
    this.watchers.delete(notifier.resource, notifier)
  }

  /** RFC 3903 §6: initial, refresh, modify, remove, told apart by SIP-If-Match, body and Expires. */
  private publish(exchange: Exchange, entity: string): void | Promise<void> {
    const { request, asserted } = exchange
    const publisher = asserted === undefined ? undefined : deviceKey(asserted.uri, this.host.domains)
    if (publisher !== undefined && publisher !== entity)
      return exchange.reply(403, { warning: 'you may publish for yourself only' })
    const condition = request.text(H['SIP-If-Match'])
    const before = this.live(entity)
    const old = condition === undefined ? undefined : before.find(({ etag }) => etag === condition)
    if (condition !== undefined && old === undefined) return exchange.reply(412)
    const document = request.body.toString()
    if (document === '' && old === undefined) return exchange.reply(400, { warning: 'an initial PUBLISH has a body' })
    if (request.body.length > this.size) return exchange.reply(413)
    const fault = document === '' ? undefined : this.faultOf(request.body, entity)
    if (fault !== undefined) return exchange.reply(fault.status, { warning: fault.warning })
    const seconds = Math.min(request.expires ?? this.usual, this.max)
    const next: Publication = {
      etag: this.host.ids.token(12),
      document: document === '' ? old!.document : document,
      expires: this.host.clock.date() + seconds * 1000,
    }
    const others = before.filter((publication) => publication !== old)
    const after = seconds === 0 ? others : [...others, next]
    return this.keep(entity, after).then(() => {
      exchange.reply(200, {
        headers: [
          ['SIP-ETag', next.etag],
          ['Expires', String(seconds)],
        ],
      })
      if (seconds === 0 || document !== '') this.tell(entity)
    })
  }
  /** A document speaks for who publishes it, and for nobody else: watchers are told its very words. */
  private faultOf(body: Buffer, entity: string): { status: number; warning: string } | undefined {
    const checked = checkPidf(body)
    if (checked.fault !== undefined) return { status: 400, warning: checked.fault }
    const named = deviceKey(checked.entity.replace(/^(?:pres|sips):/i, 'sip:'), this.host.domains)
    if (named === undefined) return { status: 400, warning: 'entity must be a presence URI' }
    return named === entity ? undefined : { status: 403, warning: 'entity must be whose presence is published' }
  }
  private live(entity: string): readonly Publication[] {
    const now = this.host.clock.date()
    return (this.published.get(entity) ?? []).filter(({ expires }) => expires > now)
  }
  private async keep(entity: string, publications: readonly Publication[]): Promise<void> {
    const key = this.prefix + keyPart(entity)
    if (publications.length === 0) {
      this.published.delete(entity)
      await this.host.store.write([{ key, delete: true }])
    } else {
      this.published.set(entity, publications)
      const expires = Math.max(...publications.map((publication) => publication.expires))
      await this.host.store.write([{ key, value: { entity, publications }, expires }])
    }
    this.arm(entity)
  }
  /** The next end of a publication, after which watchers are told what is left. */
  private arm(entity: string): void {
    this.ends.get(entity)?.cancel()
    this.ends.delete(entity)
    const publications = this.published.get(entity)
    if (publications === undefined) return
    const first = Math.min(...publications.map(({ expires }) => expires))
    const wait = Math.max(0, first - this.host.clock.date())
    const expire = (): void => {
      this.keep(entity, this.live(entity)).then(
        () => this.tell(entity),
        (fault: unknown) =>
          this.host.log.error({ fault: String(fault), entity }, 'the store failed; an ended publication stays in it'),
      )
    }
    this.ends.set(entity, this.host.clock.after(wait, expire))
  }
  private presence(entity: string): Presence {
    return { entity, document: this.live(entity).at(-1)?.document }
  }
  private tell(entity: string): void {
    const state = this.presence(entity)
    for (const notifier of this.watchers.of(entity)) notifier.notify(state)
  }
}

function closed(entity: string): string {
  const name = entity.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`)
  return `<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${name}"><tuple id="none"><status><basic>closed</basic></status></tuple></presence>`
}
