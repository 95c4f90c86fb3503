/** The GMLC (SPEC §8): requesting, home and visited one in one element, with the register of privacy profiles. */
import {
  type Claim,
  type Element,
  type EventPackage,
  type Exchange,
  type Host,
  keptSecret,
  type Notifier,
  type SipRequest,
} from '../../signalling/index.ts'
import { type LcsReport, mediaType } from '../schemas/index.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { auditedType, auditType } from '../shared/location/request-audits.ts'
import { Offers } from '../shared/values/offers.ts'
import { SettingsError } from '../shared/values/settings-error.ts'
import { CoarsePlaces } from './coarse-places.ts'
import { CoreRequests } from './core-requests.ts'
import { Disclosures } from './disclosures.ts'
import { LocationLogs, type LogState, logEvent, logPackage } from './location-logs.ts'
import { LocationPermissions } from './location-permissions.ts'
import { LocationRequests } from './location-requests.ts'
import { type LocationState, locationEvent, locationPackage } from './location-state.ts'
import { PrivacyQuestions } from './privacy-questions.ts'
import { ProfileUpdates, profileEvent, profilePackage, profileTypes } from './profile-updates.ts'
import { Profiles } from './profiles.ts'
import { Requestors } from './requestors.ts'
import type { GmlcSettings } from './settings-type.ts'
import { SubscriberLocationReports } from './subscriber-location-reports.ts'
import { TargetOwners } from './target-owners.ts'
import { TargetReports } from './target-reports.ts'
import { TargetRequests } from './target-requests.ts'
import { WatchedReports } from './watched-reports.ts'

export type { GmlcSettings } from './settings-type.ts'

const moLrType = mediaType('subscriber-location-report')
const ackTypes = [
  mediaType('subscriber-location-report-ack'),
  mediaType('location-information-ack'),
  mediaType('lcs-cancelled'),
  auditedType,
]
const reportType = mediaType('lcs-report')
const privacyAnswerType = mediaType('privacy-answer')
const endType = mediaType('lcs-end')
const profileRegister = 'ppr' // user part at which profiles are updated
const offers = new Offers([
  { method: 'SUBSCRIBE', event: locationEvent },
  { method: 'SUBSCRIBE', event: profileEvent },
  { method: 'SUBSCRIBE', event: logEvent },
  { method: 'MESSAGE', types: [moLrType, reportType, privacyAnswerType, endType, auditType, ...ackTypes, ...profileTypes] },
])

export function createGmlc(name: string, settings: GmlcSettings): Element {
  return new Gmlc(name, settings)
}

class Gmlc implements Element {
  readonly name: string
  readonly claims: readonly Claim[]
  readonly packages: readonly EventPackage[]
  private readonly settings: GmlcSettings
  private subscribers!: Subscribers
  private conversations!: Conversations
  private moLrReports!: SubscriberLocationReports
  private profiles!: Profiles
  private places!: CoarsePlaces
  private questions!: PrivacyQuestions
  private disclosures!: Disclosures
  private cores!: CoreRequests
  private deferred!: TargetRequests
  private owners!: TargetOwners
  private logs!: LocationLogs
  private updates!: ProfileUpdates
  private requests!: LocationRequests

  constructor(name: string, settings: GmlcSettings) {
    this.name = name
    this.settings = settings
    const acknowledged = (notifier: Notifier, document: string): void => this.disclosures.acknowledged(notifier, document)
    this.packages = [locationPackage(acknowledged) as EventPackage, profilePackage as EventPackage, logPackage as EventPackage]
    this.claims = [
      { method: 'MESSAGE', content: [moLrType, reportType, endType, auditType, ...ackTypes, ...profileTypes], label: name },
      { method: 'MESSAGE', content: profileTypes, user: profileRegister },
      { method: 'MESSAGE', content: [privacyAnswerType, endType], user: name },
      { method: 'SUBSCRIBE', event: [locationEvent, profileEvent, logEvent] },
    ]
  }
  async start(host: Host): Promise<void> {
    const { settings } = this
    this.subscribers = new Subscribers(host, settings.hss)
    this.conversations = new Conversations(host)
    this.moLrReports = new SubscriberLocationReports({ host, conversations: this.conversations, settings })
    this.profiles = new Profiles(host)
    this.places = new CoarsePlaces(host)
    await this.profiles.load()
    await this.places.load()
    const { messages } = this.conversations
    this.questions = new PrivacyQuestions({ host, messages })
    await this.questions.load()
    const fault = this.profiles.give((settings.profiles ?? []) as Parameters<Profiles['give']>[0])
    if (fault !== undefined) throw new SettingsError(fault, 'rules of SPEC §8.4')
    const deviceKey = await keptSecret(host.store, host.ids, `gmlc/${this.name}/device-key`)
    const { conversations, places, profiles, questions, subscribers } = this
    const permissions = new LocationPermissions({ host, messages, profiles, questions })
    this.owners = new TargetOwners({ host, subscribers, speakers: settings.speakers ?? [] })
    const { owners } = this
    this.logs = new LocationLogs({
      ...{ host, owners },
      activeOf: (target) => this.deferred.activeOf(target),
      end: (target, requests) => this.deferred.endBy(target, requests),
    })
    await this.logs.load()
    const { logs } = this
    const disclosures = new Disclosures({
      ...{ host, permissions, places, deviceKey },
      leaves: ({ question: { client, requestor }, request, since, target, type }) =>
        logs.told(target, { request, requestor, client, type, since: new Date(since).toISOString() }),
    })
    const reported = (report: LcsReport): Promise<number> => this.deferred.take(report)
    const cores = new CoreRequests({
      ...{ host, conversations, reported },
      cores: settings.cores ?? [],
      isKnown: (request) => this.deferred.isKnown(request),
    })
    this.disclosures = disclosures
    this.cores = cores
    this.deferred = new TargetRequests({
      ...{ host, profiles, permissions, cores },
      reports: new TargetReports({ disclosures, watched: new WatchedReports({ permissions, places }) }),
      changed: (target) => logs.changed(target),
    })
    await this.deferred.load()
    const { deferred } = this
    const changed = (target: string): Promise<void> => {
      questions.forget(target)
      disclosures.judge(target)
      return deferred.judge(target)
    }
    this.updates = new ProfileUpdates({ host, profiles, changed, owners })
    const requestors = new Requestors({ host, profiles, clients: settings.clients ?? [] })
    this.requests = new LocationRequests({ host, subscribers, requestors, permissions, disclosures, cores, deferred })
    deferred.start()
    this.subscribers.start()
  }
  async stop(): Promise<void> {
    this.cores.stop()
    await Promise.all([this.profiles.stop(), this.places.stop(), this.questions.stop(), this.deferred.stop(), this.logs.stop()])
  }

  handle(exchange: Exchange): Promise<void> | void {
    const { contentType = '', event, method } = exchange.request
    if (offers.answer(exchange)) return
    if (method === 'SUBSCRIBE' && event?.value === profileEvent) return this.orRefuse(exchange, this.updates.tell(exchange))
    if (method === 'SUBSCRIBE' && event?.value === logEvent) return this.orRefuse(exchange, this.logs.handle(exchange))
    if (method === 'SUBSCRIBE') return this.orRefuse(exchange, this.requests.handle(exchange))
    if (ackTypes.includes(contentType)) return this.conversations.takeAnswer(exchange)
    if (contentType === moLrType) return this.moLrReports.handle(exchange)
    if (contentType === reportType) return this.cores.take(exchange)
    if (contentType === auditType) return this.cores.audits.handle(exchange)
    if (contentType === privacyAnswerType) return this.questions.handle(exchange)
    if (contentType === endType) return this.orRefuse(exchange, this.logs.handleEnd(exchange))
    return this.orRefuse(exchange, this.updates.handle(exchange))
  }
  restored(notifier: Notifier): void {
    if (notifier.package === logEvent) this.logs.restored(notifier as Notifier<LogState>)
    else this.requests.restored(notifier as Notifier<LocationState>)
  }
  refreshed(notifier: Notifier, { expires }: SipRequest): undefined {
    if (notifier.package === locationEvent) this.requests.refreshed(notifier, expires)
  }
  ended(notifier: Notifier): Promise<void> | undefined {
    if (notifier.package === locationEvent) return this.requests.ended(notifier as Notifier<LocationState>)
    if (notifier.package === logEvent) this.logs.ended(notifier as Notifier<LogState>)
    return undefined
  }
  private orRefuse(exchange: Exchange, served: Promise<void>): Promise<void> {
    return served.catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
}
