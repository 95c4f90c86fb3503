/** Asks the HSS again about subscribers, a few at a time: after a restart, or where its feed had a gap. */
import type { Host } from '../../../signalling/index.ts'
import type { ChangeListener, Subscribers } from './subscribers.ts'

const atATime = 32
const retryAfter = 5000 // milliseconds, where the HSS did not answer

export class Rechecks {
  private readonly host: Host
  private readonly subscribers: Subscribers
  private readonly found: ChangeListener
  private readonly waiting = new Set<string>()
  private running = 0
  private stopped = false

  /** `found` is given each record, or undefined for a device that is no subscriber any more. */
  constructor(host: Host, subscribers: Subscribers, found: ChangeListener) {
    this.host = host
    this.subscribers = subscribers
    this.found = found
  }
  get size(): number {
    return this.waiting.size
  }

  add(device: string): void {
    if (this.stopped) return
    this.waiting.add(device)
    this.pump()
  }

  stop(): void {
    this.stopped = true
    this.waiting.clear()
  }

  private pump(): void {
    for (const device of this.waiting) {
      if (this.running >= atATime) return
      this.waiting.delete(device)
      this.running++
      void this.check(device).finally(() => {
        this.running--
        this.pump()
      })
    }
  }

  private async check(device: string): Promise<void> {
    try {
      const record = await this.subscribers.lookup(device)
      if (!this.stopped) this.found(device, record)
    } catch (fault) {
      this.host.log.warn({ device, fault: String(fault) }, 'a subscriber is not checked again now: the HSS does not answer')
      this.host.clock.after(retryAfter, () => this.add(device))
    }
  }
}
