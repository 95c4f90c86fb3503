/** Registration at a Push server (SPEC §5.1): the proxy's REGISTER for a subscriber binds his devices to his Push identifiers. */
import type { Exchange, Host } from '../../signalling/index.ts'
import type { PushIdentifierRecord, SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { type FlagWidths, flagsOf, isPushInForce, type PushFlags, pushUri } from '../shared/identifiers/push.ts'
import type { BoundDevices } from './bound-devices.ts'
import { bindingOf } from './device-binding.ts'
import type { DeviceQueues } from './device-queues.ts'
import type { WakeProviders } from './waking/providers.ts'
import { notifiableFaultOf, sleepless } from './waking/registered-waking.ts'
import type { Wakes } from './waking/wakes.ts'

interface RegistrationParts {
  readonly host: Host
  readonly devices: BoundDevices
  readonly queues: DeviceQueues
  readonly subscribers: Subscribers
  readonly own: PushFlags
  readonly widths: FlagWidths
  readonly providers: WakeProviders
  readonly wakes: Wakes
}

const usualExpires = 3600 // seconds (RFC 3261 §10.2)

export class Registration {
  private readonly parts: RegistrationParts

  constructor(parts: RegistrationParts) {
    this.parts = parts
  }

  async handle(exchange: Exchange): Promise<void> {
    const { request, asserted } = exchange
    const { subscribers } = this.parts
    if (asserted === undefined)
      return exchange.reply(403, { warning: 'nobody vouches for this REGISTER; expected it by way of your own proxy' })
    const record = await subscribers.lookup(request.to.uri)
    const identity = await subscribers.lookup(asserted.uri)
    if (record === undefined)
      return exchange.reply(404, { warning: 'To names no subscriber; expected one with a Push identifier' })
    if (identity?.id !== record.id)
      return exchange.reply(403, { warning: 'To is not the asserted subscriber; expected your own address or Push identifier' })
    const served = this.servedOf(record)
    if (served.length === 0) return exchange.reply(403, { warning: `${record.id} has no Push identifier of this server` })
    const { contacts } = request
    if (contacts === undefined || contacts === '*')
      return exchange.reply(400, { warning: 'Contact is malformed; expected those of the devices, each with its expires' })
    const unfit = notifiableFaultOf(exchange.request, contacts, this.parts.providers)
    if (unfit !== undefined) return exchange.reply(unfit.status, { headers: unfit.headers, warning: unfit.warning })
    await this.bind(exchange, record.id, contacts)
    const associated = [`<${record.id}>`, ...served.map(({ id }) => `<${pushUri(id, this.parts.host.domains)}>`)]
    const capabilities = this.parts.providers.capabilities(contacts).map((value) => ['Feature-Caps', value] as const)
    exchange.reply(200, { headers: [['P-Associated-URI', associated.join(', ')], ...capabilities] })
  }

  /** Push identifiers of a subscriber that count now and have the flag bits of this server. */
  private servedOf({ push = [] }: SubscriberRecord): readonly PushIdentifierRecord[] {
    const { host, own, widths } = this.parts
    return push.filter((one) => {
      const { operator, server } = flagsOf(one.id, widths)
      return isPushInForce(one, host.clock.date()) && operator === own.operator && server === own.server
    })
  }

  private async bind(
    { request }: Exchange,
    subscriber: string,
    contacts: Exclude<Exchange['request']['contacts'], '*' | undefined>,
  ): Promise<void> {
    const { devices, host, providers, queues, wakes } = this.parts
    const now = host.clock.date()
    const bindings = contacts.map((contact) => {
      const seconds = Number(contact.parameters.get('expires') ?? request.expires ?? usualExpires)
      const made = bindingOf(request, subscriber, contact, Number.isFinite(seconds) ? seconds : usualExpires, now)
      return sleepless(made, devices.of(subscriber), providers)
    })
    await devices.change(bindings)
    for (const binding of bindings) {
      wakes.registered(binding)
      if (binding.expires > now) queues.bound(subscriber, binding.device)
    }
  }
}
