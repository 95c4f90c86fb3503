/** Who must broadcast now (SPEC §3.1, FIG 11 step 1103): always, or only while somebody listens. */

export interface AnnounceView {
  readonly mode: 'permanent' | 'when-monitored'
  /** A live discoverer has the device on its list by configuration or trigger. */
  readonly monitored: boolean
  /** A set query has asked that the device be woken. */
  readonly woken: boolean
}

export function mustAnnounce({ mode, monitored, woken }: AnnounceView): boolean {
  return mode === 'permanent' || monitored || woken
}

/** Counts who keeps a device awake. */
export class Wakes {
  private readonly counts = new Map<string, number>()

  wake(device: string): void {
    this.counts.set(device, (this.counts.get(device) ?? 0) + 1)
  }

  sleep(device: string): void {
    const count = this.counts.get(device) ?? 0
    if (count > 1) this.counts.set(device, count - 1)
    else this.counts.delete(device)
  }

  awake(device: string): boolean {
    return this.counts.has(device)
  }
}
