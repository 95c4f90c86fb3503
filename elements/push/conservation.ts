/** Conservation (SPEC §5.6): what a Push server has accepted is delivered, ended in a known way, or waits. Counted in copies. */
import type { Host } from '../../signalling/index.ts'
import type { MessageStore } from './message-store.ts'

const ways = ['delivered', 'expired', 'refused', 'replaced', 'withdrawn'] as const
type EndedWay = (typeof ways)[number]

/** The sums of this process, and what its store has. */
export interface PushAudit {
  /** Copies found at the start, and accepted since. */
  readonly found: number
  readonly accepted: number
  /** Copies that have ended since, each way. */
  readonly ended: { readonly [way in EndedWay]: number }
  /** Copies that wait by these counters, in memory and in the store. */
  readonly waiting: number
  readonly inMemory: number
  readonly inStore: number
  /** Sentences for people, one a difference; none: all is accounted for. */
  readonly differences: readonly string[]
}

const looks = 5
const pause = 200 // milliseconds between two looks, while writes are under way

export class Conservation {
  /** The host, whose counts of copies are summed here too. */
  readonly host: Host
  private readonly counts = new Map<string, number>()
  private found = 0

  constructor(host: Host) {
    const count = (name: string, by = 1): void => {
      if (name.startsWith('copies_')) this.counts.set(name, (this.counts.get(name) ?? 0) + by)
      host.count(name, by)
    }
    this.host = Object.create(host, { count: { value: count } }) as Host
  }
  /** Copies that an earlier process has left. */
  begin(found: number): void {
    this.found = found
  }

  async audit(store: MessageStore): Promise<PushAudit> {
    for (let look = 1; ; look++) {
      const seen = await this.look(store)
      if (seen.differences.length === 0 || look >= looks) return seen
      await new Promise<void>((resolve) => this.host.clock.after(pause, resolve))
    }
  }
  private async look(store: MessageStore): Promise<PushAudit> {
    const { copies, messages } = await store.stored()
    const sum = (name: string): number => this.counts.get(`copies_${name}`) ?? 0
    const ended = Object.fromEntries(ways.map((way) => [way, sum(way)])) as PushAudit['ended']
    const accepted = sum('accepted')
    const waiting = this.found + accepted - ways.reduce((total, way) => total + ended[way], 0)
    const [inMemory, inStore] = [store.size, copies.length]
    const orphans = copies.filter(({ message }) => !messages.has(message)).length
    const copied = new Set(copies.map(({ message }) => message))
    const bare = [...messages].filter((id) => !copied.has(id)).length
    const differences = [
      ...(waiting === inMemory ? [] : [`by the counters ${waiting} copies wait, in memory ${inMemory}`]),
      ...(inMemory === inStore ? [] : [`in memory ${inMemory} copies wait, in the store ${inStore}`]),
      ...(orphans === 0 ? [] : [`${orphans} copies in the store have no message`]),
      ...(bare === 0 ? [] : [`${bare} messages in the store have no copy`]),
    ]
    return { found: this.found, accepted, ended, waiting, inMemory, inStore, differences }
  }
}
