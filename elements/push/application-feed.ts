/** Feed of a Push server's applications for the other Push servers of its operator (SPEC §5.4): `push-applications`. */
import type { EventPackage, Exchange, Host, Notifier } from '../../signalling/index.ts'
import { mediaType, type PushApplications, writeBody } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { ownUser } from '../shared/identifiers/element-names.ts'
import { type Applications, maySend } from './applications.ts'

export const applicationsEvent = 'push-applications'

export const applicationsPackage: EventPackage<PushApplications> = {
  name: applicationsEvent,
  types: [mediaType(applicationsEvent)],
  expires: { usual: 3600, max: 86_400 },
  same: (known, state) => JSON.stringify(known.applications) === JSON.stringify(state.applications),
  render: (state) => writeBody(applicationsEvent, state),
}

export class ApplicationFeed {
  private readonly host: Host
  private readonly applications: Applications
  /** Names of the elements that may ask. */
  private readonly askers: readonly string[]
  private readonly feeds = new Set<Notifier<PushApplications>>()
  private version: number

  constructor(host: Host, applications: Applications, askers: readonly string[]) {
    this.host = host
    this.applications = applications
    this.askers = askers
    this.version = Math.floor(host.clock.date()) // above that of an earlier process
    applications.onChange(() => this.changed())
    host.gauge('application_feeds', () => this.feeds.size)
  }
  handle(exchange: Exchange): void {
    const asker = askerOf(exchange, this.host.domains)
    const name = asker === undefined ? undefined : ownUser(asker, this.host.domains)
    if (name === undefined || !this.askers.includes(name))
      return exchange.reply(403, { warning: 'only Push servers of this operator may ask' })
    const feed = exchange.accept<PushApplications>({ package: applicationsEvent, resource: '', state: this.state })
    if (feed.live) this.feeds.add(feed)
  }
  restored(notifier: Notifier): void {
    const feed: Notifier<PushApplications> = notifier
    this.feeds.add(feed)
    feed.notify(this.state)
  }
  ended(notifier: Notifier): void {
    this.feeds.delete(notifier)
  }

  private changed(): void {
    this.version++
    for (const feed of this.feeds) feed.notify(this.state)
  }
  private get state(): PushApplications {
    const shown = this.applications.all().filter((each) => maySend(each) || each.state === 'revoked')
    return { version: this.version, applications: shown }
  }
}
