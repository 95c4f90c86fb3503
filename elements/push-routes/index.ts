/** The flag-bit table of an operator (SPEC §5.2), told to its Push servers by one standing subscription each. */
import type { Element, EventPackage, Exchange, Host, Notifier } from '../../signalling/index.ts'
import { mediaType, type PushRoutes, writeBody } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { ownUser, usualAskers } from '../shared/identifiers/element-names.ts'
import { usualWidths } from '../shared/identifiers/push.ts'
import { Offers } from '../shared/values/offers.ts'
import type { PushRoutesSettings } from './settings-type.ts'

const event = 'push-routes'
const offers = new Offers([{ method: 'SUBSCRIBE', event }])

export function createPushRoutes(name: string, settings: PushRoutesSettings): Element {
  return new PushRoutesElement(name, settings)
}

class PushRoutesElement implements Element {
  readonly name: string
  readonly claims
  readonly packages: readonly EventPackage[]
  private readonly settings: PushRoutesSettings
  private readonly askers: ReadonlySet<string>
  private readonly feeds = new Set<Notifier<PushRoutes>>()
  private table: Omit<PushRoutes, 'version'>
  private version = 0
  private host!: Host

  constructor(name: string, settings: PushRoutesSettings) {
    this.name = name
    this.settings = settings
    this.claims = [{ method: 'SUBSCRIBE', event, user: name }]
    this.askers = new Set(settings.askers ?? usualAskers)
    this.table = tableOf(settings)
    const tables: EventPackage<PushRoutes> = {
      name: event,
      types: [mediaType(event)],
      expires: { usual: 3600, max: 86_400 },
      same: (known, state) => known.version === state.version,
      render: (state) => writeBody(event, state),
    }
    this.packages = [tables]
  }
  start(host: Host): void {
    this.host = host
    this.version = Math.floor(host.clock.date()) // above that of an earlier process
    host.gauge('feeds', () => this.feeds.size)
    host.gauge('routes', () => this.table.routes.length)
  }
  /** Routes change at once, for all who have subscribed. */
  reload(settings: PushRoutesSettings): readonly string[] {
    const table = tableOf(settings)
    if (JSON.stringify(table) !== JSON.stringify(this.table)) {
      this.table = table
      this.version = Math.max(this.version + 1, Math.floor(this.host.clock.date()))
      for (const feed of this.feeds) feed.notify(this.state)
    }
    return JSON.stringify(settings.askers) === JSON.stringify(this.settings.askers) ? [] : ['askers']
  }
  private get state(): PushRoutes {
    return { version: this.version, ...this.table }
  }

  handle(exchange: Exchange): void {
    const asker = askerOf(exchange, this.host.domains)
    const name = asker === undefined ? undefined : ownUser(asker, this.host.domains)
    if (name === undefined || !this.askers.has(name)) {
      if (exchange.request.method === 'ACK') return
      return exchange.reply(403, { warning: 'only elements of this network may ask; expected one of the askers' })
    }
    if (offers.answer(exchange)) return
    const feed = exchange.accept<PushRoutes>({ package: event, resource: '', state: this.state })
    if (feed.live) this.feeds.add(feed)
  }
  restored(notifier: Notifier): void {
    const feed: Notifier<PushRoutes> = notifier
    this.feeds.add(feed)
    feed.notify(this.state)
  }
  ended(notifier: Notifier): void {
    this.feeds.delete(notifier)
  }
}

/** Of two routes with the same bits the first counts. */
function tableOf({ known = [], routes = [], widths = {} }: PushRoutesSettings): Omit<PushRoutes, 'version'> {
  const { operator = usualWidths.operator, server = usualWidths.server } = widths
  const byFlags = new Map([...routes, ...known].reverse().map((route) => [route.flags, route.server]))
  return { widths: { operator, server }, routes: [...byFlags].reverse().map(([flags, uri]) => ({ flags, server: uri })) }
}
