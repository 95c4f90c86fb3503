/** Requests of a proxy to wake a device, for which something waits there (SPEC §5.8): `push-wake`. */
import type { Exchange, Host } from '../../../signalling/index.ts'
import { mediaType, readBody } from '../../schemas/index.ts'
import { askerOf } from '../../shared/clients/asker.ts'
import { ownUser } from '../../shared/identifiers/element-names.ts'
import type { BoundDevices } from '../bound-devices.ts'
import type { Wakes } from './wakes.ts'

interface WakeRequestsParts {
  readonly host: Host
  readonly devices: BoundDevices
  readonly wakes: Wakes
  /** Names of the elements that may ask. */
  readonly proxies: readonly string[]
}

export const wakeType = mediaType('push-wake')
const patience = 20_000 // milliseconds for which the proxy waits

export class WakeRequests {
  private readonly parts: WakeRequestsParts

  constructor(parts: WakeRequestsParts) {
    this.parts = parts
  }
  /** Whether a MESSAGE is one. */
  isOne({ request }: Exchange): boolean {
    return request.contentType === wakeType && request.uri.user === this.parts.host.name
  }
  /** 202: the device is being woken, or will be. 480: nobody can wake it. */
  handle(exchange: Exchange): void {
    const { devices, host, proxies, wakes } = this.parts
    const asker = askerOf(exchange, host.domains)
    const name = asker === undefined ? undefined : ownUser(asker, host.domains)
    if (name === undefined || !proxies.includes(name))
      return exchange.reply(403, { warning: 'only proxies of this operator may have a device woken' })
    const body = readBody(exchange.request, 'push-wake')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { device, user } = body.value
    const binding = devices.named(`${user} ${device}`)
    const cause = { cause: 'call', urgency: 'high', until: host.clock.date() + patience } as const
    if (binding === undefined || !wakes.wake(binding, cause))
      return exchange.reply(480, { warning: 'that device cannot be woken here' })
    exchange.reply(202)
  }
}
