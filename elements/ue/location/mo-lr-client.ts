/** A UE that asks where it is, for itself or for a service (SPEC §8.1). */
import type { Clock } from '../../../signalling/index.ts'
import {
  type BodyName,
  type MoLr,
  type MoLrPosition,
  type MoLrResult,
  mediaType,
  readBody,
  writeBody,
} from '../../schemas/index.ts'
import type { AgentResponse, IncomingMessage, TextBody, UserAgent } from '../agents/agent.ts'

/** The outcome of a request, or the response that refused it; 408: it was taken, and no outcome came. */
export type MoLrOutcome =
  | { readonly result: MoLrResult; readonly refused?: undefined }
  | { readonly result?: undefined; readonly refused: Pick<AgentResponse, 'status' | 'warning'> }

interface MoLrClientOptions {
  readonly agent: UserAgent
  readonly clock: Clock
  /** URI of the core network; left out: by its usual name in that domain, `sip:sgsn@home.example`. */
  readonly core?: string | undefined
  readonly domain: string
  /** It is an MSC: a connection is asked for before, and released behind. */
  readonly isCircuitSwitched: boolean
}

interface AwaitedOutcome {
  readonly positioned: ((position: MoLrPosition) => void) | undefined
  readonly settle: (outcome: MoLrOutcome) => void
}

const usualResponseTime = 15 // seconds
const unsaid: ReadonlySet<number> = new Set([408, 500, 503])
const tries = 3
const pause = 2000 // milliseconds between them
const patience = 60_000 // milliseconds beside it: the client, and the way

export class MoLrClient {
  private readonly options: MoLrClientOptions
  private readonly awaited = new Map<string, AwaitedOutcome>()

  constructor(options: MoLrClientOptions) {
    this.options = options
    options.agent.onMessage((message) => this.take(message))
  }

  /** Whether a MESSAGE tells of a request that is under way. */
  awaits(message: Pick<IncomingMessage, 'text'>): boolean {
    return this.awaited.has(message.text('In-Reply-To')?.trim() ?? '')
  }
  /** Resolves with the outcome. @param positioned told of the place, where the wishes have it first */
  async ask(wishes: MoLr, positioned?: (position: MoLrPosition) => void): Promise<MoLrOutcome> {
    if (!this.options.isCircuitSwitched) return this.request(wishes, positioned)
    const { status, warning } = await this.send(writeBody('cm-service-request', {}) as TextBody)
    if (status >= 300) return { refused: { status, warning } }
    try {
      return await this.request(wishes, positioned)
    } finally {
      await this.send(writeBody('cm-release', {}) as TextBody)
    }
  }
  private request(wishes: MoLr, positioned: AwaitedOutcome['positioned']): Promise<MoLrOutcome> {
    const { agent, clock } = this.options
    const callId = agent.newCallId()
    return new Promise((resolve) => {
      const settle = (outcome: MoLrOutcome): void => {
        if (!this.awaited.delete(callId)) return
        timer.cancel()
        resolve(outcome)
      }
      const time = patience + (wishes.qos?.responseTime ?? usualResponseTime) * 1000
      const timer = clock.after(time, () => settle({ refused: { status: 408, warning: 'no outcome has come' } }))
      this.awaited.set(callId, { positioned, settle })
      void this.sendSurely(writeBody('mo-lr', wishes) as TextBody, callId).then(({ status, warning }) => {
        if (status >= 300 && status !== 482) settle({ refused: { status, warning } }) // 482: an earlier try got through
      })
    })
  }
  /** Again by the same Call-ID, where it may have got through and nobody has said so. */
  private async sendSurely(body: TextBody, callId: string): Promise<AgentResponse> {
    for (let time = 1; ; time++) {
      const response = await this.send(body, callId)
      if (!unsaid.has(response.status) || time === tries) return response
      await new Promise<void>((resolve) => {
        this.options.clock.after(pause, resolve)
      })
    }
  }
  private send(body: TextBody, callId?: string): Promise<AgentResponse> {
    const { agent, domain, isCircuitSwitched } = this.options
    const { core = `sip:${isCircuitSwitched ? 'msc' : 'sgsn'}@${domain}` } = this.options
    return agent.message(core, body, callId)
  }
  private take(message: IncomingMessage): void {
    const awaited = this.awaited.get(message.text('In-Reply-To')?.trim() ?? '')
    const position = bodyOf(message, 'mo-lr-position')
    if (position !== undefined) awaited?.positioned?.(position)
    const result = bodyOf(message, 'mo-lr-result')
    if (result !== undefined) awaited?.settle({ result })
  }
}

function bodyOf<Name extends BodyName>(message: IncomingMessage, name: Name) {
  return message.contentType === mediaType(name) ? readBody(message, name).value : undefined
}
