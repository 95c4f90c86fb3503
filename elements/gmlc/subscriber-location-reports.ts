/**
 * Places on their way from the core network to the client that their target has named (SPEC §8.1). The client's outcome goes
 * back the same way.
 */
import type { Exchange, Host } from '../../signalling/index.ts'
import { readBody, type SubscriberLocationReport, type SubscriberLocationReportAck, writeBody } from '../schemas/index.ts'
import { elementAsking } from '../shared/clients/asker.ts'
import type { Conversations } from '../shared/clients/conversations.ts'
import { requestAt } from '../shared/location/request-address.ts'
import type { GmlcSettings } from './settings-type.ts'

interface SubscriberLocationParts {
  readonly host: Host
  readonly conversations: Conversations
  readonly settings: GmlcSettings
}

const clientPatience = 20_000 // milliseconds
const knownAtMost = 10_000 // reports whose answer is known for a repeat

export class SubscriberLocationReports {
  private readonly parts: SubscriberLocationParts
  /** Answers by request: a report that comes again is passed on once. */
  private readonly answers = new Map<string, Promise<SubscriberLocationReportAck>>()

  constructor(parts: SubscriberLocationParts) {
    this.parts = parts
  }

  async handle(exchange: Exchange): Promise<void> {
    const { conversations, host, settings } = this.parts
    const asker = elementAsking(exchange, host.domains, settings.cores ?? [])
    if (asker === undefined)
      return exchange.reply(403, { warning: 'only the core network reports here; expected one of the cores of this GMLC' })
    const body = readBody(exchange.request, 'subscriber-location-report')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    exchange.reply(202)
    host.count('location_reports')
    const { request } = body.value
    const answer = await this.passed(body.value)
    conversations.answer(exchange, requestAt(asker, request), writeBody('subscriber-location-report-ack', answer))
  }
  private passed(report: SubscriberLocationReport): Promise<SubscriberLocationReportAck> {
    let answer = this.answers.get(report.request)
    if (answer === undefined) {
      answer = this.toClient(report)
      this.answers.set(report.request, answer)
      if (this.answers.size > knownAtMost) this.answers.delete(this.answers.keys().next().value!)
    }
    return answer
  }
  private async toClient({ client, ...information }: SubscriberLocationReport): Promise<SubscriberLocationReportAck> {
    const { conversations, host, settings } = this.parts
    const { request } = information
    if (settings.clients?.includes(client) !== true) return { request, handled: false, passed: false, cause: 'client-unknown' }
    const until = new Date(host.clock.date() + clientPatience).toISOString()
    const answer = await conversations.askPersistently({
      to: requestAt(`sip:${client}@${host.domains[0]}`, request),
      body: writeBody('location-information', { ...information, until }),
      answer: 'location-information-ack',
      patience: clientPatience,
    })
    if (answer.value !== undefined) return { ...answer.value, passed: true }
    const isSilent = answer.fault === 'silent'
    return { request, handled: false, passed: isSilent, cause: isSilent ? 'client-silent' : 'client-unreachable' }
  }
}
