/** A crowd of users behind one UDP socket in real time, by bare datagrams: their own work costs little beside the servers'. */
import { createSocket, type Socket } from 'node:dgram'
import { SipRequest, SipResponse } from '../../../signalling/index.ts'
import { answerChallenge, buildResponse } from '../../../signalling/testing.ts'
import { scan } from '../../../signalling/tools.ts'
import { type PushUser, password } from '../../faults/exactly-once/plan.ts'
import type { ServerProcess } from '../../support/server-process.ts'
import { written } from './played.ts'

interface TimedAnswer {
  readonly response: SipResponse
  /** Milliseconds from its request. */
  readonly took: number
}

const [patience, resend] = [32_000, 2000] // milliseconds for an answer, and until a request is sent again
const host = '127.0.0.1'

export class RawClient {
  /** Status with which a request to a user is answered; undefined: with none. */
  answer: (request: SipRequest) => number | undefined = () => 200
  private readonly socket: Socket
  private readonly servers: readonly ServerProcess[]
  private readonly waiting = new Map<string, (response: SipResponse) => void>()
  private sent = Math.floor(Math.random() * 1e6) * 1000 // another one's numbers are others

  private constructor(socket: Socket, servers: readonly ServerProcess[]) {
    this.socket = socket
    this.servers = servers
    socket.on('message', (bytes, { port }) => this.received(bytes, port))
  }
  /** @param servers by the number of their operator */
  static open(servers: readonly ServerProcess[], port = 0): Promise<RawClient> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4_194_304 })
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(port, host, () => resolve(new RawClient(socket, servers)))
    })
  }
  close(): void {
    this.socket.close()
  }
  private received(bytes: Buffer, port: number): void {
    const message = scan(bytes)
    if (message instanceof SipResponse && message.status >= 200) this.waiting.get(message.callId)?.(message)
    const status = message instanceof SipRequest ? this.answer(message) : undefined
    if (status !== undefined) this.socket.send(buildResponse(message as SipRequest, status, { toTag: 'p' }), port, host)
  }
  /** @param parameters of the Contact's URI, each with its semicolon */
  async register(user: PushUser, expires = 3600, parameters = ''): Promise<TimedAnswer> {
    const challenge = await this.tryRegister(user, expires, parameters, [])
    if (challenge.response.status !== 401) return challenge
    const challenges = challenge.response.texts('WWW-Authenticate')
    const credentials = { user: user.name, password }
    const answer = answerChallenge(challenges, credentials, 'REGISTER', domainOf(user), 'bench')
    return this.tryRegister(user, expires, parameters, [`Authorization: ${answer}`])
  }
  private tryRegister(user: PushUser, expires: number, parameters: string, more: readonly string[]): Promise<TimedAnswer> {
    const { name, operator, uri } = user
    const here = `${host}:${this.socket.address().port}`
    const instance = `+sip.instance="<urn:uuid:00000000-0000-1000-8000-${name.slice(1).padStart(12, '0')}>"`
    const lines = [`Contact: <sip:${name}@${here}${parameters}>;${instance}`, `Expires: ${expires}`]
    return this.ask('REGISTER', operator, domainOf(user), uri, [...lines, ...more], '')
  }
  push({ operator, uri }: PushUser, to: PushUser, text: string): Promise<TimedAnswer> {
    return this.ask('MESSAGE', operator, to.push, uri, ['Content-Type: text/plain'], text, to.push)
  }
  private ask(
    method: string,
    operator: number,
    target: string,
    from: string,
    lines: readonly string[],
    body: string,
    to = from,
  ): Promise<TimedAnswer> {
    const callId = `raw-${++this.sent}`
    const head = [
      `${method} ${target} SIP/2.0`,
      `Via: SIP/2.0/UDP ${host}:${this.socket.address().port};branch=z9hG4bK${callId}`,
      'Max-Forwards: 70',
      `From: <${from}>;tag=f`,
      `To: <${to}>`,
      `Call-ID: ${callId}`,
      `CSeq: ${this.sent} ${method}`,
    ]
    const bytes = written([...head, ...lines], body)
    const begun = performance.now()
    const send = (): void => this.socket.send(bytes, this.servers[operator]!.port, host)
    send()
    return new Promise((resolve, reject) => {
      const again = setInterval(() => {
        if (performance.now() - begun < patience) return send()
        end()
        reject(new Error(`${method} from ${from} is not answered`))
      }, resend)
      const end = (): void => {
        clearInterval(again)
        this.waiting.delete(callId)
      }
      this.waiting.set(callId, (response) => {
        end()
        resolve({ response, took: performance.now() - begun })
      })
    })
  }
}

function domainOf({ name, uri }: PushUser): string {
  return uri.replace(`${name}@`, '')
}

/** One each `interval` milliseconds, whatever their answers do, until it is told to stop. Resolves with all results. */
export async function paced<T>(
  interval: number,
  isOver: () => boolean,
  one: (number: number) => Promise<T>,
): Promise<readonly T[]> {
  const all: Promise<T>[] = []
  const begun = performance.now()
  for (let number = 0; ; number++) {
    const wait = begun + number * interval - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    if (isOver()) return Promise.all(all)
    all.push(one(number))
  }
}
