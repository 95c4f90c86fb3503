/**
 * A line in which requests wait for their turn: first come, first served. Each turn of the event loop serves as many
 * as it has time for.
 */
import type { Clock } from '../clock.ts'
import type { SipRequest } from '../messages/message.ts'
import type { Flow } from '../transports/transport.ts'

/** A datagram that nobody has read, or a request that has been. */
export type WaitingRequest = Buffer | SipRequest

interface WaitingLineOptions {
  readonly clock: Clock
  /** Serves the request whose turn it is. */
  readonly serve: (waiting: WaitingRequest, flow: Flow) => void
  /** Called after each turn, served or not. */
  readonly served: () => void
}

// a turn takes half as long as all other work since the one before, in milliseconds: exchanges under way go first, but not alone
const turn = { share: 0.5, least: 0.5, most: 2 }

interface WaitingEntry {
  readonly waiting: WaitingRequest
  readonly flow: Flow
}

export class WaitingLine {
  /** Number of datagrams that may wait; as many requests that came by connections may, too. */
  room = 0
  /** When nobody waited last, by the clock. */
  emptyAt = 0
  private readonly options: WaitingLineOptions
  private entries: WaitingEntry[] = []
  private head = 0
  private datagrams = 0
  private endedAt = 0

  constructor(options: WaitingLineOptions) {
    this.options = options
  }
  get length(): number {
    return this.entries.length - this.head
  }
  /** Room that is left; below 0: more wait than may. */
  roomFor({ reliable }: Pick<Flow, 'reliable'>): number {
    return this.room - (reliable ? this.length - this.datagrams : this.datagrams)
  }
  join(waiting: WaitingRequest, flow: Flow): void {
    if (this.length === 0) this.options.clock.soon(this.take)
    if (!flow.reliable) this.datagrams++
    this.entries.push({ waiting, flow })
  }
  /** One turn. */
  private readonly take = (): void => {
    const { clock, serve, served } = this.options
    const now = clock.now()
    const end = now + Math.min(turn.most, Math.max(turn.least, turn.share * (now - this.endedAt)))
    try {
      while (this.length > 0) {
        const { waiting, flow } = this.next()
        serve(waiting, flow)
        if (clock.now() >= end) break
      }
    } finally {
      this.endedAt = clock.now()
      if (this.length > 0) clock.soon(this.take)
      else this.emptyAt = this.endedAt
      served()
    }
  }
  private next(): WaitingEntry {
    const entry = this.entries[this.head++]!
    if (!entry.flow.reliable) this.datagrams--
    if (this.head === this.entries.length || this.head >= 1024) {
      this.entries = this.entries.slice(this.head)
      this.head = 0
    }
    return entry
  }
}
