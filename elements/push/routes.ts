/** Routes of a Push server (SPEC §5.2): to the server with an identifier's flag bits, by a table held here or by `pushroutes`. */
import {
  type Exchange,
  type ForwardOptions,
  type ForwardTarget,
  type Host,
  parseUri,
  type SipResponse,
} from '../../signalling/index.ts'
import type { PushRoutes } from '../schemas/index.ts'
import { Feed } from '../shared/clients/feed.ts'
import { serverUri } from '../shared/identifiers/devices.ts'
import { type FlagRoute, FlagTable } from '../shared/identifiers/flag-table.ts'
import { domainOfPushHost, isPushUri, pushIdentifier } from '../shared/identifiers/push.ts'

interface RouteParts {
  readonly host: Host
  /** Own flag bits: these are never asked for. */
  readonly own: string
  /** The table held here. */
  readonly routes: readonly FlagRoute[]
  /** URI or name of the element that holds it instead. */
  readonly asked: string | undefined
}

const patience = 16_000 // milliseconds: half of the time for which the source waits (RFC 3261 §17.1.2.2)
const gone: ReadonlySet<number> = new Set([408, 430, 500, 502, 503, 504])

/** A 480 that no Push server has said is that of a proxy which reached none. */
function isGone(response: SipResponse): boolean {
  const { status } = response
  return gone.has(status) || (status === 480 && !/"(?:offline|store-full)\b/.test(response.text('Warning') ?? ''))
}

/** Parameter of a Route by which one server of ours hands over to another by flag bits: that one hands over to none. */
const handed = 'handed'

/** Route value to a Push server of ours that is to deliver. */
function routeToFellow(element: string, domain: string): string {
  return `<sip:${element}@${domain};lr;${handed}>`
}

/** Whether another server of ours takes this one for the destination's. */
export function isHandedOver({ flow, ownRoutes }: Exchange): boolean {
  return flow.trusted && ownRoutes[0]?.uri.parameters.has(handed) === true
}

/**
 * Hand-over to another server: where it is gone, after failover, the source hears 503 (SPEC §5.2).
 * @param note told of the status that the source gets, of the first answer alone
 * @param settle done before an answer goes back; where it rejects, the source gets 500
 */
export function handedOverTo(
  { clock }: Host,
  note: (status: number) => void,
  settle?: (status: number) => Promise<void>,
): ForwardOptions {
  const timer = clock.after(patience, () => note(503))
  return {
    onFinal: (response) => {
      timer.cancel()
      const gone503 = isGone(response) && response.status !== 503 ? 503 : undefined // a 503 says when to come again
      const status = gone503 ?? response.status
      note(status)
      return settle === undefined ? gone503 : settle(status).then(() => gone503)
    },
    unanswered: { status: 503, after: patience },
  }
}

export class ServerRoutes {
  private readonly host: Host
  private readonly own: FlagTable
  private readonly feed: Feed<'push-routes'> | undefined
  /** Undefined: nothing is known yet. */
  private table: FlagTable | undefined

  constructor({ host, own, routes, asked }: RouteParts) {
    this.host = host
    this.own = new FlagTable([{ flags: own, server: host.uri }])
    if (asked === undefined) {
      this.table = new FlagTable(routes)
      return
    }
    this.feed = new Feed({
      host,
      to: serverUri(asked, host.domains),
      event: 'push-routes',
      onBody: (body) => this.learn(body),
      unreadable: () => undefined, // the last table that could be read stays
    })
  }
  start(): void {
    this.feed?.start()
  }
  stop(): void {
    this.feed?.stop()
  }
  private learn(body: PushRoutes | undefined): void {
    if (body === undefined) return
    this.table = new FlagTable(body.routes)
    this.host.count('tables_learned')
  }
  /** Whether a table is there to decide by. */
  get isKnown(): boolean {
    return this.table !== undefined
  }

  /** Name of our element that has an identifier's flag bits; undefined: none of ours has. */
  elementFor(id: string): string | undefined {
    const uri = this.serverFor(id)
    return uri !== undefined && this.host.domains.includes(uri.host) ? uri.user : undefined
  }
  /** Route values that lead by way of our proxy to the server of another operator; none where the table names none. */
  routesTo(id: string, domain: string | undefined): readonly string[] {
    const uri = this.serverFor(id)
    return uri === undefined || uri.host !== domain
      ? []
      : [`<sip:${this.host.domains[0]};lr>`, `<sip:${uri.user}@${uri.host};lr>`]
  }
  /** To another server of ours. */
  fellow(element: string, uri: string): ForwardTarget {
    return { uri, route: [routeToFellow(element, this.host.domains[0]!)] }
  }
  /** Route values to the server behind which the destination of a URI is. */
  wayTo(text: string): readonly string[] {
    const uri = parseUri(text)
    const id = uri === undefined ? undefined : pushIdentifier(uri.user)
    if (uri === undefined || id === undefined) return []
    const { domains } = this.host
    const element = isPushUri(uri, domains) ? this.elementFor(id) : undefined
    return element === undefined
      ? this.routesTo(id, domainOfPushHost(uri.host) ?? uri.host)
      : [routeToFellow(element, domains[0]!)]
  }
  private serverFor(id: string) {
    const server = this.own.serverOf(id) ?? this.table?.serverOf(id)
    return server === undefined ? undefined : parseUri(server)
  }
}
