/** A UE's attachment to an MME (SPEC §3.6): the temporary identifier that it has there, followed as it is replaced. */
import { type AttachRequest, mediaType, readBody } from '../schemas/index.ts'
import { bodyOf, type UserAgent, type WatchHandle } from './agents/agent.ts'

export class Attachment {
  /** URI of the MME. */
  readonly mme: string
  private readonly agent: UserAgent
  /** Hears of each temporary identifier. */
  private readonly onTemporary: (temporary: string) => void
  private watching: WatchHandle | undefined
  private known: string | undefined

  constructor(agent: UserAgent, mme: string, onTemporary: (temporary: string) => void) {
    this.agent = agent
    this.mme = mme
    this.onTemporary = onTemporary
  }
  /** Undefined before the first word of the MME, and after the end. */
  get temporary(): string | undefined {
    return this.known
  }

  /** Resolves with the first temporary identifier, or the status of a refusal. */
  open(request: AttachRequest): Promise<string | number> {
    return new Promise((resolve) => {
      this.watching = this.agent.subscribe(
        {
          to: this.mme,
          event: 'attach',
          accept: [mediaType('attach-state')],
          expires: 3600,
          body: bodyOf('attach-request', request),
        },
        {
          notified: (notified) => {
            if (notified.body.length === 0) return
            const { value } = readBody(notified, 'attach-state')
            if (value === undefined || value.temporary === this.known) return
            this.known = value.temporary
            this.onTemporary(value.temporary)
            resolve(value.temporary)
          },
          ended: (status) => {
            this.known = undefined
            resolve(status)
          },
        },
      )
    })
  }
  close(): void {
    this.watching?.unsubscribe()
  }
}
