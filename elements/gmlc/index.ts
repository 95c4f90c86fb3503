/** The GMLC (SPEC §8): requesting, home and visited one in one element, with the register of privacy profiles. */
import {
  type Claim,
  type Element,
  type EventPackage,
  type Exchange,
  type Host,
  keptSecret,
  type Notifier,
} from '../../signalling/index.ts'
import { mediaType } from '../schemas/index.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { Offers } from '../shared/values/offers.ts'
import { SettingsError } from '../shared/values/settings-error.ts'
import { CoarsePlaces } from './coarse-places.ts'
import { LocationRequests, locationEvent, locationPackage } from './location-requests.ts'
import { PrivacyQuestions } from './privacy-questions.ts'
import { ProfileUpdates, profileEvent, profilePackage, profileTypes } from './profile-updates.ts'
import { Profiles } from './profiles.ts'
import type { GmlcSettings } from './settings-type.ts'
import { SubscriberLocationReports } from './subscriber-location-reports.ts'

export type { GmlcSettings } from './settings-type.ts'

const moLrType = mediaType('subscriber-location-report')
const answerTypes = [mediaType('subscriber-location-report-ack'), mediaType('location-information-ack')]
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
  readonly packages: readonly EventPackage[] = [locationPackage as EventPackage, profilePackage as EventPackage]
  private readonly settings: GmlcSettings
  private subscribers!: Subscribers
  private conversations!: Conversations
  private moLrReports!: SubscriberLocationReports
  private profiles!: Profiles
  private places!: CoarsePlaces
  private questions!: PrivacyQuestions
  private updates!: ProfileUpdates
  private requests!: LocationRequests

  constructor(name: string, settings: GmlcSettings) {
    this.name = name
    this.settings = settings
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
    const { places, profiles, questions, subscribers } = this
    this.updates = new ProfileUpdates({ host, profiles, questions, subscribers, speakers: settings.speakers ?? [] })
    this.requests = new LocationRequests({
      host,
      settings,
      subscribers,
      profiles,
      places,
      deviceKey,
      messages,
      questions,
    })
    this.subscribers.start()
  }
  async stop(): Promise<void> {
    this.requests.stop()
    await Promise.all([this.profiles.stop(), this.places.stop(), this.questions.stop()])
  }

  handle(exchange: Exchange): Promise<void> | void {
    const { contentType = '', event, method } = exchange.request
    if (offers.answer(exchange)) return
    if (method === 'SUBSCRIBE' && event?.value === profileEvent) return this.orRefuse(exchange, this.updates.tell(exchange))
    if (method === 'SUBSCRIBE') return this.orRefuse(exchange, this.requests.handle(exchange))
    if (answerTypes.includes(contentType)) return this.conversations.takeAnswer(exchange)
    if (contentType === moLrType) return this.moLrReports.handle(exchange)
    if (contentType === reportType) return this.requests.take(exchange)
    if (contentType === answerType) return this.questions.handle(exchange)
    return this.orRefuse(exchange, this.updates.handle(exchange))
  }
  restored(notifier: Notifier): void {
    this.requests.restored(notifier)
  }
  private orRefuse(exchange: Exchange, served: Promise<void>): Promise<void> {
    return served.catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
}
