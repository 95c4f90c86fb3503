/** Calls by Push identifier (SPEC §5.7): an INVITE goes to the user whom it names, by the proxy before his devices. */
import type { Exchange, ForwardTarget, Host } from '../../signalling/index.ts'
import type { Blocking } from '../shared/permissions/blocking.ts'
import { type Decisions, subjectOf } from './decisions.ts'
import type { Destinations, PushDestination } from './destinations.ts'
import { isHandedOver, type ServerRoutes } from './routes.ts'
import type { Sources } from './source.ts'

interface PushCallsParts {
  readonly host: Host
  readonly blocking: Blocking
  readonly decisions: Decisions
  readonly destinations: Destinations
  readonly routes: ServerRoutes
  readonly sources: Sources
}

export class PushCalls {
  private readonly parts: PushCallsParts

  constructor(parts: PushCallsParts) {
    this.parts = parts
  }
  /** The source is judged as that of a Push; what an application may send says nothing of calls. */
  async handle(exchange: Exchange): Promise<void> {
    const { blocking, decisions, destinations, routes, sources } = this.parts
    const { request } = exchange
    const verdict = await sources.verdict(exchange)
    if ('refusal' in verdict) {
      const warning = `${verdict.refusal}: ${verdict.warning}`
      return decisions.refuse(exchange, '', { status: 403, rule: verdict.refusal, warning })
    }
    const { source } = verdict
    const found = await destinations.at(request.uri)
    if (found === undefined) return decisions.refuse(exchange, source, nobody)
    const server = routes.elementFor(found.identifier.id)
    const isOwn = server === this.parts.host.name || server === undefined || isHandedOver(exchange)
    if (!isOwn) return this.forward(exchange, source, routes.fellow(server, request.uri.text), `to ${server}, by the flag bits`)
    if (await blocking.isBlocked(found.record, source)) return decisions.refuse(exchange, source, blocked)
    this.forward(exchange, source, this.target(found), 'to the devices of its user')
  }
  /** All devices of a user; or that one, for an identifier of a device, by its public GRUU (RFC 5627). */
  private target({ identifier: { device }, record }: PushDestination): ForwardTarget {
    const isInstance = device?.startsWith('urn:') === true
    return { uri: isInstance ? `${record.id};gr=${device}` : record.id }
  }
  private forward(exchange: Exchange, source: string, target: ForwardTarget, text: string): void {
    this.parts.decisions.note({ ...subjectOf(exchange, source), rule: 'call', text })
    exchange.forward(target)
  }
}

const nobody = { status: 404, rule: 'no-identifier', warning: 'nobody here has that Push identifier' } as const
const blocked = { status: 403, rule: 'blocked', warning: 'blocked: this user takes nothing from you' } as const
