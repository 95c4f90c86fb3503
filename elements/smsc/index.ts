/** The short message centre (SPEC §5.6): texts to terminals of the circuit-switched domain, by IMSI. */
import type { Claim, Element, Exchange, Host } from '../../signalling/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { ownUser } from '../shared/identifiers/element-names.ts'
import { imsiOf } from '../shared/identifiers/imsi.ts'
import { Offers } from '../shared/values/offers.ts'
import type { SmscSettings } from './settings-type.ts'
import { ShortMessages } from './short-messages.ts'

const offers = new Offers([{ method: 'MESSAGE', types: ['text/plain'] }])

export function createShortMessageCentre(name: string, settings: SmscSettings): Element {
  return new ShortMessageCentre(name, settings)
}

class ShortMessageCentre implements Element {
  readonly name: string
  readonly claims: readonly Claim[]
  private readonly settings: SmscSettings
  /** Milliseconds. */
  private readonly keep: number
  private terminals: ReadonlyMap<string, string>
  private messages!: ShortMessages
  private host!: Host

  constructor(name: string, settings: SmscSettings) {
    this.name = name
    this.claims = [{ method: 'MESSAGE', user: name }]
    this.settings = settings
    this.keep = (settings.keep ?? 86_400) * 1000
    this.terminals = terminalsOf(settings)
  }
  async start(host: Host): Promise<void> {
    this.host = host
    this.messages = new ShortMessages({ host, terminalOf: (imsi) => this.terminals.get(imsi) })
    await this.messages.load()
  }
  stop(): Promise<void> {
    return this.messages.stop()
  }
  /** Terminals change at once. */
  reload(settings: SmscSettings): readonly string[] {
    this.terminals = terminalsOf(settings)
    return settings.keep === this.settings.keep ? [] : ['keep']
  }

  async handle(exchange: Exchange): Promise<void> {
    const { request } = exchange
    const asker = askerOf(exchange, this.host.domains)
    const name = asker === undefined ? undefined : ownUser(asker, this.host.domains)
    if (asker === undefined || name === undefined || this.settings.askers?.includes(name) !== true) {
      if (request.method === 'ACK') return
      return exchange.reply(403, { warning: 'only elements of this network may send here; expected one of the askers' })
    }
    if (offers.answer(exchange)) return
    const imsi = imsiOf(request.uri)
    if (imsi === undefined || !this.terminals.has(imsi))
      return exchange.reply(404, { warning: 'no terminal has that IMSI; expected sip:imsi-<15 digits>@<smsc host>' })
    const { callId } = request
    const lifetime = Math.min((request.expires ?? Number.POSITIVE_INFINITY) * 1000, this.keep)
    const until = this.host.clock.date() + lifetime
    const text = request.body.toString()
    const message = { imsi, text, source: asker, callId, ownId: this.host.ids.token(16), until }
    if (await this.messages.take(message)) return exchange.reply(202)
    const warning = 'as many texts wait for that terminal as may: come again later'
    exchange.reply(503, { headers: [['Retry-After', '60']], warning })
  }
}

function terminalsOf({ terminals = [] }: SmscSettings): ReadonlyMap<string, string> {
  return new Map(terminals.map(({ imsi, uri }) => [imsi, uri]))
}
