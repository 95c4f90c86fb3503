/**
 * Senders of a campaign, behind a socket that nobody has registered: all they send is challenged, so that a message has the same
 * CSeq, and with it the same key (SPEC §5.6), however often it is sent.
 */
import type { Element, Exchange, Host, SipResponse } from '../../../signalling/index.ts'
import { type PushUser, password } from './plan.ts'

export class CampaignSenders implements Element {
  readonly name = 'senders'
  readonly claims = [{ method: '*' }]
  private readonly route: (operator: number) => string
  private host!: Host

  /** @param route Route of an operator's proxy, in brackets */
  constructor(route: (operator: number) => string) {
    this.route = route
  }
  start(host: Host): void {
    this.host = host
  }
  handle(exchange: Exchange): void {
    exchange.reply(405)
  }
  /** A Push; it keeps its key over all tries. */
  send(source: PushUser, destination: PushUser, number: number): Promise<SipResponse> {
    const key = `${source.name}-${destination.name}-${number}`
    return this.host.send({
      method: 'MESSAGE',
      to: destination.push,
      written: { from: `<${source.uri}>;tag=${key}`, to: `<${destination.push}>` },
      callId: key,
      route: [this.route(source.operator)],
      credentials: { user: source.name, password },
      body: { type: 'text/plain', content: String(number) },
    })
  }
}
