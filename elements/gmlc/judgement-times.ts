/** Times at which requests are judged with no change of a profile (SPEC §8.2): a rule begins or ends, or the request does. */
import type { Clock } from '../../signalling/index.ts'
import { KeyedDeadlines } from '../shared/state/keyed-deadlines.ts'

export class JudgementTimes {
  private readonly deadlines: KeyedDeadlines<string>
  /** Milliseconds since the epoch, by request. */
  private readonly next = new Map<string, number>()

  /** @param due is given every request whose time has come, once */
  constructor(clock: Clock, due: (requests: readonly string[]) => void) {
    this.deadlines = new KeyedDeadlines<string>(clock, (request) => this.next.get(request), due)
  }
  stop(): void {
    this.deadlines.stop()
  }
  /** @param at milliseconds since the epoch; undefined: never */
  set(request: string, at: number | undefined): void {
    if (at === undefined) this.next.delete(request)
    else {
      this.next.set(request, at)
      this.deadlines.add(request, at)
    }
  }
}
