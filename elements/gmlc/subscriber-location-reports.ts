/**
 * Places on their way to the client that their target has named (SPEC §8.1). They come from the core network, by the visited
 * and the home GMLC, to the one that serves the client. Its outcome goes back the same way.
 */
import { type Exchange, type Host, parseUri } from '../../signalling/index.ts'
import {
  type LocationInformationAck,
  readBody,
  type SubscriberLocationReport,
  type SubscriberLocationReportAck,
  writeBody,
} from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import type { Conversations } from '../shared/clients/conversations.ts'
import { ownUser } from '../shared/identifiers/element-names.ts'
import { requestAt } from '../shared/location/location-messages.ts'
import { askPersistently } from '../shared/location/persistent-question.ts'
import type { GmlcSettings } from './settings-type.ts'

interface LocationReportParts {
  readonly host: Host
  readonly conversations: Conversations
  readonly settings: GmlcSettings
}

const clientPatience = 20_000 // milliseconds
const gmlcPatience = 25_000 // the client's and the way
const knownAtMost = 10_000 // reports whose answer is known for a repeat

export class LocationReports {
  private readonly parts: LocationReportParts
  /** Answers by request: a report that comes again is passed on once. */
  private readonly answers = new Map<string, Promise<SubscriberLocationReportAck>>()

  constructor(parts: LocationReportParts) {
    this.parts = parts
  }

  async handle(exchange: Exchange): Promise<void> {
    const { conversations, host } = this.parts
    const asker = askerOf(exchange, host.domains)
    const body = readBody(exchange.request, 'subscriber-location-report')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const report = body.value
    if (asker === undefined || !this.mayReport(asker, report.target)) {
      const warning = 'this target is not reported by you; expected the core network, or the GMLC of its home or of where it is'
      return exchange.reply(403, { warning })
    }
    exchange.reply(202)
    host.count('location_reports')
    conversations.answer(
      exchange,
      requestAt(asker, report.request),
      writeBody('subscriber-location-report-ack', await this.passed(asker, report)),
    )
  }

  /** A core network of ours; a peer for its own users, to our clients, and for ours, who are in its network. */
  private mayReport(asker: string, target: string): boolean {
    const { host, settings } = this.parts
    const own = ownUser(asker, host.domains)
    if (own !== undefined) return settings.cores?.includes(own) === true
    const peer = host.peers.nameOf(parseUri(asker)?.host ?? '')
    const home = parseUri(target)?.host ?? ''
    return peer !== undefined && (host.domains.includes(home) || host.peers.nameOf(home) === peer)
  }
  private passed(asker: string, report: SubscriberLocationReport): Promise<SubscriberLocationReportAck> {
    const key = `${asker} ${report.request}`
    let answer = this.answers.get(key)
    if (answer === undefined) {
      answer = this.passOn(report)
      this.answers.set(key, answer)
      if (this.answers.size > knownAtMost) this.answers.delete(this.answers.keys().next().value!)
    }
    return answer
  }

  /** To the home of a target that is not ours; else to the GMLC of its client, or to the client itself. */
  private passOn(report: SubscriberLocationReport): Promise<SubscriberLocationReportAck> {
    const { host, settings } = this.parts
    const home = parseUri(report.target)?.host ?? ''
    const isClientHere = settings.clients?.includes(report.client) === true
    const isOurs = host.domains.includes(home)
    const next = settings.elsewhere?.find(({ client }) => client === report.client)?.gmlc
    if (!isOurs && !isClientHere) return this.toGmlc(`sip:gmlc@${home}`, report)
    if (isClientHere) return this.toClient(report)
    if (next !== undefined) return this.toGmlc(next, report)
    return Promise.resolve({ request: report.request, handled: false, passed: false, cause: 'client-unknown' })
  }
  private async toGmlc(gmlc: string, report: SubscriberLocationReport): Promise<SubscriberLocationReportAck> {
    const { conversations, host } = this.parts
    const { value } = await askPersistently(conversations, host.clock, {
      to: requestAt(gmlc, report.request),
      body: writeBody('subscriber-location-report', report),
      answer: 'subscriber-location-report-ack',
      patience: gmlcPatience,
    })
    return value ?? { request: report.request, handled: false, passed: false, cause: 'gmlc-unreachable' }
  }
  private async toClient({ client, ...information }: SubscriberLocationReport): Promise<SubscriberLocationReportAck> {
    const { conversations, host } = this.parts
    const { request } = information
    const answer = await askPersistently(conversations, host.clock, {
      to: requestAt(`sip:${client}@${host.domains[0]}`, request),
      body: writeBody('location-information', information),
      answer: 'location-information-ack',
      patience: clientPatience,
    })
    if (answer.value !== undefined) return answer.value satisfies LocationInformationAck
    if (answer.fault === 'silent') return { request, handled: false, cause: 'client-silent' }
    return { request, handled: false, passed: false, cause: 'client-unreachable' }
  }
}
