/** The core network of one domain (SPEC §8.1): an MSC, which serves UEs in two steps, or an SGSN. */
import type { Claim, Element, Exchange, Host } from '../../signalling/index.ts'
import { type MoLrService, mediaType, readBody, readOptionalBody } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { serverUri } from '../shared/identifiers/devices.ts'
import { auditedType, auditType } from '../shared/location/request-audits.ts'
import { Offers } from '../shared/values/offers.ts'
import { ConnectionManagement } from './connection-management.ts'
import { DeferredRequests } from './deferred-requests.ts'
import { LcsRequests } from './lcs-requests.ts'
import { MoLrRequests } from './mo-lr-requests.ts'
import { Positions } from './positions.ts'
import type { CoreNetworkSettings } from './settings-type.ts'

export type { CoreNetworkSettings } from './settings-type.ts'

/** Circuit- or packet-switched. */
type CoreDomain = 'cs' | 'ps'

const moLrType = mediaType('mo-lr')
const serviceRequestType = mediaType('cm-service-request')
const releaseType = mediaType('cm-release')
const requestType = mediaType('lcs-request')
const cancelType = mediaType('lcs-cancel')
const answerTypes = [mediaType('ran-location-report'), mediaType('subscriber-location-report-ack'), auditedType]
const ofUes = { ps: [moLrType], cs: [moLrType, serviceRequestType, releaseType] }

export function createCoreNetwork(name: string, settings: CoreNetworkSettings, domain: CoreDomain): Element {
  return new CoreNetwork(name, settings, domain)
}

class CoreNetwork implements Element {
  readonly name: string
  readonly claims: readonly Claim[]
  private readonly settings: CoreNetworkSettings
  private readonly offers: Offers
  private readonly domain: CoreDomain
  private host!: Host
  private subscribers!: Subscribers
  private conversations!: Conversations
  private connections: ConnectionManagement | undefined
  private moLr!: MoLrRequests
  private requests!: LcsRequests
  private deferred!: DeferredRequests

  constructor(name: string, settings: CoreNetworkSettings, domain: CoreDomain) {
    this.name = name
    this.settings = settings
    this.domain = domain
    this.offers = new Offers([{ method: 'MESSAGE', types: ofUes[domain] }])
    this.claims = [
      { method: 'MESSAGE', content: ofUes[domain], user: name },
      { method: 'MESSAGE', content: [...answerTypes, requestType, cancelType, auditType], label: name },
    ]
  }
  async start(host: Host): Promise<void> {
    const { gmlc, gmlcs = [], hss, keep = 86_400, ran, registration } = this.settings
    this.host = host
    this.subscribers = new Subscribers(host, hss)
    this.conversations = new Conversations(host)
    if (this.domain === 'cs') this.connections = new ConnectionManagement(host)
    const uri = ran === undefined ? undefined : serverUri(ran, host.domains)
    const positions = new Positions({ log: host.log, conversations: this.conversations, ran: uri })
    const { conversations } = this
    this.deferred = new DeferredRequests({
      ...{ host, conversations, positions, gmlcs },
      registration: registration === undefined ? undefined : serverUri(registration, host.domains),
    })
    this.requests = new LcsRequests({ host, positions, gmlcs, messages: conversations.messages, deferred: this.deferred })
    this.moLr = new MoLrRequests({
      host,
      conversations,
      positions,
      gmlc: gmlc === undefined ? undefined : serverUri(gmlc, host.domains),
      keep: keep * 1000,
    })
    await this.moLr.load()
    await this.deferred.load()
    this.subscribers.start()
    this.moLr.start()
    this.deferred.start()
  }
  async stop(): Promise<void> {
    this.connections?.stop()
    this.requests.stop()
    await Promise.all([this.moLr.stop(), this.deferred.stop()])
  }

  handle(exchange: Exchange): Promise<void> | void {
    const { contentType = '' } = exchange.request
    if (answerTypes.includes(contentType)) return this.conversations.takeAnswer(exchange)
    if (contentType === requestType) return this.requests.handle(exchange)
    if (contentType === cancelType) return this.deferred.cancel(exchange)
    if (contentType === auditType) return this.deferred.audits.handle(exchange)
    if (this.offers.answer(exchange)) return
    return this.serve(exchange).catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }

  /** A UE, whom its registration names. Without it the proxy has challenged it before. */
  private async serve(exchange: Exchange): Promise<void> {
    const { request } = exchange
    const asker = askerOf(exchange, this.host.domains)
    if (asker === undefined) return exchange.reply(403, { warning: 'nobody vouches for you; expected to come by your proxy' })
    const record = await this.subscribers.of(asker)
    if (record?.moLr === undefined) return this.refuse(exchange, 'not-subscribed')
    const { services } = record.moLr
    if (request.contentType === serviceRequestType) return this.connect(exchange, record.id)
    if (request.contentType === releaseType) {
      this.connections?.release(record.id)
      return exchange.reply(200)
    }
    if (this.moLr.isKnown(exchange, record.id)) return exchange.reply(202) // a repeat, maybe behind its release
    if (this.connections?.use(record.id) === false) return this.refuse(exchange, 'no-cm-service')
    const body = readBody(request, 'mo-lr')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { client, service } = body.value
    const isFor = (one: MoLrService): boolean => one.client === client && (service === undefined || one.service === service)
    if (client !== undefined && services?.some(isFor) === false) return this.refuse(exchange, 'not-subscribed')
    await this.moLr.take(exchange, record.id, body.value)
  }
  private connect(exchange: Exchange, target: string): void {
    const body = readOptionalBody(exchange.request, 'cm-service-request')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    this.connections!.connect(target)
    exchange.reply(200)
  }
  private refuse(exchange: Exchange, cause: 'not-subscribed' | 'no-cm-service'): void {
    this.host.count(`refused_${cause.replaceAll('-', '_')}`)
    exchange.reply(403, { headers: [['Reason', `SIP;cause=403;text="${cause}"`]], warning: `${cause}: ${warnings[cause]}` })
  }
}

const warnings = {
  'not-subscribed': 'you are not subscribed to MO-LR, or not for that service; expected it in moLr of your record',
  'no-cm-service': 'there is no connection; expected cm-service-request before mo-lr',
}
