/**
 * A base station (SPEC §5.1): edge proxy of the UEs that attach through it. Their requests go to the proxy alone, which
 * proves who they are. Requests for them go by the flow that their Path or Record-Route names (RFC 3327, RFC 5626).
 */
import { type Element, type Exchange, type Flow, H, type Host, type SipRequest } from '../../signalling/index.ts'
import { routeOfStation } from '../shared/values/base-station.ts'
import { Offers } from '../shared/values/offers.ts'
import { keep, passedOnHeaders, timerFor, vouchers } from './passed-on.ts'
import { locationRequestType, RanLocationRequests } from './ran-location-requests.ts'
import type { RanSettings } from './settings-type.ts'
import { behindSender, flowToUe, isOwn, recordRoutes } from './ways.ts'

const offers = new Offers([])
const makesDialog = ['INVITE', 'SUBSCRIBE', 'REFER']

export function createBaseStation(name: string, settings: RanSettings): Element {
  return new BaseStation(name, settings)
}

class BaseStation implements Element {
  readonly name: string
  readonly claims
  readonly isProxy = true
  readonly admitsStrangers = true
  private settings: RanSettings
  private host!: Host
  private locationRequests!: RanLocationRequests

  constructor(name: string, settings: RanSettings) {
    this.name = name
    this.claims = [
      { method: '*', user: name },
      { method: 'MESSAGE', content: locationRequestType, label: name },
    ]
    this.settings = settings
  }
  start(host: Host): void {
    this.host = host
    this.locationRequests = new RanLocationRequests(host, this.settings)
    if (this.settings.proxy === undefined) host.log.error({}, 'it passes on nothing: there is no proxy')
  }
  reload(settings: RanSettings): readonly string[] {
    this.settings = settings
    this.locationRequests.reload(settings)
    return []
  }
  stop(): void {
    this.locationRequests.stop()
  }

  handle(exchange: Exchange): Promise<void> | void {
    const { flow, ownRoutes, request } = exchange
    if (flow.trusted && this.isLocationRequest(request)) return this.locationRequests.handle(exchange)
    const way = flowToUe(exchange, this.host)
    if (flow.trusted && way !== undefined && way !== this.host.flows.nameOf(flow)) return this.toUe(exchange, way)
    if (ownRoutes.length > 0) return this.toProxy(exchange)
    if (!flow.trusted || request.uri.user !== this.name) {
      if (request.method !== 'ACK') exchange.reply(404)
      return
    }
    offers.answer(exchange)
  }

  /** One about a request, at the host of this element; any other is for a UE, or from one. */
  private isLocationRequest({ contentType, method, uri }: SipRequest): boolean {
    return (
      method === 'MESSAGE' &&
      contentType === locationRequestType &&
      this.host.domains.some((each) => uri.host === `${this.name}.${each}`)
    )
  }

  /** From a UE. No other hop is ever taken: it relays to nobody. */
  private toProxy(exchange: Exchange): void {
    const { domains } = this.host
    const { flow, request } = exchange
    const { cell, proxy } = this.settings
    if (!flow.open || proxy === undefined) {
      // no answer would reach the UE, or there is nobody to pass on to
      if (request.method !== 'ACK') exchange.reply(flow.open ? 503 : 430)
      return
    }
    this.host.count('requests_passed')
    exchange.forward(
      { route: [routeOfStation(proxy, domains[0]!), ...behindSender(exchange, this.host)] },
      {
        drop: vouchers,
        headers: passedOnHeaders(exchange, this.host, cell),
        ...this.stays(request, flow, 'from UE'),
        answerHeaders: (response) => {
          keep(flow, request, response)
          return timerFor(response, flow)
        },
      },
    )
  }

  /** From the network, by a flow that this base station has named. */
  private toUe(exchange: Exchange, way: string): void {
    const { domains, flows } = this.host
    const { ownRoutes, request } = exchange
    // the Contact that a GRUU stands for is the proxy's to know (RFC 5627 §5.4)
    if (request.uri.parameters.has('gr') && domains.includes(request.uri.host) && this.settings.proxy !== undefined) {
      if (exchange.routes.length === 0) return void exchange.forward({ route: [`<sip:${this.settings.proxy}@${domains[0]};lr>`] })
      if (request.method !== 'ACK') exchange.reply(404) // the proxy would follow them for us, whoever wrote them
      return
    }
    const flow = flows.named(way)
    if (flow === undefined) {
      this.host.count('flows_failed')
      if (request.method !== 'ACK') exchange.reply(430) // RFC 5626 §5.3.1
      return
    }
    this.host.count('requests_delivered')
    const rest = ownRoutes.filter(({ uri }) => !isOwn(uri, this.host)).map(({ uri }) => `<${uri.text}>`)
    const wishes = request.list(H.Privacy).some((value) => /(?:^|[;\s])id(?:$|[;\s])/i.test(value))
    exchange.forward(
      { uri: request.uriText, flow, route: rest },
      {
        drop: ['P-Access-Network-Info'], // RFC 7315 §4.4: not for a UE
        ...(wishes ? { asserted: '' } : {}),
        ...this.stays(request, flow, 'to UE'),
      },
    )
  }

  /** In NOTIFYs too: a subscriber may take its route set from one (RFC 6665 §4.4.1). */
  private stays({ method, toTag }: SipRequest, flow: Flow, side: 'from UE' | 'to UE'): { recordRoute?: readonly string[] } {
    const tellsRoutes = method === 'NOTIFY' || (makesDialog.includes(method) && toTag === '')
    return tellsRoutes ? { recordRoute: recordRoutes(flow, this.host, side) } : {}
  }
}
