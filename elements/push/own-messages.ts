/** Messages of a Push server itself, which are receipts: sent as a Push, or put into the queue of a user of this server. */
import { type Host, parseUri } from '../../signalling/index.ts'
import { isPushUri } from '../shared/identifiers/push.ts'
import type { Acceptance } from './acceptance.ts'
import type { Destinations, PushDestination } from './destinations.ts'
import type { PushMessage } from './push-message.ts'
import type { ReceiptBody } from './receipts.ts'
import type { ServerRoutes } from './routes.ts'

interface OwnMessagesParts {
  readonly host: Host
  readonly acceptance: Acceptance
  readonly destinations: Destinations
  readonly routes: ServerRoutes
  /** Milliseconds for which they are kept. */
  readonly keep: number
}

export class OwnMessages {
  private readonly parts: OwnMessagesParts

  constructor(parts: OwnMessagesParts) {
    this.parts = parts
  }
  /** Sends a receipt to a source. Resolves with the final status. */
  async tell(to: string, ownId: string, body: ReceiptBody): Promise<number> {
    const { destinations, host, routes } = this.parts
    const { domains, name, uri } = host
    const written = { from: `<${uri}>;tag=${ownId}`, to: `<${to}>` } // by which its repeats are known
    const target = parseUri(to)
    const destination = target === undefined || !isPushUri(target, domains) ? undefined : await destinations.at(target)
    const server = destination && routes.elementFor(destination.identifier.id)
    if (destination !== undefined && server === name) return this.tellOwn({ ...written, callId: ownId }, body, destination)
    const route = server === undefined ? [] : [`<sip:${server}@${domains[0]};lr>`]
    return (await host.send({ method: 'MESSAGE', to, written, callId: ownId, asserted: uri, route, body })).status
  }
  private async tellOwn(
    head: Pick<PushMessage, 'from' | 'to' | 'callId'>,
    { content, type }: ReceiptBody,
    destination: PushDestination,
  ): Promise<number> {
    const { acceptance, host, keep } = this.parts
    const { clock, ids, uri } = host
    const now = clock.date()
    const terms = { source: uri, application: '', class: 'authenticate', accepted: now, expires: now + keep } as const
    const { record, identifier } = destination
    const whom = { subscriber: record.id, identifier: identifier.id }
    const body = Buffer.from(content).toString('base64')
    const message = { id: ids.token(22), key: head.callId, ...whom, ...terms, ...head, cseq: 1, headers: [], type, body }
    return (await acceptance.accept(message, identifier.device, true)).status
  }
}
