/** The `reg` event package (RFC 3680): tells a user, and elements that may know, the registration of that user. */
import type { Element, EventPackage, Exchange, Host, Notifier } from '../../signalling/index.ts'
import { SignedIn } from '../shared/clients/signed-in.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, namesOf, otherKeys, subscriberKey } from '../shared/identifiers/devices.ts'
import { aorPrefix, bindingsPrefix, type ContactBinding } from '../shared/state/contact-binding.ts'
import { lifetimesOf } from '../shared/values/lifetimes.ts'
import { Offers } from '../shared/values/offers.ts'
import { type RegistrationState, reginfo, reginfoType } from './reginfo.ts'
import type { RegEventSettings } from './settings-type.ts'
import { WatchedRegistration } from './watched.ts'

interface RegistrationWatch {
  readonly watched: WatchedRegistration
  readonly notifiers: Set<Notifier<RegistrationState>>
  /** Resolves when the stored bindings have been read. */
  readonly ready: Promise<void>
  /** Requests that wait for it. */
  holds: number
  /** Changes that came before that. */
  waiting: (() => void)[] | undefined
}

const offers = new Offers([{ method: 'SUBSCRIBE', event: 'reg' }])

export function createRegistration(name: string, settings: RegEventSettings): Element {
  return new RegEventElement(name, settings)
}

class RegEventElement implements Element {
  readonly name: string
  readonly claims = [{ method: 'SUBSCRIBE', event: 'reg' }]
  readonly packages: readonly EventPackage[]
  private readonly registrar: string
  private readonly prefix: string
  private readonly settings: RegEventSettings
  private askers: ReadonlySet<string> = new Set()
  private subscribers!: Subscribers
  private host!: Host
  /** By address of record as it stands in the keys of the store. */
  private readonly watches = new Map<string, RegistrationWatch>()
  private unwatch: (() => void) | undefined
  private signedIn!: SignedIn

  constructor(name: string, settings: RegEventSettings) {
    this.name = name
    this.settings = settings
    this.registrar = settings.registrar ?? 'proxy'
    this.prefix = bindingsPrefix(this.registrar)
    const pack: EventPackage<RegistrationState> = {
      name: 'reg',
      types: [reginfoType],
      expires: lifetimesOf(settings.expires, 3761), // RFC 3680 §4.4
      render: (state, { version, previous }) => ({
        type: reginfoType,
        content: reginfo(state, previous, version - 1, this.host.clock.date()),
      }),
    }
    this.packages = [pack]
  }
  start(host: Host): void {
    this.host = host
    this.askers = new Set((this.settings.askers ?? []).flatMap((asker) => subscriberKey(asker, host.domains) ?? []))
    host.gauge('registrations_watched', () => this.watches.size)
    this.subscribers = new Subscribers(host, this.settings.hss)
    this.signedIn = new SignedIn(host, this.subscribers)
  }
  async restored(notifier: Notifier): Promise<void> {
    const subscription: Notifier<RegistrationState> = notifier
    const watch = this.watch(notifier.resource, subscription)
    this.signedIn.follow(notifier)
    await watch.ready
    subscription.notify(watch.watched.state)
  }
  handle(exchange: Exchange): void | Promise<void> {
    const aor = this.aorOf(exchange)
    const may = this.mayAsk(exchange, aor)
    return may instanceof Promise ? may.then((settled) => this.answer(exchange, aor, settled)) : this.answer(exchange, aor, may)
  }
  private answer(exchange: Exchange, aor: string | undefined, may: boolean): void | Promise<void> {
    if (!may) return exchange.reply(403, { warning: 'you may watch your own registration only; expected your own address' })
    if (offers.answer(exchange)) return
    if (aor === undefined) return exchange.reply(404)
    return this.serve(exchange, aor)
  }
  private async serve(exchange: Exchange, aor: string): Promise<void> {
    const watch = this.watch(aor, undefined)
    watch.holds++
    try {
      await watch.ready
      const notifier = exchange.accept<RegistrationState>({ package: 'reg', resource: aor, state: watch.watched.state })
      if (notifier.live) watch.notifiers.add(notifier)
      this.signedIn.follow(notifier)
    } finally {
      watch.holds--
      this.forget(aor)
    }
  }
  /**
   * A user who is an address or a number may be written as a user of ours. The asker's own identity is the one that he is
   * registered by.
   */
  private aorOf({ asserted, request }: Exchange): string | undefined {
    const { domains } = this.host
    const aor = deviceKey(request.uri, domains)
    const asker = asserted === undefined ? undefined : deviceKey(asserted.uri, domains)
    return aor !== undefined && asker !== undefined && otherKeys(aor, domains).includes(asker) ? asker : aor
  }
  /** RFC 3680 §4.6. A trusted peer that speaks for nobody speaks for itself. */
  private mayAsk({ asserted, flow }: Exchange, aor: string | undefined): boolean | Promise<boolean> {
    if (asserted === undefined) return flow.trusted
    const asker = deviceKey(asserted.uri, this.host.domains)
    if (asker === undefined || asker === aor || this.askers.has(asker)) return asker !== undefined
    return this.isListed(asker)
  }
  /** By an alias. */
  private async isListed(asker: string): Promise<boolean> {
    this.subscribers.start() // the record has to follow its changes
    try {
      const record = await this.subscribers.of(asker)
      return record !== undefined && namesOf(record, this.host.domains).some((name) => this.askers.has(name))
    } catch {
      return false // nobody is let in because the HSS does not answer
    }
  }
  ended(notifier: Notifier): void {
    this.watches.get(encodeURIComponent(notifier.resource))?.notifiers.delete(notifier)
    this.forget(notifier.resource)
  }
  stop(): void {
    this.signedIn.stop()
    this.unwatch?.()
    for (const { watched } of this.watches.values()) watched.stop()
  }

  private watch(aor: string, notifier: Notifier<RegistrationState> | undefined): RegistrationWatch {
    const key = encodeURIComponent(aor)
    let watch = this.watches.get(key)
    if (watch === undefined) {
      const watched = new WatchedRegistration(this.host, aor, (state) => {
        for (const each of this.watches.get(key)?.notifiers ?? []) each.notify(state)
      })
      watch = { watched, notifiers: new Set(), ready: this.read(aor, key), holds: 0, waiting: [] }
      this.watches.set(key, watch)
      this.unwatch ??= this.host.store.watch(this.prefix, (change) =>
        this.changed(change.key, change.entry?.value as ContactBinding),
      )
    }
    if (notifier !== undefined) watch.notifiers.add(notifier)
    return watch
  }
  private async read(aor: string, key: string): Promise<void> {
    await Promise.resolve() // until it stands in the table
    const watch = this.watches.get(key)
    try {
      for await (const [at, { value }] of this.host.store.scan(aorPrefix(this.registrar, aor)))
        watch?.watched.found(at, value as ContactBinding)
    } finally {
      const waiting = watch?.waiting ?? []
      if (watch !== undefined) watch.waiting = undefined
      for (const change of waiting) change()
    }
  }
  private changed(key: string, binding: ContactBinding | undefined): void {
    const watch = this.watches.get(key.slice(this.prefix.length, key.lastIndexOf('/')))
    if (watch === undefined) return
    if (watch.waiting === undefined) watch.watched.changed(key, binding)
    else watch.waiting.push(() => watch.watched.changed(key, binding))
  }
  /** Nobody left: neither the store nor the clock are asked any more. */
  private forget(aor: string): void {
    const key = encodeURIComponent(aor)
    const watch = this.watches.get(key)
    if (watch === undefined || watch.notifiers.size > 0 || watch.holds > 0 || watch.waiting !== undefined) return
    watch.watched.stop()
    this.watches.delete(key)
    if (this.watches.size > 0) return
    this.unwatch?.()
    this.unwatch = undefined
  }
}
