/**
 * Codes that a UE has heard and not yet reported (SPEC §3.2). They gather in a window; a code is reported again only
 * after a refresh interval.
 */

import type { HeardBroadcast } from '../../shared/values/heard.ts'

export class ReportBatch {
  /** Milliseconds before a code is reported again. */
  refresh: number
  private readonly pending = new Map<string, HeardBroadcast>()
  private readonly reported = new Map<string, number>()

  constructor(refresh: number) {
    this.refresh = refresh
  }
  /** True if this is the first of a new batch: the window starts now. */
  add(heard: HeardBroadcast): boolean {
    const last = this.reported.get(heard.code)
    if (last !== undefined && heard.at - last < this.refresh) return false
    const first = this.pending.size === 0
    this.pending.set(heard.code, heard)
    return first
  }
  /** The batch, which counts as reported from now on. */
  takeAsReported(): readonly HeardBroadcast[] {
    const batch = [...this.pending.values()]
    for (const { code, at } of batch) this.reported.set(code, at)
    this.pending.clear()
    this.forget()
    return batch
  }
  /** The report was not taken: its codes may be reported again at once. */
  undo(batch: readonly HeardBroadcast[]): void {
    for (const { code } of batch) this.reported.delete(code)
  }
  private forget(): void {
    if (this.reported.size < 10_000) return
    const newest = Math.max(...this.reported.values())
    for (const [code, at] of this.reported) if (newest - at > 2 * this.refresh) this.reported.delete(code)
  }
}
