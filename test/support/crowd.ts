/** Many users behind one UDP socket: one element that speaks for all of them, and remembers what was acknowledged. */
import { agentNode } from '../../dialplans/running/agent-node.ts'
import { mediaType, readBody, writeBody } from '../../elements/schemas/index.ts'
import {
  type Clock,
  type Element,
  type Exchange,
  type Host,
  type Node,
  type Notification,
  RealClock,
  randomIds,
  type SipResponse,
  silent,
} from '../../signalling/index.ts'
import { until } from './patience.ts'

/** One subscription as its subscriber sees it. */
export interface CrowdSubscription {
  readonly user: string
  notifications: number
  last: Notification | undefined
  ended: string | undefined
}

export class Crowd implements Element {
  readonly name = 'crowd'
  readonly claims = [{ method: '*' }]
  readonly clock: Clock = new RealClock((fault) => {
    throw fault
  })
  /** Users whose REGISTER got a 200. */
  readonly registered = new Set<string>()
  /** Code -> user, of every code ever told. */
  readonly codes = new Map<string, string>()
  /** Codes that two users were told: must stay empty. */
  readonly doubled: string[] = []
  /** `reporter hears`, of reports that got a 200. */
  readonly heard = new Map<string, Set<string>>()
  private readonly domain: string
  private readonly route: readonly string[]
  private host!: Host
  private node!: Node

  constructor(domain: string, port: number) {
    this.domain = domain
    this.route = [`<sip:127.0.0.1:${port};lr>`]
  }
  async open(): Promise<void> {
    const listen = [{ transport: 'UDP', host: '127.0.0.1', port: 0 }] as const
    this.node = agentNode(this, { listen, clock: this.clock, ids: randomIds(), log: silent })
    await this.node.start()
  }
  async close(): Promise<void> {
    await this.node.stop(0)
  }
  start(host: Host): void {
    this.host = host
  }
  handle(exchange: Exchange): void {
    exchange.reply(exchange.request.method === 'NOTIFY' ? 481 : 200)
  }
  uri(user: string): string {
    return `sip:${user}@${this.domain}`
  }

  async register(user: string): Promise<number> {
    const { port } = this.node.listening[0]!
    const response = await this.send('REGISTER', user, this.uri(user), [
      ['Contact', `<sip:${user}@127.0.0.1:${port}>`],
      ['Expires', '3600'],
    ])
    if (response.status === 200) this.registered.add(user)
    return response.status
  }
  /** Contacts that the registrar holds of a user. */
  async bindings(user: string): Promise<readonly string[]> {
    const response = await this.send('REGISTER', user, this.uri(user), [])
    if (response.status !== 200) throw new Error(`${response.status} to ${user}, who asks for the bindings`)
    return response.list('Contact')
  }
  /** Comes again where a busy node says when (`signalling/overload/admission.ts`), and where it has said nothing. */
  private async send(
    method: string,
    user: string,
    to: string,
    headers: readonly (readonly [string, string])[],
  ): Promise<SipResponse> {
    const response = await this.host.send({ method, to, from: this.uri(user), route: this.route, headers })
    if (!isPassing(response.status)) return response
    await this.pass(1000 * Number(response.text('Retry-After') ?? 1))
    return this.send(method, user, to, headers)
  }
  /** Asks for both roles; remembers each code that is told. */
  proximity(user: string): CrowdSubscription {
    const body = writeBody('prose-request', { device: this.uri(user) })
    return this.subscribe(user, 'prose', mediaType('prose-state'), 3600, body, (notification) => {
      if (notification.request.bodyEnd === notification.request.bodyStart) return
      const state = readBody(notification.request, 'prose-state').value
      const code = state?.announce?.code
      if (code === undefined) return
      const owner = this.codes.get(code)
      if (owner !== undefined && owner !== user) this.doubled.push(`${code} of ${owner} and ${user}`)
      this.codes.set(code, user)
    })
  }
  /** A standing question with feedback each `period` seconds, or a fetch where it is 0. */
  near(user: string, period: number): CrowdSubscription {
    const body = writeBody('proximity-query', { device: this.uri(user) })
    const event = period > 0 ? `proximity;min-rate=${1 / period}` : 'proximity'
    return this.subscribe(user, event, mediaType('proximity-list'), period > 0 ? 3600 : 0, body)
  }
  private subscribe(
    user: string,
    event: string,
    type: string,
    expires: number,
    body: { type: string; content: string | Uint8Array },
    onNotify: (notification: Notification) => void = () => undefined,
  ): CrowdSubscription {
    const held: CrowdSubscription = { user, notifications: 0, last: undefined, ended: undefined }
    const to = `sip:prose@${this.domain}`
    const question = { to, event, accept: [type], expires, body, from: this.uri(user), asserted: '', route: this.route }
    const ask = (): void => {
      this.host.subscribe(question, {
        notified: (notification) => {
          held.notifications++
          held.last = notification
          onNotify(notification)
        },
        ended: ({ status, reason }) => {
          // Nothing was acknowledged: a busy node is asked again.
          if (held.notifications === 0 && isPassing(status)) this.clock.after(1000, ask)
          else held.ended = `${status} ${reason}`
        },
      })
    }
    ask()
    return held
  }
  /** `reporter` hears that code; remembered where the server says 200. */
  async report(reporter: string, code: string): Promise<number> {
    const body = writeBody('prose-match', { heard: [{ code, at: new Date(this.clock.date()).toISOString() }] })
    const response = await this.host.send({
      method: 'MESSAGE',
      to: `sip:prose@${this.domain}`,
      from: this.uri(reporter),
      route: this.route,
      body,
    })
    const user = this.codes.get(code)
    if (response.status === 200 && user !== undefined) {
      const set = this.heard.get(reporter) ?? new Set<string>()
      this.heard.set(reporter, set.add(user))
    }
    return response.status
  }
  /** Waits in real time until that is so; throws where the machine idles for `seconds` meanwhile. */
  until(what: string, happened: () => boolean, seconds?: number): Promise<void> {
    return until(what, happened, seconds)
  }
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.after(ms, resolve)
    })
  }
}

/** A status of a server that is busy, or away. */
function isPassing(status: number): boolean {
  return status === 408 || status === 503
}
