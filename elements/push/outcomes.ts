/** Outcomes of messages that applications have sent over HTTP (SPEC §5.9): what became of each, told for some hours. */
import type { Host, Json } from '../../signalling/index.ts'
import { Kept } from '../shared/state/kept.ts'
import type { KeptChange } from '../shared/state/kept-change.ts'
import type { PushMessage } from './push-message.ts'

export type MessageState = 'stored' | 'delivered' | 'expired' | 'replaced' | 'failed' | 'withdrawn'

interface Outcome {
  readonly [member: string]: Json | undefined
  readonly application: string
  readonly source: string
  readonly state: MessageState
  /** The message at this server, and whom it is for; absent: another server has it. */
  readonly message?: string
  readonly subscriber?: string
  /** Milliseconds since the epoch. */
  readonly until: number
}

const keptFor = 21_600_000 // milliseconds beyond the last change
const most = 100_000

export class MessageOutcomes {
  private readonly host: Host
  private readonly kept: Kept<Outcome>
  /** Sources of messages that are being sent, by their Call-IDs. */
  private readonly underWay = new Map<string, string>()

  constructor(host: Host) {
    this.host = host
    this.kept = new Kept<Outcome>(host, {
      prefix: `push/${host.name}/outcome/`,
      noun: 'the outcome of a message',
      expires: ({ until }) => until,
      ended: 'lapse',
    })
    host.gauge('outcomes', () => this.kept.size)
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }

  get(callId: string): Outcome | undefined {
    return this.kept.get(callId)
  }
  /** From now on its outcome is kept, should it be stored here. */
  expect(callId: string, source: string): void {
    this.underWay.set(callId, source)
  }
  /** It has been answered: delivered, or stored here or elsewhere; undefined: refused. */
  async settle(callId: string, application: string, state: 'stored' | 'delivered' | undefined): Promise<void> {
    const source = this.underWay.get(callId) ?? ''
    this.underWay.delete(callId)
    const known = this.kept.get(callId)
    if (state === undefined || (known !== undefined && state === 'stored')) return
    this.makeRoom()
    const until = this.host.clock.date() + keptFor
    await this.kept.put(callId, { ...(known ?? { application, source }), state, until })
  }
  /** The change to write with an event of a message; empty: nobody asks for it. */
  changesFor({ application, callId, expires, id, source, subscriber }: PushMessage, state: MessageState): readonly KeptChange[] {
    const known = this.kept.get(callId)
    if ((known?.source ?? this.underWay.get(callId)) !== source || known?.state === 'delivered') return []
    const from = state === 'stored' ? Math.max(expires, this.host.clock.date()) : this.host.clock.date()
    if (known === undefined) this.makeRoom()
    return [this.kept.putting(callId, { application, source, state, message: id, subscriber, until: from + keptFor })]
  }
  /** The oldest goes. */
  private makeRoom(): void {
    if (this.kept.size < most) return
    const [oldest] = this.kept.entries()
    if (oldest !== undefined) void this.kept.expel(oldest[0])
  }
}
