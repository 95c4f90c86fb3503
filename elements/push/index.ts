/** The Push server (SPEC §5): reaches a user by Push identifier, at each of his devices, now or when they are there. */
import type { Claim, EventPackage, Exchange, Host, Notifier } from '../../signalling/index.ts'
import { LookupFailed } from '../shared/clients/subscribers.ts'
import { allocationTypes } from './allocation.ts'
import { applicationsEvent, applicationsPackage } from './application-feed.ts'
import type { PushAudit } from './conservation.ts'
import { subjectOf } from './decisions.ts'
import type { PushExplanation } from './explanation.ts'
import { summaryEvent, summaryPackage } from './message-summaries.ts'
import { openParts, type PushParts } from './parts.ts'
import type { PushMessage } from './push-message.ts'
import type { PushServer } from './push-server.ts'
import type { PushSettings } from './settings-type.ts'
import { wakeType } from './waking/wake-requests.ts'

export { type ApplicationStep, applicationSteps } from './applications.ts'
export type { PushAudit } from './conservation.ts'
export { pushRoutes } from './http-routes.ts'
export type { PushServer } from './push-server.ts'
export type { PushSettings } from './settings-type.ts'

const allow = 'INVITE, MESSAGE, REGISTER, SUBSCRIBE, OPTIONS'

export function createPush(name: string, settings: PushSettings): PushServer {
  return new PushElement(name, settings)
}

class PushElement implements PushServer {
  readonly name: string
  readonly claims: readonly Claim[]
  readonly packages: readonly EventPackage[] = [applicationsPackage, summaryPackage]
  readonly isProxy = true
  private readonly settings: PushSettings
  private parts!: PushParts
  readonly http: PushServer['http']

  constructor(name: string, settings: PushSettings) {
    this.name = name
    this.claims = [
      { method: ['MESSAGE', 'INVITE'], label: 'push' },
      ...allocationTypes.map((content) => ({ method: 'MESSAGE', content, user: name })),
      { method: 'REGISTER', user: 'push' },
      { method: ['REGISTER', 'OPTIONS'], label: 'push' },
      { method: 'SUBSCRIBE', event: applicationsEvent, user: name },
      { method: 'MESSAGE', content: wakeType, user: name },
      { method: 'SUBSCRIBE', event: summaryEvent },
    ]
    this.settings = settings
    this.http = { open: false, ...settings.http }
  }
  async start(host: Host): Promise<void> {
    const parts = await openParts(host, this.settings)
    this.parts = parts
    const { bindings, fallback, followed, policing, queues, receipts, routes, subscribers, wakes } = parts
    subscribers.start()
    policing.start()
    routes.start()
    followed.start()
    wakes.start()
    queues.start()
    fallback?.start()
    if (bindings !== undefined) for (const { subscriber } of queues.store.all()) void bindings.ready(subscriber)
    receipts.start()
  }
  get applications(): PushParts['applications'] {
    return this.parts.applications
  }
  get decisions(): PushParts['decisions'] {
    return this.parts.decisions
  }
  get submissions(): PushParts['submissions'] {
    return this.parts.submissions
  }
  audit(): Promise<PushAudit> {
    return this.parts.conservation.audit(this.parts.queues.store)
  }
  async retry(name: string | undefined): Promise<number | undefined> {
    const record = name === undefined ? undefined : await this.parts.explanation.recordOf(name)
    if (name !== undefined && record === undefined) return undefined
    return this.parts.queues.retry(record?.id)
  }
  why(name: string): Promise<PushExplanation | undefined> {
    return this.parts.explanation.of(name)
  }
  waiting(subscriber: string): readonly PushMessage[] {
    return this.parts.queues.waitingFor(subscriber)
  }
  handBack(): void {
    this.parts.policing.handBack()
  }
  async stop(): Promise<void> {
    const { applications, bindings, devices, fallback, followed, outcomes } = this.parts
    const { policing, queues, receiptCheck, receipts, routes, signedIn, summaries, wakes } = this.parts
    for (const part of [routes, followed, policing, wakes, signedIn, summaries, bindings]) part?.stop()
    const stores = [fallback, queues, devices, receipts, receiptCheck, applications, outcomes]
    await Promise.all(stores.map((part) => part?.stop()))
  }

  handle(exchange: Exchange): Promise<void> | void {
    const { applicationFeed, calls, gateway, registration, roaming, summaries } = this.parts
    const { event, method } = exchange.request
    if (method !== 'ACK' && gateway.isOutside(exchange)) return this.orRefuse(exchange, gateway.admit(exchange))
    if (gateway.isDelivery(exchange)) return gateway.deliver(exchange)
    if (method === 'ACK') return
    if (method === 'REGISTER') return this.orRefuse(exchange, registration.handle(exchange))
    if (roaming.isOnPath(exchange)) return roaming.follow(exchange)
    if (method === 'SUBSCRIBE' && event?.value === summaryEvent) return this.orRefuse(exchange, summaries.handle(exchange))
    if (method === 'SUBSCRIBE') return applicationFeed.handle(exchange)
    if (method === 'INVITE') return this.orRefuse(exchange, calls.handle(exchange))
    if (method === 'MESSAGE') return this.message(exchange)
    exchange.reply(method === 'OPTIONS' ? 200 : 405, { headers: [['Allow', allow]] })
  }
  /** Its own questions and reports come as MESSAGEs, too. */
  private message(exchange: Exchange): Promise<void> | void {
    const { allocation, dispatch, fallback, wakeRequests } = this.parts
    if (wakeRequests.isOne(exchange)) return wakeRequests.handle(exchange)
    if (fallback?.isReport(exchange) === true) return this.orRefuse(exchange, fallback.report(exchange))
    if (allocation.isOne(exchange)) return this.orRefuse(exchange, allocation.handle(exchange))
    return this.orRefuse(exchange, dispatch.handle(exchange))
  }
  restored(notifier: Notifier): void {
    if (notifier.package === summaryEvent) this.parts.summaries.restored(notifier)
    else this.parts.applicationFeed.restored(notifier)
  }
  ended(notifier: Notifier): void {
    if (notifier.package === summaryEvent) this.parts.summaries.ended(notifier)
    else this.parts.applicationFeed.ended(notifier)
  }
  private orRefuse(exchange: Exchange, served: Promise<void>): Promise<void> {
    return served.catch((fault: unknown) => {
      const found =
        fault instanceof LookupFailed ? ({ rule: 'hss', status: 503 } as const) : ({ rule: 'fault', status: 500 } as const)
      this.parts.decisions.note({ ...subjectOf(exchange, ''), ...found, text: String(fault).slice(0, 200) })
      this.parts.subscribers.refuse(exchange, fault)
    })
  }
}
