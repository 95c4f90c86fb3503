/** Decisions of a Push server about messages and wakes, each with the rule that made it: the newest of each user, for `push why`. */
import type { Host } from '../../signalling/index.ts'

interface Decision {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Name of the rule, one word: `stored`, `source`, `wake-sent`. */
  readonly rule: string
  /** For people. */
  readonly text: string
  /** Answer to the sender, where it was one. */
  readonly status?: number
  /** User that it is about: canonical address, or the user part of a destination that is nobody's. */
  readonly user: string
  readonly identifier?: string
  readonly source?: string
  readonly application?: string
  readonly callId?: string
}

const perUser = 100
const users = 5000

export class Decisions {
  private readonly host: Pick<Host, 'clock'>
  /** The user about whom something was decided last stands last. */
  private readonly byUser = new Map<string, Decision[]>()

  constructor(host: Pick<Host, 'clock' | 'gauge'>) {
    this.host = host
    host.gauge('decisions', () => [...this.byUser.values()].reduce((sum, { length }) => sum + length, 0))
  }
  note(decision: Omit<Decision, 'at'>): void {
    const own = this.byUser.get(decision.user) ?? []
    own.push({ at: this.host.clock.date(), ...decision })
    if (own.length > perUser) own.shift()
    this.byUser.delete(decision.user)
    this.byUser.set(decision.user, own)
    if (this.byUser.size > users) this.byUser.delete(this.byUser.keys().next().value!)
  }
  /** About a user, or about what has that identifier or Call-ID, oldest first. @param names of one user */
  about(names: readonly string[]): readonly Decision[] {
    const own = [...new Set(names)].flatMap((name) => this.byUser.get(name) ?? [])
    if (own.length > 0) return own.toSorted((a, b) => a.at - b.at)
    const all = [...this.byUser.values()].flat()
    return all.filter(({ callId, identifier }) => names.some((name) => name === identifier || name === callId))
  }
}
