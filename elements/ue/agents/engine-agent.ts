/** A user agent on Proxima's own engine: an element of a node of its own, in the time and network of that node. */
import {
  type Element,
  type Exchange,
  type Flow,
  type Host,
  parseUri,
  type Subscription,
  type Timer,
  unsupported,
} from '../../../signalling/index.ts'
import { InTurn } from '../../shared/state/in-turn.ts'
import { Repetition } from '../repetition.ts'
import {
  type AgentBody,
  type AgentResponse,
  type ContactParameters,
  type IncomingMessage,
  type MessageTaker,
  type PushClientRegistration,
  parametersText,
  registrarOf,
  tagOf,
  type WatchHandle,
  type WatchListener,
  type WatchOptions,
  warningText,
} from './agent.ts'
import type { AgentCall, CallingAgent, CallTaker, OutgoingCallListener } from './calls.ts'
import { callBy, takeCall } from './engine-calls.ts'
import { Repeats } from './repeats.ts'

export interface EngineAgentOptions {
  /** `sip:alice@localhost`. */
  readonly identity: string
  readonly password?: string
  /** The proxy, as a Route: `sip:127.0.0.1:5060;lr`. */
  readonly proxy: string
  /** Left out: it registers its identity. */
  readonly push?: PushClientRegistration | undefined
}

const notFromProxy = 'this device takes messages by its own proxy alone; expected one by way of that'
const capabilities = { methods: ['MESSAGE', 'NOTIFY', 'OPTIONS', 'ACK'], extensions: [], types: ['*/*'] }
const callCapabilities = { ...capabilities, methods: [...capabilities.methods, 'INVITE', 'BYE', 'CANCEL'] }

/** The agent as an element of its node: takes every request, and has the host once the node has started. */
class AgentElement implements Element {
  readonly name: string
  readonly claims = [{ method: '*' }]
  readonly listeners: ((message: IncomingMessage) => void)[] = []
  private readonly repeats = new Repeats()
  private readonly isOwnProxy: (flow: Flow) => boolean
  taker: MessageTaker | undefined
  callTaker: CallTaker | undefined
  host!: Host

  constructor(name: string, isOwnProxy: (flow: Flow) => boolean) {
    this.name = name
    this.isOwnProxy = isOwnProxy
  }
  start(host: Host): void {
    this.host = host
  }
  handle(exchange: Exchange): void | Promise<void> {
    const { flow, request } = exchange
    if (this.isOwnProxy(flow)) exchange.admit()
    const able = this.callTaker === undefined ? capabilities : callCapabilities
    const refusal = unsupported(request, able)
    if (refusal !== undefined) return exchange.reply(refusal.status, { headers: refusal.headers })
    if (request.method === 'ACK') return
    if (request.method === 'NOTIFY' || request.method === 'BYE') return exchange.reply(481)
    if (request.method === 'INVITE' && this.callTaker !== undefined) return this.call(exchange, this.callTaker)
    if (request.method !== 'MESSAGE') return exchange.reply(200, { headers: [['Allow', able.methods.join(', ')]] })
    return this.message(exchange)
  }
  private call(exchange: Exchange, taker: CallTaker): void | Promise<void> {
    const { flow, request } = exchange
    if (request.toTag !== '') return exchange.reply(481)
    if (!this.isOwnProxy(flow)) return exchange.reply(403, { warning: 'calls come by the proxy at which I am registered' })
    const asserted = request.asserted[0]?.uri.text
    return takeCall(exchange, asserted, taker, (fault) =>
      this.host.log.error({ fault: String(fault) }, 'a call could not be taken'),
    )
  }
  private message(exchange: Exchange): void | Promise<void> {
    if (!this.isOwnProxy(exchange.flow)) return exchange.reply(403, { warning: notFromProxy }) // From and the rest are nobody's word
    const { callId, cseq, from, fromTag } = exchange.request
    const message = this.messageOf(exchange)
    const taken = this.taker?.(message)
    if (taken !== undefined) return this.settle(exchange, taken)
    exchange.reply(200)
    if (this.repeats.isRepeat({ source: from.uri.text, callId, cseq: cseq.number, fromTag })) return
    for (const listener of this.listeners) listener(message)
  }
  private settle(exchange: Exchange, taken: Promise<number>): Promise<void> {
    return taken.then(
      (status) => exchange.reply(status),
      (fault: unknown) => {
        this.host.log.error({ fault: String(fault) }, 'a MESSAGE could not be taken')
        exchange.reply(500)
      },
    )
  }
  private messageOf({ request }: Exchange): IncomingMessage {
    const { callId, cseq, from, fromTag } = request
    return {
      from: from.uri.text,
      name: from.display === '' ? undefined : from.display,
      callId,
      cseq: cseq.number,
      fromTag,
      asserted: request.asserted[0]?.uri.text,
      body: request.body,
      contentType: request.contentType,
      text: (header) => request.text(header),
    }
  }
}

/** Put its element into a node, start the node, then use it. */
export class EngineAgent implements CallingAgent {
  readonly identity: string
  readonly element: AgentElement
  private readonly options: EngineAgentOptions
  private callId: string | undefined
  private cseq = 0
  private refreshing: Timer | undefined
  private registered = false
  private readonly subscriptions = new Set<Subscription>()
  private readonly messages = new InTurn()
  contactParameters: ContactParameters = []
  private again: Repetition | undefined
  private stopWatching: (() => void) | undefined

  constructor(options: EngineAgentOptions) {
    this.options = options
    this.identity = options.identity
    this.element = new AgentElement(options.identity.replace(/^sips?:/, '').split('@')[0]!, (flow) => this.isOwnProxy(flow))
  }
  private isOwnProxy({ remote }: Flow): boolean {
    const proxy = parseUri(this.options.proxy)
    return proxy !== undefined && proxy.host === remote.host && (proxy.port || 5060) === remote.port
  }
  private get route(): readonly string[] {
    return this.routeBy(undefined)
  }
  private routeBy(through: string | undefined): readonly string[] {
    const proxy = `<${this.options.proxy}>`
    return through === undefined ? [proxy] : [proxy, `<${through};lr>`]
  }
  private get credentials(): { credentials?: { user: string; password: string } } {
    return this.options.password === undefined
      ? {}
      : { credentials: { user: this.element.name, password: this.options.password } }
  }
  /** There is nothing to connect: it is there as soon as its node is. */
  async start(): Promise<void> {}
  async register(seconds = 3600): Promise<AgentResponse> {
    this.refreshing?.cancel()
    const { identity } = this
    const { push } = this.options
    const { host } = this.element
    this.callId ??= host.ids.token(22)
    this.cseq += 2 // a challenge takes the number between
    const response = await host.send({
      method: 'REGISTER',
      to: push?.identifier ?? identity,
      ...(push === undefined ? {} : { uri: registrarOf(push) }),
      from: push?.identifier ?? identity,
      route: this.route,
      callId: this.callId,
      cseq: this.cseq,
      headers: [
        ['Contact', `<${host.contact}>${parametersText(this.contactParameters, push)}`],
        ...(this.contactParameters.some(([name]) => name === '+sip.instance') ? [['Supported', 'gruu'] as const] : []),
        ['Expires', String(seconds)],
      ],
      ...this.credentials,
    })
    if (response.status === 200) {
      this.registered = seconds > 0
      this.again?.end()
    }
    if (this.registered && seconds > 0) this.keepRegistered(seconds, response.status)
    return answerOf(response)
  }
  /** Refreshes in time; and registers anew where that fails, or the connection breaks (RFC 5626 §4.4.1). */
  private keepRegistered(seconds: number, status: number): void {
    const { clock, flows } = this.element.host
    this.again ??= new Repetition(clock)
    if (status === 200) this.refreshing = clock.after(seconds * 900, () => this.registerAgain(seconds))
    else this.again.after(status, () => this.registerAgain(seconds))
    this.stopWatching ??= flows.onClosed((flow) => {
      if (!this.isOwnProxy(flow)) return
      this.refreshing?.cancel()
      this.again?.after(503, () => this.registerAgain(seconds))
    })
  }
  private registerAgain(seconds: number): void {
    const { host, name } = this.element
    this.register(seconds).catch((fault: unknown) => host.log.error({ fault: String(fault), name }, 'could not register again'))
  }
  newCallId(): string {
    return this.element.host.ids.token(22)
  }
  /** One at a time to one URI (RFC 3428 §8). */
  message(to: string, body: AgentBody, callId?: string, through?: string): Promise<AgentResponse> {
    return this.messages.run(to, () => this.sendMessage(to, body, callId, through))
  }
  private async sendMessage(to: string, body: AgentBody, callId?: string, through?: string): Promise<AgentResponse> {
    const { headers = [] } = body
    const response = await this.element.host.send({
      method: 'MESSAGE',
      to,
      from: this.identity,
      route: this.routeBy(through),
      headers,
      body,
      ...(callId === undefined ? {} : { callId, written: { from: `<${this.identity}>;tag=${tagOf(callId)}`, to: `<${to}>` } }),
      ...this.credentials,
    })
    return answerOf(response)
  }
  subscribe(watch: WatchOptions, listener: WatchListener): WatchHandle {
    const subscription = this.element.host.subscribe(
      { ...watch, from: this.identity, asserted: '', route: this.routeBy(watch.through), ...this.credentials },
      {
        notified: ({ request, state, reason }) =>
          listener.notified({
            state,
            reason,
            body: request.body,
            contentType: request.contentType,
            text: (header) => request.text(header),
          }),
        ended: ({ status, reason }) => {
          this.subscriptions.delete(subscription)
          listener.ended(status, reason)
        },
      },
    )
    this.subscriptions.add(subscription)
    return subscription
  }
  onMessage(listener: (message: IncomingMessage) => void): void {
    this.element.listeners.push(listener)
  }
  takeMessages(taker: MessageTaker): void {
    this.element.taker = taker
  }
  call(to: string, offer: AgentBody, listener: OutgoingCallListener): AgentCall {
    const { headers = [] } = offer
    const request = { to, from: this.identity, route: this.route, headers, body: offer, ...this.credentials }
    return callBy(this.element.host, request, listener)
  }
  takeCalls(taker: CallTaker): void {
    this.element.callTaker = taker
  }
  async stop(): Promise<void> {
    this.refreshing?.cancel()
    this.stopWatching?.()
    this.again?.end()
    for (const subscription of this.subscriptions) subscription.unsubscribe()
    this.subscriptions.clear()
    if (this.registered) await this.register(0)
  }
}

function answerOf(response: { status: number; reason: string; text(header: string): string | undefined }): AgentResponse {
  return { status: response.status, reason: response.reason, warning: warningText(response.text('Warning')) }
}
