/** A user agent on Proxima's own engine: an element of a node of its own, in whatever time and network that node lives. */
import { type Element, type Exchange, type Host, type Subscription, type Timer, unsupported } from '../../signalling/index.ts'
import type { AgentBody, Answer, IncomingMessage, UserAgent, Watch, Watching, WatchListener } from './agent.ts'

export interface EngineAgentOptions {
  /** `sip:alice@localhost`. */
  readonly identity: string
  readonly password?: string
  /** The proxy, as a Route: `sip:127.0.0.1:5060;lr`. */
  readonly proxy: string
}

const capabilities = { methods: ['MESSAGE', 'NOTIFY', 'OPTIONS', 'ACK'], extensions: [], types: ['*/*'] }

/** The agent is the element: put it into a node, start the node, then use it. */
export class EngineAgent implements Element, UserAgent {
  readonly name: string
  readonly claims = [{ method: '*' }]
  readonly identity: string
  private readonly options: EngineAgentOptions
  private host!: Host
  private callId = ''
  private cseq = 0
  private refreshing: Timer | undefined
  private registered = false
  private readonly subscriptions = new Set<Subscription>()
  private readonly listeners: ((message: IncomingMessage) => void)[] = []

  constructor(options: EngineAgentOptions) {
    this.options = options
    this.identity = options.identity
    this.name = options.identity.replace(/^sips?:/, '').split('@')[0]!
  }
  private get route(): readonly string[] {
    return [`<${this.options.proxy}>`]
  }
  private get credentials(): { credentials?: { user: string; password: string } } {
    return this.options.password === undefined ? {} : { credentials: { user: this.name, password: this.options.password } }
  }
  /** Called by the node with its host, and by users without: the node has started it already. */
  async start(host?: Host): Promise<void> {
    if (host === undefined) return
    this.host = host
    this.callId = host.ids.token(22)
  }
  handle(exchange: Exchange): void {
    const { request } = exchange
    const refusal = unsupported(request, capabilities)
    if (refusal !== undefined) return exchange.reply(refusal.status, { headers: refusal.headers })
    if (request.method === 'ACK') return
    if (request.method === 'NOTIFY') return exchange.reply(481)
    if (request.method !== 'MESSAGE') return exchange.reply(200, { headers: [['Allow', capabilities.methods.join(', ')]] })
    exchange.reply(200)
    const message: IncomingMessage = {
      from: request.from.uri.text,
      body: request.body,
      contentType: request.contentType,
      text: (header) => request.text(header),
    }
    for (const listener of this.listeners) listener(message)
  }

  async register(seconds = 3600): Promise<Answer> {
    this.refreshing?.cancel()
    const { host, name, identity } = this
    this.cseq += 2 // a challenge takes the number between
    const response = await host.send({
      method: 'REGISTER',
      to: identity,
      from: identity,
      route: this.route,
      callId: this.callId,
      cseq: this.cseq,
      headers: [
        ['Contact', `<${host.contact}>`],
        ['Expires', String(seconds)],
      ],
      ...this.credentials,
    })
    if (response.status === 200) this.registered = seconds > 0
    if (response.status === 200 && seconds > 0) {
      this.refreshing = host.clock.after(seconds * 900, () => {
        this.register(seconds).catch((fault: unknown) =>
          host.log.error({ fault: String(fault), name }, 'could not register again'),
        )
      })
    }
    return answerOf(response)
  }
  async message(to: string, body: AgentBody): Promise<Answer> {
    const response = await this.host.send({
      method: 'MESSAGE',
      to,
      from: this.identity,
      route: this.route,
      body,
      ...this.credentials,
    })
    return answerOf(response)
  }
  subscribe(watch: Watch, listener: WatchListener): Watching {
    const subscription = this.host.subscribe(
      { ...watch, from: this.identity, asserted: '', route: this.route, ...this.credentials },
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
    this.listeners.push(listener)
  }
  async stop(): Promise<void> {
    this.refreshing?.cancel()
    for (const subscription of this.subscriptions) subscription.unsubscribe()
    this.subscriptions.clear()
    if (this.registered) await this.register(0)
  }
}

function answerOf(response: { status: number; reason: string; text(header: string): string | undefined }): Answer {
  const warning = /"((?:[^"\\]|\\.)*)"/.exec(response.text('Warning') ?? '')?.[1]
  return { status: response.status, reason: response.reason, warning }
}
