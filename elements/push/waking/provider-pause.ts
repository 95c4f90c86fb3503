/** Pause of a provider (SPEC §5.8): after five failures in a row it is left alone for 30 s, then tried with one. */
import type { Clock } from '../../../signalling/index.ts'
import type { ServiceHealth } from './verdict.ts'

interface ProviderHealth {
  failures: number
  /** Milliseconds since the epoch until which it is left alone; 0: it is not. */
  until: number
  /** One request is trying whether it is back. */
  isTried: boolean
}

const failuresInRow = 5
const pause = 30_000 // milliseconds
const remembered = 1000 // services, since anybody may name one

export class ProviderPause {
  private readonly clock: Clock
  private readonly services = new Map<string, ProviderHealth>()

  constructor(clock: Clock) {
    this.clock = clock
  }
  /** Milliseconds until that service may be asked; 0: now, and who asks then tells how it `ended`. */
  waitFor(service: string): number {
    const health = this.services.get(service)
    if (health === undefined || health.until === 0) return 0
    const left = health.until - this.clock.date()
    if (left > 0) return left
    if (health.isTried) return pause
    health.isTried = true
    return 0
  }
  /** A request to it, that `waitFor` allowed, is over. */
  ended(service: string, health: ServiceHealth): void {
    if (health === 'well') return void this.services.delete(service)
    const known = this.services.get(service)
    if (known !== undefined) known.isTried = false
    if (health === 'unknown') return
    const failing = known ?? { failures: 0, until: 0, isTried: false }
    failing.failures++
    if (failing.failures >= failuresInRow) failing.until = this.clock.date() + pause
    this.services.delete(service)
    this.services.set(service, failing)
    if (this.services.size > remembered) this.services.delete(this.services.keys().next().value!)
  }
}
