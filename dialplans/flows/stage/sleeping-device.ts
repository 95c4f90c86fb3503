/** A device of a flow that sleeps until a push service wakes it (RFC 8599): then it registers, and answers again. */
import type { Element, Exchange, Host, Node, SipRequest, SipResponse } from '../../../signalling/index.ts'
import type { PushService } from './push-service.ts'

interface SleepingDeviceOptions {
  /** `sip:bob@op-b.example`. */
  readonly identity: string
  readonly password: string
  /** The proxy, as a Route: `sip:127.0.0.1:5060;lr`. */
  readonly proxy: string
  readonly pushService: PushService
  /** Starts a node of its own for it. */
  readonly open: (device: Element) => Promise<Node>
}

interface SleepingRegistration {
  /** Seconds; default a day. */
  readonly seconds?: number
  /** Parameters of its Contact URI; left out: those by which it is woken. */
  readonly parameters?: string
}

const day = 86_400 // seconds

export class SleepingDevice implements Element {
  readonly name: string
  readonly claims = [{ method: '*' }]
  /** Texts of the MESSAGEs that it has answered, each once. */
  readonly texts: string[] = []
  /** Other requests that it has answered. */
  readonly requests: SipRequest[] = []
  /** Name of its subscription at the push service. */
  readonly subscription: string
  /** Request-URI of the last request. */
  lastUri = ''
  /** Wakes make it register. */
  heeds = true
  private readonly options: SleepingDeviceOptions
  private readonly instance: string
  private readonly heard = new Set<string>()
  private host!: Host
  /** Undefined: it sleeps. */
  private node: Node | undefined
  private callId: string | undefined
  private cseq = 0

  constructor(options: SleepingDeviceOptions, number: number) {
    this.options = options
    this.name = options.identity.replace(/^sip:/, '').split('@')[0]!
    this.subscription = `${this.name}-${number}`
    this.instance = `<urn:uuid:00000000-0000-4000-8000-${String(number).padStart(12, '0')}>`
    options.pushService.onWake(({ subscription }) => {
      if (subscription === this.subscription && this.heeds) void this.heed()
    })
  }
  start(host: Host): void {
    this.host = host
  }
  handle(exchange: Exchange): void {
    this.answer(exchange)
  }
  private answer(exchange: Exchange): void {
    const { request } = exchange
    this.lastUri = request.uriText
    const { body, callId, cseq, fromTag, method } = request
    if (method !== 'MESSAGE') {
      this.requests.push(request)
      if (method !== 'ACK') exchange.reply(200, { headers: [['Contact', `<${this.host.contact}>`]] })
      return
    }
    exchange.reply(200)
    const key = `${callId} ${cseq.number} ${fromTag}`
    if (!this.heard.has(key)) this.texts.push(body.toString())
    this.heard.add(key)
  }

  /** Parameters by which its push service wakes it. */
  get wakingParameters(): string {
    return `;pn-provider=webpush;pn-prid=${encodeURIComponent(this.options.pushService.endpoint(this.subscription))}`
  }
  async register({ seconds = day, parameters = this.wakingParameters }: SleepingRegistration = {}): Promise<SipResponse> {
    const { identity, password, proxy } = this.options
    const { host, instance, name } = this
    this.callId ??= host.ids.token(22)
    this.cseq += 2 // a challenge takes the number between
    return host.send({
      method: 'REGISTER',
      to: identity,
      from: identity,
      route: [`<${proxy}>`],
      callId: this.callId,
      cseq: this.cseq,
      headers: [['Contact', `<${host.contact}${parameters}>;+sip.instance="${instance}";expires=${seconds}`]],
      credentials: { user: name, password },
    })
  }
  /** Nothing reaches it any more. */
  async sleep(): Promise<void> {
    await this.node?.stop(0)
    this.node = undefined
  }
  /** By its user, or by the push service. */
  async wakeUp(): Promise<void> {
    this.node ??= await this.options.open(this)
  }
  private async heed(): Promise<void> {
    await this.wakeUp()
    await this.register()
  }
}
