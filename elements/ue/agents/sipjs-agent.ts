/** A user agent on sip.js: in Node over UDP, TCP or WebSocket by carriers of ours, in a browser over its WebSocket. */
import { type Core, type Message, type Transport, URI, UserAgent as UserAgentOfSipJs, type UserAgentOptions } from 'sip.js'
import type { Clock, Ids, Log, Timer } from '../../../signalling/index.ts'
import { InTurn } from '../../shared/state/in-turn.ts'
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
  type UserAgent,
  type WatchHandle,
  type WatchListener,
  type WatchOptions,
} from './agent.ts'
import { Repeats } from './repeats.ts'
import { answerOf, incomingOf, textOf } from './sipjs-messages.ts'
import { SipJsWatch, type SipJsWatchParts } from './sipjs-watch.ts'
import { type Carrier, printHost } from './transports/carrier.ts'
import { SipTransport } from './transports/sip-transport.ts'

export interface SipJsAgentOptions {
  /** `sip:alice@localhost`. */
  readonly identity: string
  readonly password?: string
  /** Left out: it registers its identity. */
  readonly push?: PushClientRegistration | undefined
  /** The way to the server; or the URL of a WebSocket server, by the WebSocket of the browser. */
  readonly carrier: Carrier | string
  /** The base station through which it attaches: `sip:ran1@127.0.0.1:5061;lr`. Left out: it sends to its proxy. */
  readonly station?: string
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
}

const returnFirst = 250
const returnMost = 30_000
const goodbye = 2_000 // milliseconds that saying it may take
const goodbyeHeard = 6_000 // the same where a connection stands: the server may have been started again
const connectionTimeout = 32 // seconds, as long as a request waits (RFC 3261 §17.1.1.2, Timer B)
const noConnection: AgentResponse = { status: 503, reason: 'Service Unavailable', warning: 'no connection', unheard: true }

export class SipJsAgent implements UserAgent {
  readonly identity: string
  private readonly options: SipJsAgentOptions
  private readonly uri: URI
  private readonly registerCallId: string
  private readonly listeners: ((message: IncomingMessage) => void)[] = []
  contactParameters: ContactParameters = []
  private taker: MessageTaker | undefined
  private readonly repeats = new Repeats()
  private readonly watches = new Set<SipJsWatch>()
  private readonly messages = new InTurn()
  private readonly ground: SipJsWatchParts
  private readonly own: SipTransport | undefined
  private sipjs: UserAgentOfSipJs | undefined
  private connecting: Promise<boolean> | undefined
  private cseq = 0
  /** Seconds to be registered for; 0: not. */
  private wanted = 0
  private refreshing: Timer | undefined
  private returning: Timer | undefined
  private returnAfter = returnFirst
  /** The connection has broken, and its registration and subscriptions are not made anew yet. */
  private broken = false
  /** The registration over a connection that came after a broken one; never rejects. */
  private again: Promise<void> = Promise.resolve()
  private stopped = false

  /** Throws a TypeError where the identity is no SIP URI. */
  constructor(options: SipJsAgentOptions) {
    const uri = UserAgentOfSipJs.makeURI(options.identity)
    if (uri === undefined) throw new TypeError(`${options.identity} is no SIP URI`)
    const { carrier, clock, ids, log } = options
    this.options = options
    this.identity = options.identity
    this.uri = uri
    this.registerCallId = ids.token(22)
    this.own = typeof carrier === 'string' ? undefined : new SipTransport(carrier, clock, log)
    this.ground = {
      clock,
      log,
      core: async () => ((await this.ready()) ? this.sipjs?.userAgentCore : undefined),
      newCallId: () => ids.token(22),
      over: (watch) => this.watches.delete(watch),
    }
  }
  /** Connects, once; where that fails, the next request tries again. */
  async start(): Promise<void> {
    await this.connect()
  }

  private connect(): Promise<boolean> {
    if (this.stopped) return Promise.resolve(false)
    if (this.sipjs?.isConnected()) return Promise.resolve(true)
    this.connecting ??= this.tryToConnect().finally(() => {
      this.connecting = undefined
    })
    return this.connecting
  }
  /** Connected; and where the connection has broken, registered again first: the server forgets who was behind it (RFC 5626 §4.2). */
  private async ready(): Promise<boolean> {
    if (!(await this.connect())) return false
    if (this.broken) this.isBack()
    await this.again
    return !this.broken
  }
  private async tryToConnect(): Promise<boolean> {
    try {
      await this.own?.connect() // first, for sip.js wants its own address when it is made
      if (this.sipjs === undefined) {
        this.sipjs = this.make()
        await this.sipjs.start()
      } else await this.sipjs.transport.connect()
      return true
    } catch (fault) {
      this.options.log.debug({ fault: String(fault) }, 'no connection')
      return false
    }
  }
  private make(): UserAgentOfSipJs {
    const { carrier, password, ids, log, station } = this.options
    const protocol = typeof carrier === 'string' ? 'WS' : carrier.protocol
    const local = protocol === 'WS' ? undefined : this.own?.local
    const { own } = this
    const transport: Partial<UserAgentOptions> =
      own === undefined
        ? { transportOptions: { server: carrier as string, traceSip: false, connectionTimeout } }
        : { transportConstructor: givenTransport(own) }
    const user = this.uri.user ?? 'anonymous'
    const sipjs = new UserAgentOfSipJs({
      uri: this.uri,
      viaHost: local === undefined ? `${ids.hex(6)}.invalid` : printHost(local.host), // RFC 7118 §5
      contactName: user,
      contactParams: protocol === 'UDP' ? {} : { transport: protocol.toLowerCase() },
      authorizationUsername: user,
      authorizationPassword: password ?? '',
      forceRport: protocol !== 'WS',
      gracefulShutdown: false, // ours is
      userAgentString: 'Proxima UE',
      logBuiltinEnabled: false,
      logConfiguration: false,
      logLevel: log.level === 'debug' || log.level === 'trace' ? 'debug' : 'error',
      logConnector: (_level, category, _label, content) => log.debug({ category }, content),
      delegate: {
        onMessage: (message) => this.received(message),
        onDisconnect: (fault) => {
          if (fault !== undefined) this.disconnected(fault)
        },
      },
      ...(station === undefined ? {} : { preloadedRouteSet: [`<${station}>`] }),
      ...transport,
    })
    // The same for good, also when a later connection has another port: it names the binding, not the way to it.
    if (local !== undefined) sipjs.contact.uri.port = local.port
    return sipjs
  }
  private received(incoming: Message): void {
    const { log } = this.options
    const answered = (work: Promise<unknown>): void =>
      void work.catch((fault: unknown) => log.debug({ fault: String(fault) }, 'could not answer a MESSAGE'))
    const message = incomingOf(incoming.request)
    const taken = this.taker?.(message)
    if (taken !== undefined) {
      const failed = (fault: unknown): number => {
        log.error({ fault: String(fault) }, 'a MESSAGE could not be taken')
        return 500
      }
      const settle = (statusCode: number): Promise<unknown> =>
        statusCode < 300 ? incoming.accept({ statusCode }) : incoming.reject({ statusCode })
      return answered(taken.catch(failed).then(settle))
    }
    answered(incoming.accept())
    const { callId, cseq, from: source, fromTag } = message
    if (!this.repeats.isRepeat({ source, callId, cseq, fromTag })) this.tell(message)
  }
  private tell(message: IncomingMessage): void {
    for (const listener of this.listeners) {
      try {
        listener(message)
      } catch (fault) {
        this.options.log.error({ fault: String(fault) }, 'a listener failed on a MESSAGE')
      }
    }
  }

  private disconnected(fault: Error): void {
    this.options.log.info({ why: fault.message }, 'the connection broke')
    if (this.stopped || (this.wanted === 0 && this.watches.size === 0)) return
    this.broken = true
    this.comeBack()
  }
  private comeBack(): void {
    const { clock, ids } = this.options
    const wait = this.returnAfter * (0.5 + ids.fraction() / 2) // not all at once after a server's restart
    this.returnAfter = Math.min(this.returnAfter * 2, returnMost)
    this.returning?.cancel()
    this.returning = clock.after(wait, () => {
      this.connect().then(
        (connected) => {
          if (connected && this.broken) this.isBack()
          else if (!connected && !this.stopped) this.comeBack()
        },
        (why: unknown) => this.options.log.error({ why: String(why) }, 'could not come back'),
      )
    })
  }
  private isBack(): void {
    this.broken = false
    this.options.log.info({}, 'connected again')
    const registered = this.wanted > 0 ? this.register(this.wanted) : Promise.resolve(undefined)
    this.again = registered.then(
      (answer) => {
        if (answer !== undefined && answer.status !== 200 && this.wanted > 0) return this.notYet() // who is behind the proxy is away
        this.returnAfter = returnFirst
        for (const watch of this.watches) watch.refresh() // state notified meanwhile is lost
      },
      (why: unknown) => this.options.log.error({ why: String(why) }, 'could not register again'),
    )
  }
  private notYet(): void {
    this.broken = true
    if (!this.stopped) this.comeBack()
  }

  async register(seconds = 3600): Promise<AgentResponse> {
    this.refreshing?.cancel()
    const before = this.wanted
    this.wanted = seconds
    let asked = seconds
    let response = await this.sendRegister(asked)
    const least = Number(response?.getHeader('Min-Expires'))
    if (response?.statusCode === 423 && least > asked && asked > 0) {
      asked = least
      response = await this.sendRegister(asked)
    }
    if (this.stopped || this.wanted !== seconds || seconds === 0)
      return response === undefined ? noConnection : answerOf(response)
    const status = response?.statusCode ?? 503
    if (response !== undefined && status === 200) this.registerIn(0.9 * this.granted(response, asked))
    else if (before > 0 && (status === 408 || status === 480 || status >= 500))
      this.registerIn(5 + 25 * this.options.ids.fraction())
    else this.wanted = 0 // refused: the caller is told
    return response === undefined ? noConnection : answerOf(response)
  }
  private registerIn(seconds: number): void {
    this.refreshing = this.options.clock.after(seconds * 1000, () => {
      this.register(this.wanted).then(
        ({ status }) => status === 200 || this.options.log.warn({ status }, 'not registered any more'),
        (fault: unknown) => this.options.log.error({ fault: String(fault) }, 'could not register again'),
      )
    })
  }
  private sendRegister(seconds: number): Promise<Core.IncomingResponseMessage | undefined> {
    this.cseq += 2 // a challenge takes the number between
    const { push } = this.options
    const registrar =
      push === undefined
        ? new URI('sip', '', this.uri.host, this.uri.port)
        : (UserAgentOfSipJs.makeURI(registrarOf(push)) ?? this.uri)
    const to = (push === undefined ? undefined : UserAgentOfSipJs.makeURI(push.identifier)) ?? this.uri
    const contact = (): string =>
      `Contact: ${this.sipjs!.contact.toString({ register: true })}${parametersText(this.contactParameters, push)}`
    const options = { callId: this.registerCallId, cseq: this.cseq }
    return this.send('REGISTER', registrar, to, () => [contact(), `Expires: ${seconds}`], undefined, options)
  }
  /** Seconds that the registrar grants our own Contact (RFC 3261 §10.2.4). */
  private granted(response: Core.IncomingResponseMessage, asked: number): number {
    const ownContact = this.sipjs!.contact.uri.toString()
    for (let i = 0; i < response.getHeaders('Contact').length; i++) {
      const contact = response.parseHeader('Contact', i) as Core.NameAddrHeader | undefined
      const seconds = Number(contact?.getParam('expires'))
      if (contact?.uri.toString() === ownContact && seconds > 0) return seconds
    }
    return Number(response.getHeader('Expires') ?? asked) || asked
  }

  newCallId(): string {
    return this.options.ids.token(22)
  }
  /** One at a time to one URI (RFC 3428 §8). */
  message(to: string, body: AgentBody, callId?: string, through?: string): Promise<AgentResponse> {
    return this.messages.run(to, () => this.sendMessage(to, body, callId, through))
  }
  private async sendMessage(to: string, body: AgentBody, named?: string, through?: string): Promise<AgentResponse> {
    const callId = named ?? this.newCallId()
    const target = UserAgentOfSipJs.makeURI(to)
    const text = textOf(body.content)
    if (text === undefined) return { status: 415, reason: 'Unsupported Media Type', warning: 'sip.js sends texts alone' }
    if (target === undefined) return { status: 416, reason: 'Unsupported URI Scheme', warning: `${to} is no SIP URI` }
    const content = { contentDisposition: 'render', contentType: body.type, content: text }
    const headers = (body.headers ?? []).map(([name, value]) => `${name}: ${value}`)
    const route =
      through === undefined ? {} : { routeSet: [...(this.sipjs?.userAgentCore.configuration.routeSet ?? []), `<${through};lr>`] }
    const repeated = named === undefined ? {} : { cseq: 1, fromTag: tagOf(callId) }
    const options = { callId, ...repeated, ...route } // sip.js takes requests of its own making for a loop
    const response = await this.send('MESSAGE', target, target, () => headers, content, options)
    return response === undefined ? noConnection : answerOf(response)
  }
  /** Resolves with the final response, made up by sip.js for silence (408) and a broken way (503); undefined: no connection. */
  private async send(
    method: string,
    target: URI,
    to: URI,
    headers: () => string[],
    body: Core.Body | undefined,
    options: Core.OutgoingRequestMessageOptions,
  ): Promise<Core.IncomingResponseMessage | undefined> {
    if (!(await (method === 'REGISTER' ? this.connect() : this.ready()))) return undefined
    const core = this.sipjs!.userAgentCore
    const message = core.makeOutgoingRequestMessage(method, target, this.uri, to, options, headers(), body)
    return new Promise((resolve) => {
      const settle = (response: Core.IncomingResponse): void => resolve(response.message)
      core.request(message, { onAccept: settle, onReject: settle, onRedirect: settle })
    })
  }
  subscribe(watch: WatchOptions, listener: WatchListener): WatchHandle {
    const target = UserAgentOfSipJs.makeURI(watch.to)
    if (target === undefined) {
      this.options.clock.soon(() => listener.ended(416, `${watch.to} is no SIP URI`))
      return { refresh: () => undefined, unsubscribe: () => undefined }
    }
    const made = new SipJsWatch(this.ground, watch, target, listener)
    this.watches.add(made)
    return made
  }
  onMessage(listener: (message: IncomingMessage) => void): void {
    this.listeners.push(listener)
  }
  takeMessages(taker: MessageTaker): void {
    this.taker = taker
  }

  async stop(): Promise<void> {
    if (this.stopped) return
    this.returning?.cancel()
    if (this.sipjs !== undefined) await this.sayGoodbyeInTime()
    this.returning?.cancel()
    this.refreshing?.cancel()
    this.wanted = 0
    this.stopped = true
    for (const watch of this.watches) watch.drop()
    this.watches.clear()
    await this.sipjs?.stop()
    await this.own?.disconnect()
  }
  private sayGoodbyeInTime(): Promise<void> {
    const { clock, log } = this.options
    return new Promise((resolve) => {
      let timer = clock.after(goodbye, () => {
        const isHeard = this.own?.protocol !== 'UDP' && this.sipjs?.isConnected() === true
        if (isHeard) timer = clock.after(goodbyeHeard - goodbye, resolve)
        else resolve()
      })
      this.sayGoodbye()
        .catch((fault: unknown) => log.error({ fault: String(fault) }, 'could not leave'))
        .finally(() => {
          timer.cancel()
          resolve()
        })
    })
  }
  /** Unsubscribes, then unregisters: some servers hear nothing from who is not registered. */
  private async sayGoodbye(): Promise<void> {
    if (this.wanted === 0 && this.watches.size === 0) return
    while (!(await this.ready())) {
      await new Promise<void>((resolve) => {
        this.options.clock.after(returnFirst, resolve)
      })
      if (this.stopped) return
    }
    await Promise.all([...this.watches].map((watch) => watch.leave()))
    if (this.wanted === 0 || this.stopped) return
    this.refreshing?.cancel()
    this.wanted = 0
    await this.sendRegister(0)
  }
}

/** sip.js wants a class to make its transport of; this one gives the transport that is there already. */
function givenTransport(transport: Transport): new () => Transport {
  return function given() {
    return transport
  } as unknown as new () => Transport
}
