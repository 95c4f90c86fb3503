/** Refresh wakes (SPEC §5.8): a device that can be woken is asked to register before its binding ends, and again until it does. */
import type { Clock } from '../../../signalling/index.ts'
import { KeyedDeadlines } from '../../shared/state/keyed-deadlines.ts'
import type { DeviceBinding } from '../device-binding.ts'

interface RefreshPlan {
  readonly expires: number
  /** Milliseconds since the epoch. */
  at: number
  tries: number
}

const margin = 120_000 // milliseconds before expiry at the latest (RFC 8599 §5.5)
const share = 0.9 // of a long binding
const pauses = [60_000, 300_000, 1_800_000, 7_200_000] // milliseconds behind each try; the last stays

export class RefreshWakes {
  private readonly clock: Clock
  private readonly deadlines: KeyedDeadlines<string>
  private readonly plans = new Map<string, RefreshPlan>()

  /** @param due is told of a device whose binding is to be refreshed, by its name */
  constructor(clock: Clock, due: (device: string) => void) {
    this.clock = clock
    this.deadlines = new KeyedDeadlines<string>(
      clock,
      (device) => this.plans.get(device)?.at,
      (devices) => {
        for (const device of devices) if (this.goOn(device)) due(device)
      },
    )
  }
  get size(): number {
    return this.plans.size
  }
  /** The device has registered, or is known from before a restart. */
  plan(device: string, { expires, waking }: DeviceBinding): void {
    if (waking === undefined) return void this.plans.delete(device)
    const first = Math.min(expires - margin, waking.since + share * (expires - waking.since))
    const at = Math.max(first, this.clock.date())
    this.plans.set(device, { expires, at, tries: 0 })
    this.deadlines.add(device, at)
  }
  forget(device: string): void {
    this.plans.delete(device)
  }
  stop(): void {
    this.deadlines.stop()
    this.plans.clear()
  }

  /** False: its binding has ended meanwhile. */
  private goOn(device: string): boolean {
    const plan = this.plans.get(device)
    const now = this.clock.date()
    if (plan === undefined || plan.expires <= now) {
      this.plans.delete(device)
      return false
    }
    plan.at = now + pauses[Math.min(plan.tries++, pauses.length - 1)]!
    this.deadlines.add(device, plan.at)
    return true
  }
}
