/**
 * Gateway of a Push server without a proxy before it (SPEC §5.1). It proves who a client is, keeps the flow by which that is
 * reached, and hands its requests to the server as a proxy would.
 */
import { type Exchange, type Flow, H, type Host, tokenOfRoute } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, isNameOf } from '../shared/identifiers/devices.ts'
import { pushSourceOf } from '../shared/identifiers/push-source.ts'
import { DigestCheck } from '../shared/permissions/digest.ts'
import type { BoundDevices } from './bound-devices.ts'

interface GatewayParts {
  readonly host: Host
  readonly subscribers: Subscribers
  readonly devices: BoundDevices
}

const nonceSeconds = 300
const fromOutside = [
  ...['P-Visited-Network-ID', 'P-Credentials-Id', 'P-Asserted-Service', 'P-Served-User', 'Remote-Party-ID', 'Feature-Caps'],
]

export class Gateway {
  private readonly parts: GatewayParts
  private readonly digest: DigestCheck

  constructor(parts: GatewayParts) {
    const { host, subscribers } = parts
    this.parts = parts
    this.digest = new DigestCheck({ host, subscribers, algorithms: ['MD5'], nonceSeconds })
  }

  /** Whether nobody has vouched for a request yet. */
  isOutside({ asserted, flow }: Exchange): boolean {
    return !flow.trusted && asserted === undefined
  }
  /** To the server, once its sender is known. */
  async admit(exchange: Exchange): Promise<void> {
    const { host } = this.parts
    const { flow, request } = exchange
    if (request.method === 'OPTIONS') return exchange.reply(200, { headers: [['Allow', 'MESSAGE, REGISTER, OPTIONS']] })
    if (request.method !== 'REGISTER' && request.method !== 'MESSAGE')
      return exchange.reply(405, { headers: [['Allow', 'MESSAGE, REGISTER, OPTIONS']] })
    if (exchange.routes.length > 0)
      return exchange.reply(403, { warning: 'no relay by Route; expected that of this server alone' })
    const record = this.behind(exchange) ?? (await this.proven(exchange))
    if (record === undefined) return
    const server = { element: host.name }
    if (request.method === 'REGISTER') {
      if (!flow.open) return exchange.reply(430)
      const path = ['Path', `<${host.flows.routeTo(host.name, flow, record.id)}>`] as const
      const { credentialsId } = record
      const signed = credentialsId === undefined ? [] : [['P-Credentials-Id', credentialsId] as const]
      exchange.forward(server, { asserted: record.id, drop: [...fromOutside, 'Authorization'], headers: [path, ...signed] })
      return
    }
    const source = this.sourceOf(exchange, record)
    if ('warning' in source) return exchange.reply(403, source)
    exchange.forward(server, { asserted: source.asserted, drop: fromOutside })
  }
  private sourceOf(
    { request }: Exchange,
    record: SubscriberRecord,
  ): { readonly asserted: string } | { readonly warning: string } {
    const { clock, domains } = this.parts.host
    const key = deviceKey(request.from.uri, domains)
    if (key === undefined || !isNameOf(key, record, domains))
      return { warning: 'source: From is not your own; expected your address or Push identifier' }
    const source = pushSourceOf(request.from.uri, record, domains, clock.date())
    if (source === 'expired') return { warning: 'source-expired: From names a Push identifier that is not in force' }
    return { asserted: source ?? record.id }
  }
  /** The subscriber in From, where one of his devices is bound by that very flow. */
  private behind({ flow, request }: Exchange): SubscriberRecord | undefined {
    const { devices, host, subscribers } = this.parts
    const key = request.method === 'REGISTER' ? undefined : deviceKey(request.from.uri, host.domains)
    const record = key === undefined ? undefined : subscribers.known(key)
    const name = host.flows.nameOf(flow)
    const isHere =
      record && devices.of(record.id).some((device) => devices.isBound(device) && this.flowName(device.path) === name)
    return isHere === true ? record : undefined
  }
  private flowName([own]: readonly string[]): string | undefined {
    const token = own === undefined ? undefined : tokenOfRoute(/^<sip:([^@]*)@/.exec(own)?.[1] ?? '')
    return token === undefined ? undefined : this.parts.host.flows.read(token)?.flow
  }
  /** By digest; undefined: it is asked for. */
  private async proven(exchange: Exchange): Promise<SubscriberRecord | undefined> {
    const isRegister = exchange.request.method === 'REGISTER'
    const verdict = await this.digest.check(exchange, isRegister ? H.Authorization : H['Proxy-Authorization'])
    if (typeof verdict !== 'string') return verdict.record
    const [status, name] = isRegister ? ([401, 'WWW-Authenticate'] as const) : ([407, 'Proxy-Authenticate'] as const)
    exchange.reply(status, { headers: this.digest.challenges(verdict === 'stale').map((value) => [name, value] as const) })
    return undefined
  }

  /** Whether a request of the server's own is for a client here. */
  isDelivery({ flow, ownRoutes, routes }: Exchange): boolean {
    return flow.trusted && ownRoutes.length === 1 && routes.length === 0 && tokenOfRoute(ownRoutes[0]!.uri.user) !== undefined
  }
  deliver(exchange: Exchange): void {
    const { flows } = this.parts.host
    const flow: Flow | undefined = flows.find(tokenOfRoute(exchange.ownRoutes[0]!.uri.user)!)
    if (flow === undefined) return exchange.reply(430) // RFC 5626 §5.3.1
    exchange.forward({ uri: exchange.request.uriText, flow })
  }
}
