/** Connections of UEs to an MSC (SPEC §8.1, FIG 4): asked for before anything else, and over when released or idle. */
import type { Host, Timer } from '../../signalling/index.ts'

const idleFor = 30_000 // milliseconds
const atMost = 100_000 // beyond that the oldest ends

export class ConnectionManagement {
  private readonly host: Host
  private readonly timers = new Map<string, Timer>()

  constructor(host: Host) {
    this.host = host
    host.gauge('connections', () => this.timers.size)
  }
  connect(target: string): void {
    this.release(target)
    if (this.timers.size >= atMost) this.release(this.timers.keys().next().value!)
    this.timers.set(
      target,
      this.host.clock.after(idleFor, () => this.timers.delete(target)),
    )
  }
  /** It is not idle. False: there is none. */
  use(target: string): boolean {
    const isThere = this.timers.has(target)
    if (isThere) this.connect(target)
    return isThere
  }
  release(target: string): void {
    this.timers.get(target)?.cancel()
    this.timers.delete(target)
  }
  stop(): void {
    for (const target of [...this.timers.keys()]) this.release(target)
  }
}
