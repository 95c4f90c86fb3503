/** The mobility management entity (SPEC §3.6; FIG 14–18): attaches UEs and stands between them and the proximity server. */
import type { Element, EventPackage, Exchange, Host, Notifier, RefreshChange, SipRequest } from '../../signalling/index.ts'
import { mediaType, readOptionalBody, writeBody } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { SignedIn } from '../shared/clients/signed-in.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, isNameOf, serverUri, subscriberKey } from '../shared/identifiers/devices.ts'
import { lifetimesOf } from '../shared/values/lifetimes.ts'
import { Offers } from '../shared/values/offers.ts'
import { type AttachView, Contexts, type UeContext } from './contexts.ts'
import { type FormerMme, Handover, movingTypes } from './handover.ts'
import { answerType, passingEvents, passingTypes, Relaying } from './relaying.ts'
import { identifierRules, type MmeSettings } from './settings.ts'

export type { MmeSettings } from './settings.ts'

/** A UE that is attached, as its operator sees it. `validUntil`: milliseconds since the epoch. */
export interface AttachedUe {
  readonly device: string
  readonly temporary: string
  readonly validUntil: number
}

/** An MME, and the actions of its operator. */
export interface Mme extends Element {
  /** By any form of the device's identifier, or a bare name of the first domain; by an alias as far as it is known here. */
  attached(user: string): AttachedUe | undefined
  /** As `attached`, by an alias too: the HSS is asked. Rejects where it does not answer. */
  find(user: string): Promise<AttachedUe | undefined>
  /** Gives it another one, told to the UE when it resolves. False: it is not attached. */
  reallocate(device: string): Promise<boolean>
}

const attachEvent = 'attach'
const offers = new Offers([
  { method: 'SUBSCRIBE', event: attachEvent, types: [mediaType('attach-request')] },
  { method: 'MESSAGE', types: movingTypes },
])
const orphansAfter = 10_000 // milliseconds after a restart in which subscriptions are taken up again

/** Throws where the settings contradict each other. */
export function createMme(name: string, settings: MmeSettings): Mme {
  return new MobilityManagementEntity(name, settings)
}

class MobilityManagementEntity implements Mme {
  readonly name: string
  readonly claims
  readonly packages: readonly EventPackage[]
  private readonly settings: MmeSettings
  private readonly rules
  private host!: Host
  private contexts!: Contexts
  private subscribers!: Subscribers
  private signedIn!: SignedIn
  private handover!: Handover
  private relaying!: Relaying
  private stopped = false

  constructor(name: string, settings: MmeSettings) {
    this.name = name
    this.settings = settings
    this.rules = identifierRules(settings)
    this.claims = [
      { method: 'SUBSCRIBE', event: [attachEvent, ...passingEvents], user: name },
      { method: 'MESSAGE', content: [...movingTypes, ...passingTypes], user: name },
    ]
    const attach: EventPackage<AttachView> = {
      name: attachEvent,
      types: [mediaType('attach-state')],
      expires: lifetimesOf(settings.expires),
      render: ({ device }, { version, ending }) => (ending === true ? undefined : this.state(device, version)),
    }
    this.packages = [attach]
  }

  async start(host: Host): Promise<void> {
    const { check, fellows = [], hss, prose = 'prose' } = this.settings
    this.host = host
    this.contexts = new Contexts(host, this.rules)
    await this.contexts.load()
    this.subscribers = new Subscribers(host, hss)
    this.subscribers.onChange((id, record) => {
      if (record === undefined) this.sendAway(id)
    })
    this.signedIn = new SignedIn(host, this.subscribers)
    this.subscribers.start()
    this.handover = new Handover(host, this.contexts, fellows)
    const { contexts, subscribers } = this
    this.relaying = new Relaying({ host, contexts, subscribers, checks: check === 'hss', prose: serverUri(prose, host.domains) })
    host.clock.after(orphansAfter, () => {
      if (!this.stopped) this.contexts.dropOrphans()
    })
  }

  handle(exchange: Exchange): void | Promise<void> {
    const { request } = exchange
    if (request.method === 'ACK') return
    if (request.method === 'NOTIFY') return this.relaying.back(exchange)
    if (request.method === 'MESSAGE' && request.contentType === answerType) return this.relaying.answer(exchange)
    const work = this.isForUs(request) ? this.serve(exchange) : this.relaying.forth(exchange)
    return work?.catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
  private isForUs({ uri, event, contentType }: SipRequest): boolean {
    if (uri.user !== this.name) return false
    return !passingEvents.includes(event?.value ?? '') && !passingTypes.includes(contentType ?? '')
  }
  private serve(exchange: Exchange): void | Promise<void> {
    if (offers.answer(exchange)) return
    if (exchange.request.method === 'MESSAGE') return this.handover.handle(exchange)
    return this.attach(exchange)
  }

  /** The UE is who the proxy says; it may name itself by the identifier that it has, here or where it comes from. */
  private async attach(exchange: Exchange): Promise<void> {
    const { contexts, host } = this
    const body = readOptionalBody(exchange.request, 'attach-request')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const device = askerOf(exchange, host.domains)
    const { device: named = device, capabilities, former } = body.value
    if (device === undefined || !(await this.isOf(named!, device, former))) {
      host.count('attaches_refused')
      return exchange.reply(403)
    }
    if (exchange.request.expires === 0) {
      exchange.accept<AttachView>({ package: attachEvent, resource: device, state: { device } })
      return
    }
    const there = former && (await this.handover.fetch(device, former))
    const context = await contexts.obtain(
      device,
      (capabilities ?? there)?.prose,
      former !== undefined && this.handover.isOtherMme(former.mme),
    )
    const begun = (one: Notifier<AttachView>): void => {
      if (contexts.of(device) !== context) return one.terminate('deactivated') // detached meanwhile: it attaches anew
      // An attachment that the UE has given up (RFC 6665 §4.1.2.2) is answered 481, and is over. One that it still holds gets its state again.
      for (const other of context.notifiers) other.notify({ device })
      context.notifiers.add(one)
      this.signedIn.follow(one)
      if (former !== undefined && there !== undefined) this.leave(device, former)
    }
    const notifier = exchange.accept<AttachView>({ package: attachEvent, resource: device, state: { device }, begun })
    if (!notifier.live && context.notifiers.size === 0) contexts.drop(context)
  }
  private leave(device: string, former: FormerMme): void {
    this.handover
      .release(device, former)
      .catch((fault: unknown) => this.host.log.error({ fault: String(fault), device }, 'a former MME is not told'))
  }
  private async isOf(named: string, device: string, former: FormerMme | undefined): Promise<boolean> {
    const key = deviceKey(named, this.host.domains)
    if (named === former?.temporary || key === device || this.contexts.holder(named)?.device === device) return true
    // maybe an alias (SPEC §2.1), of the asker alone: of nobody else is anything to be learned
    const ownRecord = key === undefined ? undefined : await this.subscribers.of(device)
    return ownRecord !== undefined && isNameOf(key!, ownRecord, this.host.domains)
  }

  refreshed(notifier: Notifier, request: SipRequest): undefined | number | RefreshChange {
    const body = readOptionalBody(request, 'attach-request')
    if (body.fault !== undefined) return body.fault.status
    const context = this.contexts.of(notifier.resource)
    const { capabilities } = body.value
    return context === undefined || capabilities === undefined ? undefined : this.contexts.change(context, capabilities.prose)
  }
  ended(notifier: Notifier): void | Promise<void> {
    const context = this.contexts.of(notifier.resource)
    if (this.stopped || context === undefined) return
    const { notifiers } = context
    for (const each of notifiers) if (each.id === notifier.id) notifiers.delete(each)
    if (notifiers.size === 0) return this.contexts.drop(context)
  }
  restored(notifier: Notifier): void {
    const context = this.contexts.of(notifier.resource)
    if (context === undefined) return notifier.terminate('deactivated') // the UE attaches anew
    context.notifiers.add(notifier as Notifier<AttachView>)
    notifier.notify({ device: context.device } satisfies AttachView)
  }
  stop(): Promise<void> {
    this.stopped = true
    this.signedIn.stop()
    return this.contexts.stop()
  }

  attached(user: string): AttachedUe | undefined {
    const device = subscriberKey(user, this.host.domains)
    const context = device === undefined ? undefined : this.contexts.of(device)
    if (context === undefined) return undefined
    const { temporary, validUntil } = context.stored
    return { device: context.device, temporary, validUntil }
  }
  async find(user: string): Promise<AttachedUe | undefined> {
    const key = subscriberKey(user, this.host.domains)
    if (key === undefined) return undefined
    return this.attached(key) ?? this.attached((await this.subscribers.of(key))?.id ?? key)
  }
  async reallocate(device: string): Promise<boolean> {
    const context = this.contexts.of(device)
    if (context === undefined) return false
    await this.contexts.reallocate(context)
    return true
  }

  private state(device: string, version: number) {
    const context: UeContext | undefined = this.contexts.of(device)
    if (context === undefined) return undefined
    const { temporary, validUntil } = context.stored
    return writeBody('attach-state', { version, temporary, validUntil: new Date(validUntil).toISOString() })
  }
  /** It is no subscriber any more. */
  private sendAway(device: string): void {
    const context = this.contexts.of(device)
    if (context === undefined) return
    for (const notifier of [...context.notifiers]) notifier.terminate('rejected')
    this.contexts.drop(context)
  }
}
