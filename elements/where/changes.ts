/** Changes of privacy that senders have asked for: durable once they have been accepted, carried out in their order. */
import type { Host, Json } from '../../signalling/index.ts'
import { InTurn } from '../shared/state/in-turn.ts'
import { Kept } from '../shared/state/kept.ts'

/** A command that changes its sender's rules, as it came. */
export interface AcceptedChange {
  readonly [member: string]: Json | undefined
  /** Canonical URIs: of the sender as he has signed in, and of his record. */
  readonly sender: string
  readonly target: string
  readonly callId: string
  readonly cseq: number
  readonly text: string
  /** Milliseconds since the epoch at which it came: times of the day are the next after that. */
  readonly at: number
  /** Of `stop`: the request that has that number for its sender, and whose it is in words. */
  readonly request?: string
  readonly whose?: string
}

interface NumberedChange extends AcceptedChange {
  /** Its place among all that came. */
  readonly number: number
}

interface ChangesParts {
  readonly host: Host
  /** Resolves when the sender has been told. Never rejects. */
  readonly carryOut: (change: AcceptedChange) => Promise<void>
}

export class Changes {
  private readonly parts: ChangesParts
  private readonly kept: Kept<NumberedChange>
  private readonly turns = new InTurn()
  private last = 0
  private isStopped = false

  constructor(parts: ChangesParts) {
    const { host } = parts
    this.parts = parts
    this.kept = new Kept<NumberedChange>(host, { prefix: `where/${host.name}/change/`, noun: 'a change of privacy' })
    host.gauge('changes', () => this.kept.size)
  }
  /** Goes on with those of an earlier process. */
  async load(): Promise<void> {
    await this.kept.load()
    for (const change of [...this.kept.values()].sort((a, b) => a.number - b.number)) {
      this.last = Math.max(this.last, change.number)
      void this.carryOut(change)
    }
  }
  stop(): Promise<void> {
    this.isStopped = true
    return this.kept.stop()
  }
  /** Resolves when it is durable. One that came before is not taken twice. */
  async take(change: AcceptedChange): Promise<void> {
    const key = keyOf(change)
    if (this.kept.get(key) !== undefined) return
    const numbered = { ...change, number: ++this.last }
    await this.kept.put(key, numbered)
    void this.carryOut(numbered)
  }
  get size(): number {
    return this.kept.size
  }
  private carryOut(change: NumberedChange): Promise<void> {
    return this.turns.run(change.target, async () => {
      if (this.isStopped) return
      await this.parts.carryOut(change)
      if (!this.isStopped) await this.kept.expel(keyOf(change))
    })
  }
}

function keyOf({ callId, cseq, sender }: AcceptedChange): string {
  return `${sender} ${callId} ${cseq}`
}
