/**
 * Requests where a target is (SPEC §8.2). Its privacy judges them, the core network carries them out, and the place is judged
 * anew. The asker is told as much as it may know.
 */
import { type EventPackage, type Exchange, type Host, type Notifier, parseUri, seal } from '../../signalling/index.ts'
import {
  hasBody,
  type LcsReport,
  type LocationRequest,
  type Place,
  readBody,
  type SubscriberRecord,
  writeBody,
} from '../schemas/index.ts'
import { askerOf, elementAsking } from '../shared/clients/asker.ts'
import type { PendingMessages } from '../shared/clients/pending-messages.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { ownUser } from '../shared/identifiers/element-names.ts'
import { type PrivacyQuestion, permissionOf } from '../shared/location/privacy-rules.ts'
import { newRequestId, requestAt } from '../shared/location/request-address.ts'
import type { CoarsePlaces, PlacePermission, ToldPlace } from './coarse-places.ts'
import { locationDocument, noteDocument } from './location-document.ts'
import type { PrivacyQuestions } from './privacy-questions.ts'
import type { Profiles } from './profiles.ts'
import type { GmlcSettings } from './settings-type.ts'

export const locationEvent = 'location'
const documentType = 'application/pidf+xml'

/** Document of a NOTIFY; empty: none. */
interface LocationState {
  readonly document: string
}

export const locationPackage: EventPackage<LocationState> = {
  name: locationEvent,
  types: [documentType],
  expires: { usual: 3600, max: 86_400 },
  render: ({ document }) => (document === '' ? undefined : { type: documentType, content: document }),
}

interface LocationRequestParts {
  readonly host: Host
  readonly settings: GmlcSettings
  readonly messages: PendingMessages
  readonly subscribers: Subscribers
  readonly profiles: Profiles
  readonly places: CoarsePlaces
  readonly questions: PrivacyQuestions
  /** Key of the pseudonyms of devices. */
  readonly deviceKey: string
}

/** A request as it came, in terms of its judgement. */
interface AskedLocation {
  readonly request: string
  /** Undefined: nobody whom we know. */
  readonly target: SubscriberRecord | undefined
  readonly question: PrivacyQuestion
  readonly wishes: LocationRequest
}

const usualResponseTime = 15 // seconds
const longestOfFetch = 25 // seconds for which the NOTIFY of a fetch waits
const way = 3000 // milliseconds that messages between the elements may take
const keptFor = 3_600_000 // milliseconds for which a document may be kept by who gets it
const underWayAtMost = 10_000
const wrongWords = 5 // an hour, of one client about one target
const hour = 3_600_000 // milliseconds

export class LocationRequests {
  private readonly parts: LocationRequestParts
  /** Requests whose report is awaited. */
  private readonly awaited = new Map<string, (report: LcsReport | undefined) => void>()
  /** Wrong codewords by client and target, with the end of their hour. */
  private readonly wrong = new Map<string, { count: number; readonly until: number }>()

  constructor(parts: LocationRequestParts) {
    this.parts = parts
    parts.host.gauge('location_requests', () => this.awaited.size)
  }
  stop(): void {
    for (const settle of [...this.awaited.values()]) settle(undefined)
  }

  /** SUBSCRIBE. Who may not know, and an unknown target, get the same. */
  async handle(exchange: Exchange): Promise<void> {
    const { host } = this.parts
    const { request } = exchange
    const asker = askerOf(exchange, host.domains)
    if (asker === undefined) return exchange.reply(403, { warning: 'nobody vouches for you; expected to come by your proxy' })
    const body = hasBody(request) ? readBody(request, 'location-request') : { value: { type: 'immediate' } as LocationRequest }
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const wishes = body.value
    if (wishes.type !== 'immediate') return exchange.reply(400, { warning: `/type is ${wishes.type}; expected immediate` })
    const isFetch = request.expires === 0
    if (isFetch && (wishes.qos?.responseTime ?? 0) > longestOfFetch)
      return exchange.reply(403, { warning: `/qos/responseTime is above ${longestOfFetch} s for a fetch; use Expires > 0` })
    if (this.awaited.size >= underWayAtMost) return exchange.reply(503, { headers: [['Retry-After', '5']] })
    const question = this.questionOf(asker, wishes)
    if (question === undefined)
      return exchange.reply(403, {
        warning: '/requestor is not you; expected to be an LCS client of this network, or no requestor',
      })
    const target = await this.parts.subscribers.lookup(request.uri)
    const resource = target?.id ?? request.uri.text
    const notifier = exchange.accept<LocationState>({
      package: locationEvent,
      resource,
      ...(isFetch ? {} : { pending: true, state: { document: '' } }),
    })
    if (!notifier.live) return
    host.count('location_asked')
    const asked: AskedLocation = {
      request: newRequestId(host),
      target,
      question: this.worded(question, wishes, resource),
      wishes,
    }
    await this.serve(notifier, asked, isFetch)
  }
  /** A report of the core network. */
  take(exchange: Exchange): void {
    const { host, settings } = this.parts
    if (elementAsking(exchange, host.domains, settings.cores ?? []) === undefined)
      return exchange.reply(403, { warning: 'only the core network reports here; expected one of the cores of this GMLC' })
    const body = readBody(exchange.request, 'lcs-report')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const settle = this.awaited.get(body.value.request)
    if (settle === undefined) return exchange.reply(481, { warning: 'nobody asks for that any more' })
    exchange.reply(200)
    settle(body.value)
  }
  /** One that was pending when an earlier process ended: its asker asks anew. */
  restored(notifier: Notifier): void {
    notifier.terminate('deactivated')
  }

  /** Undefined: it speaks for somebody, and may not. */
  private questionOf(asker: string, { requestor: named, service }: LocationRequest): PrivacyQuestion | undefined {
    const { host, settings } = this.parts
    const own = ownUser(asker, host.domains)
    const client = own !== undefined && settings.clients?.includes(own) === true ? own : undefined
    const requestor = named === undefined ? asker : (subscriberKey(named, host.domains) ?? named)
    if (client === undefined && requestor !== asker) return undefined
    const domain = parseUri(requestor)?.host ?? ''
    return { requestor, domain, client: client ?? asker, ...(service === undefined ? {} : { service }) }
  }
  /** With its codeword, unless its client has guessed too often. */
  private worded(question: PrivacyQuestion, { codeword }: LocationRequest, target: string): PrivacyQuestion {
    if (codeword === undefined) return question
    const { clock } = this.parts.host
    const key = `${question.client} ${target}`
    const wrong = this.wrong.get(key)
    if (wrong !== undefined && wrong.until > clock.now() && wrong.count >= wrongWords) return question
    const asked = { ...question, codeword: this.parts.profiles.sealedWord(codeword) }
    const rules = this.parts.profiles.of(target)
    const words = rules.filter((rule) => rule.codeword !== undefined)
    const isRight = words.some((rule) => Object.entries(rule.codeword!).some(([name, hmac]) => asked.codeword[name] === hmac))
    if (isRight || words.length === 0) return asked
    const current = wrong !== undefined && wrong.until > clock.now() ? wrong : { count: 0, until: clock.now() + hour }
    this.wrong.delete(key)
    this.wrong.set(key, { ...current, count: current.count + 1 })
    if (this.wrong.size > underWayAtMost) this.wrong.delete(this.wrong.keys().next().value!)
    return asked
  }

  private async serve(notifier: Notifier<LocationState>, asked: AskedLocation, isFetch: boolean): Promise<void> {
    const { host } = this.parts
    try {
      const end = isFetch ? await this.inTime(asked) : await this.outcomeOf(asked)
      if (!notifier.live) return
      if (end === 'rejected') return notifier.terminate('rejected')
      const state = { document: end }
      if (isFetch) return notifier.notify(state)
      notifier.authorise(true, state)
      notifier.terminate('noresource')
    } catch (fault) {
      host.log.error({ request: asked.request, fault: String(fault) }, 'a request where a target is has failed')
      if (notifier.live) notifier.terminate('probation', 5)
    }
  }
  /** As `outcomeOf`, within the time for which the NOTIFY of a fetch waits. */
  private inTime(asked: AskedLocation): Promise<string | 'rejected'> {
    return new Promise((resolve, reject) => {
      const late = (): void => resolve('rejected') // nothing is said of a target that thinks about it
      const timer = this.parts.host.clock.after(longestOfFetch * 1000, late)
      this.outcomeOf(asked)
        .finally(() => timer.cancel())
        .then(resolve, reject)
    })
  }
  /** A document, or that nothing is told. */
  private async outcomeOf({ question, request, target, wishes }: AskedLocation): Promise<string | 'rejected'> {
    if (target === undefined || (await this.tellable(target.id, question)) === undefined) return 'rejected'
    const report = await this.reportOf(target.id, question, request, wishes)
    const { place } = report ?? {}
    const names = { request, target: target.id }
    if (place === undefined && (await this.tellable(target.id, question)) === undefined) return 'rejected'
    if (place === undefined) return noteDocument(names, report?.cause ?? 'position-timeout')
    const { host } = this.parts
    const known = await this.known(target.id, question, place)
    if (known === undefined) return 'rejected'
    this.notice(target.id, question)
    const device = pseudonym(seal(this.parts.deviceKey, `${question.client} ${target.id}`, 43))
    return locationDocument({ ...names, device }, { ...known, at: Date.parse(place.at), keepUntil: host.clock.date() + keptFor })
  }
  /** A place in as much detail as rules allow that have not changed while it was made; undefined: they allow none. */
  private async known(target: string, question: PrivacyQuestion, place: Place): Promise<ToldPlace | undefined> {
    for (;;) {
      const judged = JSON.stringify(this.permissionFor(target, question, place))
      const detail = await this.tellable(target, question, place)
      if (detail === undefined) return undefined
      const known = await this.parts.places.told(target, place, detail)
      if (JSON.stringify(this.permissionFor(target, question, place)) === judged) return known
    }
  }
  private permissionFor(target: string, question: PrivacyQuestion, place?: Place): ReturnType<typeof permissionOf> {
    const [longitude, latitude] = (place?.point.coordinates ?? []) as readonly number[]
    const point = longitude === undefined || latitude === undefined ? undefined : { latitude, longitude }
    const { host, profiles } = this.parts
    return permissionOf(profiles.of(target), question, host.clock.date(), point)
  }
  /** The detail that may be told; undefined: nothing may. The target is asked where its rules say so. */
  private async tellable(target: string, question: PrivacyQuestion, place?: Place): Promise<PlacePermission | undefined> {
    const { civic, mode, precision } = this.permissionFor(target, question, place) ?? {}
    if (precision === undefined || mode === undefined) return undefined
    const detail = { precision, ...(civic === undefined ? {} : { civic }) }
    if (mode === 'allow' || mode === 'notify') return detail
    const isAllowed = await this.parts.questions.isAllowed(target, question, mode, precision === 'exact' ? undefined : precision)
    return isAllowed ? detail : undefined
  }
  /** The report of the core network; undefined: none came in time. */
  private reportOf(
    target: string,
    { client, requestor, service }: PrivacyQuestion,
    request: string,
    { age, qos }: LocationRequest,
  ): Promise<LcsReport | undefined> {
    const { host, messages, settings } = this.parts
    const [core] = settings.cores ?? []
    if (core === undefined) return Promise.resolve(undefined)
    const more = {
      ...(service === undefined ? {} : { service }),
      ...(qos === undefined ? {} : { qos }),
      ...(age === undefined ? {} : { age }),
    }
    const to = requestAt(`sip:${core}@${host.domains[0]}`, request)
    const body = writeBody('lcs-request', { request, target, client, requestor, type: 'immediate', ...more })
    return new Promise((resolve) => {
      const settle = (report: LcsReport | undefined): void => {
        if (!this.awaited.delete(request)) return
        timer.cancel()
        resolve(report)
      }
      const timer = host.clock.after((qos?.responseTime ?? usualResponseTime) * 1000 + way, () => settle(undefined))
      this.awaited.set(request, settle)
      const refused = (): void => settle(undefined)
      messages.send({ to, asserted: host.uri, body }).then((response) => {
        if (response === undefined || response.status >= 300) refused()
      }, refused)
    })
  }
  /** The target is told who was told, where its rules say so. */
  private notice(target: string, { client, requestor, service }: PrivacyQuestion): void {
    const { host, messages, profiles } = this.parts
    const question = { client, requestor, domain: parseUri(requestor)?.host ?? '', ...(service === undefined ? {} : { service }) }
    if (permissionOf(profiles.of(target), question, host.clock.date())?.mode !== 'notify') return
    const at = new Date(host.clock.date()).toISOString()
    const body = writeBody('privacy-notice', { requestor, client, ...(service === undefined ? {} : { service }), at })
    messages.send({ to: target, asserted: host.uri, body }).catch((fault: unknown) => {
      host.log.warn({ target, fault: String(fault) }, 'a target is not told who asked')
    })
  }
}

/** URN of a device, by its seal: the same for each request of one client about one target. */
function pseudonym(sealed: string): string {
  const hex = Buffer.from(sealed, 'base64url').toString('hex')
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
