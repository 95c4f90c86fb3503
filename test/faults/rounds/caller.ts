/** Many users behind one socket, who ask one at a time and hear the answer. */
import { agentNode } from '../../../dialplans/running/agent-node.ts'
import {
  type Body,
  type Clock,
  type Element,
  type Exchange,
  type Host,
  type Node,
  RealClock,
  randomIds,
  type SipRequest,
  type SipResponse,
  type Subscription,
  silent,
} from '../../../signalling/index.ts'

export const domain = 'sip.test'
export const uri = (user: string): string => `sip:${user}@${domain}`

const patience = 3000 // milliseconds, for what has been said when it was acknowledged

/** A subscription as its subscriber holds it. */
export interface Standing {
  /** Body of the newest NOTIFY that had one. */
  body: string
  /** Status of the end; undefined while it stands. */
  ended: number | undefined
  readonly subscription: Subscription
}

export interface Question {
  readonly to: string
  readonly from: string
  readonly event: string
  readonly accept?: readonly string[]
  readonly body?: Body
  /** Whether that body is the answer; without: the first one is. */
  readonly answers?: (body: string) => boolean
}

export class Caller implements Element {
  readonly name = 'caller'
  readonly claims = [{ method: '*' }]
  readonly clock: Clock = new RealClock((fault) => {
    throw fault
  })
  /** MESSAGEs that answer another one, by its Call-ID. */
  readonly answers = new Map<string, (request: SipRequest) => void>()
  private readonly route: readonly string[]
  /** How often the server has been killed. */
  kills = 0
  private host!: Host
  private node!: Node

  constructor(port: number) {
    this.route = [`<sip:127.0.0.1:${port};lr>`]
  }
  async open(): Promise<void> {
    const listen = [{ transport: 'UDP', host: '127.0.0.1', port: 0 }] as const
    this.node = agentNode(this, { listen, clock: this.clock, ids: randomIds(), log: silent })
    await this.node.start()
  }
  close(): Promise<void> {
    return this.node.stop(0)
  }
  start(host: Host): void {
    this.host = host
  }
  handle(exchange: Exchange): void {
    const { request } = exchange
    exchange.reply(request.method === 'NOTIFY' ? 481 : 200)
    if (request.method === 'MESSAGE') this.answers.get(request.text('In-Reply-To') ?? '')?.(request)
  }
  get port(): number {
    return this.node.listening[0]!.port
  }
  token(): string {
    return this.host.ids.token(12)
  }
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.after(ms, resolve)
    })
  }

  send(
    method: string,
    from: string,
    to: string,
    more: { headers?: readonly (readonly [string, string])[]; body?: Body; callId?: string; cseq?: number } = {},
  ): Promise<SipResponse> {
    return this.host.send({ method, to, from: uri(from), route: this.route, ...more })
  }
  /** Resolves once a NOTIFY with an answer is there, or with its end. */
  subscribe({ to, from, answers = () => true, ...question }: Question, expires: number): Promise<Standing> {
    return new Promise((resolve) => {
      const standing: Standing = {
        body: '',
        ended: undefined,
        subscription: this.host.subscribe(
          { ...question, to, expires, from: uri(from), asserted: '', route: this.route },
          {
            notified: ({ request }) => {
              if (request.bodyEnd > request.bodyStart) standing.body = request.body.toString('utf8')
              if (standing.body !== '' && answers(standing.body)) resolve(standing)
            },
            ended: ({ status }) => {
              standing.ended = status
              resolve(standing)
            },
          },
        ),
      }
    })
  }
  async fetch(question: Question): Promise<string> {
    const { body, ended } = await this.subscribe(question, 0)
    if (body === '' && ended !== undefined && ended !== 200) throw new Error(`${question.event} of ${question.to}: ${ended}`)
    return body
  }
  /** Unsubscribes; true: the notifier has said that it is over, which it says at once or not at all. */
  async unsubscribe(standing: Standing): Promise<boolean> {
    standing.subscription.unsubscribe()
    for (let waited = 0; standing.ended === undefined && waited < patience; waited += 5) await this.pass(5)
    return standing.ended === 200
  }
}
