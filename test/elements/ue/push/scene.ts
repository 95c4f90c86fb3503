/** A Push client whose agent is in the hands of a test: MESSAGEs come as the test says, and none leaves. */
import type { AgentBody, IncomingMessage, MessageTaker, UserAgent } from '../../../../elements/ue/agents/agent.ts'
import type { UePushClientOptions } from '../../../../elements/ue/push/push-client.ts'
import { UePushClient } from '../../../../elements/ue/push/push-client.ts'
import { memoryStore, type Store, silent } from '../../../../signalling/index.ts'
import { ManualClock } from '../../../../signalling/testing.ts'

export interface MessageParts {
  readonly source?: string
  /** false: the network vouches for nobody. */
  readonly asserted?: boolean
  readonly callId?: string
  readonly type?: string
  readonly content?: string | Buffer
  readonly application?: string
  readonly headers?: { readonly [name: string]: string }
}

export class PushClientScene {
  readonly clock = new ManualClock()
  readonly store: Store = memoryStore(this.clock)
  /** MESSAGEs that the client has sent. */
  readonly sent: { readonly to: string; readonly body: AgentBody; readonly callId: string | undefined }[] = []
  /** Statuses of their answers; then 200. */
  answers: number[] = []
  client!: UePushClient
  /** REGISTERs of the client. */
  registered = 0
  private taker: MessageTaker = () => undefined
  private count = 0

  async open(options: Partial<UePushClientOptions> = {}): Promise<UePushClient> {
    const agent = {
      identity: 'sip:bob@op-b.example',
      contactParameters: [],
      newCallId: () => `id-${++this.count}-0123456789`,
      takeMessages: (taker: MessageTaker) => {
        this.taker = taker
      },
      message: async (to: string, body: AgentBody, callId?: string) => {
        this.sent.push({ to, body, callId })
        return { status: this.answers.shift() ?? 200, reason: '', warning: undefined }
      },
      register: async () => {
        this.registered++
        return { status: 200, reason: 'OK', warning: undefined }
      },
      subscribe: (_: unknown, listener: { ended(status: number, why: string): void }) => {
        this.clock.soon(() => listener.ended(404, ''))
        return { refresh: () => undefined, unsubscribe: () => undefined }
      },
    } as unknown as UserAgent
    this.client = new UePushClient({ agent, clock: this.clock, log: silent, store: this.store, ...options })
    await this.client.start()
    return this.client
  }
  /** Status that the client answers; undefined: it is not for it. */
  comes(parts: MessageParts = {}): Promise<number> | undefined {
    const { application, callId = `call-${++this.count}`, content = 'hello', headers = {}, type = 'text/plain' } = parts
    const { asserted = true, source = 'sip:0a17c5d2e8b9f604@push.op-a.example' } = parts
    const fields: { readonly [name: string]: string | undefined } = { 'Push-Application': application, ...headers }
    const message: IncomingMessage = {
      ...{ from: source, name: undefined, callId, cseq: 1, fromTag: 't', contentType: type },
      asserted: asserted ? source : undefined,
      body: Buffer.from(content),
      text: (name) => fields[name],
    }
    return this.taker(message)
  }
  pass(seconds: number): Promise<void> {
    return this.clock.advance(seconds * 1000)
  }
}
