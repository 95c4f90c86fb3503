/** The GMLC (SPEC §8): requesting, home and visited one in one element, or in those of several operators. */
import type { Claim, Element, Exchange, Host } from '../../signalling/index.ts'
import { mediaType } from '../schemas/index.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import { LocationReports } from './location-reports.ts'
import type { GmlcSettings } from './settings-type.ts'

const reportType = mediaType('subscriber-location-report')
const answerTypes = [mediaType('subscriber-location-report-ack'), mediaType('location-information-ack')]

export function createGmlc(name: string, settings: GmlcSettings): Element {
  return new Gmlc(name, settings)
}

class Gmlc implements Element {
  readonly name: string
  readonly claims: readonly Claim[]
  private readonly settings: GmlcSettings
  private conversations!: Conversations
  private reports!: LocationReports

  constructor(name: string, settings: GmlcSettings) {
    this.name = name
    this.settings = settings
    this.claims = [{ method: 'MESSAGE', content: [reportType, ...answerTypes], label: name }]
  }
  start(host: Host): void {
    this.conversations = new Conversations(host)
    this.reports = new LocationReports({ host, conversations: this.conversations, settings: this.settings })
  }

  handle(exchange: Exchange): Promise<void> | void {
    const { contentType = '', method } = exchange.request
    if (method === 'ACK') return
    if (answerTypes.includes(contentType)) return this.conversations.takeAnswer(exchange)
    if (contentType === reportType) return this.reports.handle(exchange)
    exchange.reply(
      method === 'MESSAGE' ? 415 : 405,
      method === 'MESSAGE' ? { headers: [['Accept', reportType]] } : { headers: [['Allow', 'MESSAGE']] },
    )
  }
}
