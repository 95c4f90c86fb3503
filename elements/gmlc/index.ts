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
import { mediaType } from '../schemas/index.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { Offers } from '../shared/values/offers.ts'
import { SettingsError } from '../shared/values/settings-error.ts'
import { CoarsePlaces } from './coarse-places.ts'
import { CoreRequests } from './core-requests.ts'
import { Disclosures } from './disclosures.ts'
import { LocationPermissions } from './location-permissions.ts'
import { LocationRequests } from './location-requests.ts'
import { type LocationState, locationEvent, locationPackage } from './location-state.ts'
import { PrivacyQuestions } from './privacy-questions.ts'
import { ProfileUpdates, profileEvent, profilePackage, profileTypes } from './profile-updates.ts'
import { Profiles } from './profiles.ts'
import { Requestors } from './requestors.ts'
import type { GmlcSettings } from './settings-type.ts'
import { SubscriberLocationReports } from './subscriber-location-reports.ts'
import { TargetRequests } from './target-requests.ts'

export type { GmlcSettings } from './settings-type.ts'

const moLrType = mediaType('subscriber-location-report')
const answerTypes = [
  mediaType('subscriber-location-report-ack'),
  mediaType('location-information-ack'),
  mediaType('lcs-cancelled'),
]
const reportType = mediaType('lcs-report')
const answerType = mediaType('privacy-answer')
const profileRegister = 'ppr' // user part at which profiles are updated
const offers = new Offers([
  { method: 'SUBSCRIBE', event: locationEvent },
  { method: 'SUBSCRIBE', event: profileEvent },
  { method: 'MESSAGE', types: [moLrType, reportType, answerType, ...answerTypes, ...profileTypes] },
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
  private waiting!: TargetRequests
  private updates!: ProfileUpdates
  private requests!: LocationRequests

  constructor(name: string, settings: GmlcSettings) {
    this.name = name
    this.settings = settings
    const acknowledged = (notifier: Notifier): void => this.disclosures.acknowledged(notifier)
    this.packages = [locationPackage(acknowledged) as EventPackage, profilePackage as EventPackage]
    this.claims = [
      { method: 'MESSAGE', content: [moLrType, reportType, ...answerTypes, ...profileTypes], label: name },
      { method: 'MESSAGE', content: profileTypes, user: profileRegister },
      { method: 'MESSAGE', content: answerType, user: name },
      { method: 'SUBSCRIBE', event: [locationEvent, profileEvent] },
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
    const disclosures = new Disclosures({ host, permissions, places, deviceKey })
    const reported: ConstructorParameters<typeof CoreRequests>[0]['reported'] = (report) => this.waiting.take(report)
    const cores = new CoreRequests({ host, conversations, cores: settings.cores ?? [], reported })
    this.disclosures = disclosures
    this.cores = cores
    this.waiting = new TargetRequests({ host, profiles, permissions, disclosures, cores })
    await this.waiting.load()
    const { waiting } = this
    const changed = (target: string): Promise<void> => {
      questions.forget(target)
      disclosures.judge(target)
      return waiting.judge(target)
    }
    this.updates = new ProfileUpdates({ host, profiles, changed, subscribers, speakers: settings.speakers ?? [] })
    const requestors = new Requestors({ host, profiles, clients: settings.clients ?? [] })
    this.requests = new LocationRequests({ host, subscribers, requestors, permissions, disclosures, cores, waiting })
    waiting.start()
    this.subscribers.start()
  }
  async stop(): Promise<void> {
    this.cores.stop()
    await Promise.all([this.profiles.stop(), this.places.stop(), this.questions.stop(), this.waiting.stop()])
  }

  handle(exchange: Exchange): Promise<void> | void {
    const { contentType = '', event, method } = exchange.request
    if (offers.answer(exchange)) return
    if (method === 'SUBSCRIBE' && event?.value === profileEvent) return this.orRefuse(exchange, this.updates.tell(exchange))
    if (method === 'SUBSCRIBE') return this.orRefuse(exchange, this.requests.handle(exchange))
    if (answerTypes.includes(contentType)) return this.conversations.takeAnswer(exchange)
    if (contentType === moLrType) return this.moLrReports.handle(exchange)
    if (contentType === reportType) return this.cores.take(exchange)
    if (contentType === answerType) return this.questions.handle(exchange)
    return this.orRefuse(exchange, this.updates.handle(exchange))
  }
  restored(notifier: Notifier): void {
    this.requests.restored(notifier as Notifier<LocationState>)
  }
  refreshed(notifier: Notifier, { expires }: SipRequest): undefined {
    if (notifier.package === locationEvent) this.requests.refreshed(notifier, expires)
  }
  ended(notifier: Notifier): Promise<void> | undefined {
    return notifier.package === locationEvent ? this.requests.ended(notifier as Notifier<LocationState>) : undefined
  }
  private orRefuse(exchange: Exchange, served: Promise<void>): Promise<void> {
    return served.catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
}
