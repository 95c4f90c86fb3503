/** A UE's questions by MESSAGE, each answered by a MESSAGE later (SPEC §2.3). */
import type { Clock } from '../../../signalling/index.ts'
import { type Bodies, type BodyName, readBody } from '../../schemas/index.ts'
import type { AgentBody, ReceivedBody, UserAgent } from '../agents/agent.ts'

/**
 * The answer's body, or the status that came instead: of a refusal, 408 where nothing came, 400 for a body that cannot be
 * read.
 */
type QuestionAnswer<Name extends BodyName> =
  | { readonly body: Bodies[Name]; readonly status?: undefined }
  | { readonly body?: undefined; readonly status: number }

const patience = 20_000 // milliseconds

export class Questions {
  private readonly agent: UserAgent
  private readonly clock: Clock
  private readonly awaited = new Map<string, (message: ReceivedBody) => void>()

  constructor(agent: UserAgent, clock: Clock) {
    this.agent = agent
    this.clock = clock
    agent.onMessage((message) => this.awaited.get(questionOf(message))?.(message))
  }

  /** Whether a MESSAGE answers a question that is under way. */
  awaits(message: ReceivedBody): boolean {
    return this.awaited.has(questionOf(message))
  }

  /** @param through as of `WatchOptions` */
  ask<Name extends BodyName>(to: string, body: AgentBody, answer: Name, through?: string): Promise<QuestionAnswer<Name>> {
    const callId = this.agent.newCallId()
    return new Promise((resolve) => {
      const settle = (outcome: QuestionAnswer<Name>): void => {
        if (!this.awaited.delete(callId)) return
        timer.cancel()
        resolve(outcome)
      }
      const timer = this.clock.after(patience, () => settle({ status: 408 }))
      this.awaited.set(callId, (message) => {
        const read = readBody(message, answer)
        settle(read.fault === undefined ? { body: read.value } : { status: read.fault.status })
      })
      void this.agent.message(to, body, callId, through).then(({ status }) => {
        if (status >= 300) settle({ status })
      })
    })
  }
}

/** Call-ID of the question that a MESSAGE answers; empty: none. */
function questionOf(message: ReceivedBody): string {
  return message.text('In-Reply-To')?.trim() ?? ''
}
