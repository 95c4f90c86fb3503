/**
 * Whereabouts of devices among the network's ProSe servers (SPEC §3.3): an asker by the device's own URI need not know its
 * server.
 */
import type { Exchange } from '../../../signalling/index.ts'
import { type ProseDevice, readBody, writeBody } from '../../schemas/index.ts'
import { askerOf } from '../../shared/clients/asker.ts'
import type { Conversations } from '../../shared/clients/conversations.ts'
import type { KnownServers } from '../../shared/clients/known-servers.ts'
import { deviceKey } from '../../shared/identifiers/devices.ts'
import type { Registry } from '../state/registry.ts'
import type { Identities } from './identities.ts'

type DevicePlace = ProseDevice['at']

const patience = 2000 // milliseconds, in which the subscriber waits
const worth: { readonly [place in DevicePlace]: number } = { elsewhere: 0, home: 1, service: 2 }

export class Whereabouts {
  private readonly registry: Registry
  private readonly identities: Identities
  private readonly conversations: Conversations
  private readonly proseServers: KnownServers

  constructor(registry: Registry, identities: Identities, conversations: Conversations, proseServers: KnownServers) {
    this.registry = registry
    this.identities = identities
    this.conversations = conversations
    this.proseServers = proseServers
  }

  /** URI of the server that the device is at; undefined: here, or nobody knows better. */
  async of(device: string): Promise<string | undefined> {
    const here = this.at(device)
    const { uris } = this.proseServers
    if (here === 'service' || uris.length === 0) return undefined
    const body = writeBody('prose-device-query', { device })
    const answers = await Promise.all(
      uris.map(async (to) => {
        const { value } = await this.conversations.ask({ to, body, answer: 'prose-device', patience })
        return { to, worth: worth[value?.at ?? 'elsewhere'] }
      }),
    )
    const best = answers.reduce((one, other) => (other.worth > one.worth ? other : one))
    return best.worth > worth[here] ? best.to : undefined
  }

  /** Another server asks. */
  answer(exchange: Exchange): void {
    const body = readBody(exchange.request, 'prose-device-query')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { domains } = this.registry.host
    const asker = askerOf(exchange, domains)
    if (asker === undefined || !this.proseServers.isOne(asker)) return exchange.reply(403)
    exchange.reply(202)
    const { device } = body.value
    const content = writeBody('prose-device', { device, at: this.at(deviceKey(device, domains) ?? device) })
    this.conversations.answer(exchange, asker, content)
  }

  private at(device: string): DevicePlace {
    if ((this.registry.devices.find(device)?.subscriptions.length ?? 0) > 0) return 'service'
    return this.identities.of(device) === undefined ? 'elsewhere' : 'home'
  }
}
