/** The Push server (SPEC §5): reaches a user by Push identifier, at each of his devices. */
import type { Element, Exchange, Host } from '../../signalling/index.ts'
import type { PushIdentifierRecord, SubscriberRecord } from '../schemas/index.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import {
  type FlagWidths,
  flagBits,
  hasFlags,
  isPushUri,
  type PushFlags,
  pushIdentifier,
  usualWidths,
} from '../shared/identifiers/push.ts'
import { BoundDevices } from './bound-devices.ts'
import { deliver } from './delivery.ts'
import type { DeviceBinding } from './device-binding.ts'
import { isInForce, Registration } from './registration.ts'
import type { PushSettings } from './settings-type.ts'

export type { PushSettings } from './settings-type.ts'

/** A destination that was found: the subscriber and the identifier that names him. */
interface PushDestination {
  readonly record: SubscriberRecord
  readonly identifier: PushIdentifierRecord
}

const allow = 'MESSAGE, REGISTER, OPTIONS'

export function createPush(name: string, settings: PushSettings): Element {
  return new PushElement(name, settings)
}

class PushElement implements Element {
  readonly name: string
  readonly claims = [
    { method: 'MESSAGE', label: 'push' },
    { method: 'REGISTER', user: 'push' },
  ]
  readonly isProxy = true
  private readonly settings: PushSettings
  private readonly own: PushFlags
  private readonly widths: FlagWidths
  private host!: Host
  private devices!: BoundDevices
  private subscribers!: Subscribers
  private registration!: Registration

  constructor(name: string, settings: PushSettings) {
    this.name = name
    this.settings = settings
    this.own = { operator: settings.flags ?? 0, server: settings.server ?? 0 }
    this.widths = { ...usualWidths, ...settings.widths }
  }
  async start(host: Host): Promise<void> {
    this.host = host
    this.devices = new BoundDevices(host)
    await this.devices.load()
    this.subscribers = new Subscribers(host, this.settings.hss)
    this.subscribers.onChange((id, record) => {
      if (record?.push === undefined) this.devices.expel(id)
    })
    this.subscribers.start()
    const { devices, own, subscribers, widths } = this
    this.registration = new Registration({ host, devices, own, subscribers, widths })
  }
  stop(): Promise<void> {
    return this.devices.stop()
  }

  handle(exchange: Exchange): Promise<void> | void {
    const { method } = exchange.request
    const served =
      method === 'REGISTER' ? this.registration.handle(exchange) : method === 'MESSAGE' ? this.push(exchange) : undefined
    if (served === undefined) return this.answerOther(exchange)
    return served.catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
  private answerOther(exchange: Exchange): void {
    const { method } = exchange.request
    if (method !== 'ACK') exchange.reply(method === 'OPTIONS' ? 200 : 405, { headers: [['Allow', allow]] })
  }

  private async push(exchange: Exchange): Promise<void> {
    const { request } = exchange
    const { domains, peers } = this.host
    if (!isPushUri(request.uri, domains)) {
      if (peers.has(request.uri.host)) return void exchange.forward({ uri: request.uriText })
      return exchange.reply(404, { warning: `${request.uri.host} is no Push host of ours or of a peer` })
    }
    const destination = await this.destinationOf(exchange)
    if (destination === undefined) return exchange.reply(404)
    const server = this.serverOf(destination.identifier)
    if (server !== this.name) return server === undefined ? exchange.reply(404) : void exchange.forward({ element: server })
    const devices = this.devicesOf(destination)
    if (devices.length === 0) return exchange.reply(480, { warning: 'offline: no device of the user is registered' })
    await this.ask(exchange, devices)
  }
  private async destinationOf({ request }: Exchange): Promise<PushDestination | undefined> {
    const record = await this.subscribers.lookup(request.uri)
    const user = pushIdentifier(request.uri.user) ?? request.uri.user
    const identifier = record?.push?.find(({ id, string }) => id === user || string === user)
    if (identifier === undefined || !isInForce(identifier, this.host.clock.date())) return undefined
    return { record: record!, identifier }
  }
  /** Name of our server that has the flag bits of an identifier; undefined: none has. */
  private serverOf({ id }: PushIdentifierRecord): string | undefined {
    if (hasFlags(id, flagBits(this.own, this.widths))) return this.name
    return this.settings.servers?.find(({ flags }) => hasFlags(id, flags))?.element
  }
  private devicesOf({ record, identifier }: PushDestination): readonly DeviceBinding[] {
    const devices = [...this.devices.of(record.id)]
    const { device } = identifier
    return device === undefined ? devices : devices.filter((one) => one.device === device || one.contact === device)
  }
  /** Each device by itself; the best answer of them all counts. */
  private async ask(exchange: Exchange, devices: readonly DeviceBinding[]): Promise<void> {
    const answers = await Promise.all(devices.map((device) => deliver(this.host, exchange.request, device)))
    const best = answers.map(({ status }) => status).sort((a, b) => a - b)[0]!
    exchange.reply(best < 300 ? 200 : best)
  }
}
