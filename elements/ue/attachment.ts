/** A UE's attachment to an MME (SPEC §3.6): the temporary identifier that it has there, followed as it is replaced. */
import type { Clock } from '../../signalling/index.ts'
import { type AttachRequest, mediaType, readBody } from '../schemas/index.ts'
import { bodyOf, type UserAgent, type WatchHandle } from './agents/agent.ts'
import { Repetition } from './repetition.ts'

interface AttachmentOptions {
  readonly agent: UserAgent
  readonly clock: Clock
  /** URI of the MME. */
  readonly mme: string
  /** Identifier of the device, under which it attaches anew where its attachment was lost. */
  readonly device: string
  readonly capabilities: NonNullable<AttachRequest['capabilities']>
}

interface AttachmentListener {
  /** Each temporary identifier. */
  temporary(temporary: string): void
  /** Attached anew: questions under the identifier before have to be asked again. */
  reattached(): void
}

export class Attachment {
  private readonly options: AttachmentOptions
  private readonly listener: AttachmentListener
  private watching: WatchHandle | undefined
  private known: string | undefined
  private attached = false
  private closed = false
  private lost = false
  private readonly repetition: Repetition

  constructor(options: AttachmentOptions, listener: AttachmentListener) {
    this.options = options
    this.repetition = new Repetition(options.clock)
    this.listener = listener
  }
  get mme(): string {
    return this.options.mme
  }
  /** Undefined before the first word of the MME, and after the end. */
  get temporary(): string | undefined {
    return this.known
  }

  /**
   * Resolves with the first temporary identifier, or the status of a refusal. @param former where it was attached before;
   * said once, since that MME lets it go.
   */
  open(former?: AttachRequest['former']): Promise<string | number> {
    const { device, capabilities } = this.options
    return new Promise((resolve) => {
      const request = (): AttachRequest =>
        former === undefined || this.attached ? { device, capabilities } : { capabilities, former }
      this.subscribe(request, resolve)
    })
  }
  private subscribe(request: () => AttachRequest, settled: (answer: string | number) => void): void {
    const { agent, mme } = this.options
    this.watching = agent.subscribe(
      {
        to: mme,
        event: 'attach',
        accept: [mediaType('attach-state')],
        expires: 3600,
        body: () => bodyOf('attach-request', request()),
      },
      {
        notified: (notified) => {
          if (notified.body.length === 0) return
          const { value } = readBody(notified, 'attach-state')
          if (value === undefined || value.temporary === this.known) return
          this.learn(value.temporary)
          settled(value.temporary)
        },
        ended: (status) => {
          this.known = undefined
          settled(status)
          if (this.attached && !this.closed) this.attachAfter(status)
        },
      },
    )
  }
  private learn(temporary: string): void {
    this.known = temporary
    this.attached = true
    this.repetition.end()
    this.listener.temporary(temporary)
    if (!this.lost) return
    this.lost = false
    this.listener.reattached()
  }
  /** The MME has lost it, or could not be reached (TS 24.301 §5.5.1: a UE that is detached attaches). */
  private attachAfter(status: number): void {
    const { device, capabilities } = this.options
    const request = (): AttachRequest => ({ device, capabilities })
    if (this.repetition.after(status, () => this.subscribe(request, () => undefined))) this.lost = true
  }
  close(): void {
    this.closed = true
    this.repetition.end()
    this.watching?.unsubscribe()
  }
}
