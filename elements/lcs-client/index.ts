/** An LCS client (SPEC §8.1): processes places of targets that have named it, each once. */
import type { Claim, Element, Exchange, Host } from '../../signalling/index.ts'
import { mediaType, readBody, writeBody } from '../schemas/index.ts'
import { elementAsking } from '../shared/clients/asker.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { requestAt } from '../shared/location/request-address.ts'
import { Offers } from '../shared/values/offers.ts'
import { Processing } from './processing.ts'
import type { LcsClientSettings } from './settings-type.ts'

export type { LcsClientSettings } from './settings-type.ts'

const informationType = mediaType('location-information')
const offers = new Offers([{ method: 'MESSAGE', types: [informationType] }])

export function createLcsClient(name: string, settings: LcsClientSettings): Element {
  return new LcsClient(name, settings)
}

class LcsClient implements Element {
  readonly name: string
  readonly claims: readonly Claim[]
  private settings: LcsClientSettings
  private host!: Host
  private conversations!: Conversations
  private subscribers!: Subscribers
  private processing!: Processing

  constructor(name: string, settings: LcsClientSettings) {
    this.name = name
    this.settings = settings
    this.claims = [{ method: 'MESSAGE', content: informationType, label: name }]
  }
  async start(host: Host): Promise<void> {
    this.host = host
    this.conversations = new Conversations(host)
    this.subscribers = new Subscribers(host, this.settings.hss)
    this.processing = new Processing({ host, subscribers: this.subscribers, pcrf: this.settings.pcrf })
    this.processing.reload(this.settings)
    await this.processing.load()
    this.subscribers.start()
  }
  reload(settings: LcsClientSettings): readonly string[] {
    const fixed = (['hss', 'pcrf'] as const).filter((name) => settings[name] !== this.settings[name])
    this.settings = settings
    this.processing.reload(settings)
    return fixed
  }
  stop(): Promise<void> {
    return this.processing.stop()
  }

  async handle(exchange: Exchange): Promise<void> {
    if (offers.answer(exchange)) return
    const asker = elementAsking(exchange, this.host.domains, this.settings.gmlcs ?? [])
    if (asker === undefined)
      return exchange.reply(403, { warning: 'only a GMLC tells places here; expected one of the gmlcs of this client' })
    const body = readBody(exchange.request, 'location-information')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    exchange.reply(202)
    const outcome = await this.processing.outcomeOf(body.value)
    this.conversations.answer(exchange, requestAt(asker, body.value.request), writeBody('location-information-ack', outcome))
  }
}
