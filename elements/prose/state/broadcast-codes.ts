/** Broadcast codes (SPEC §2.1): 184 random bits, unique among live ones, unlinkable, expiring, found again by index. */
import type { Ids } from '../../../signalling/index.ts'
import type { RecordTable } from '../../shared/state/records-in-force.ts'

export interface BroadcastCode {
  /** 46 lower-case hex digits. */
  readonly text: string
  /** Canonical key of the device that announces it. */
  readonly device: string
  /** Milliseconds since the epoch. */
  readonly issued: number
  /** From then on it counts as unknown (SPEC §3.2). */
  readonly validUntil: number
}

export class BroadcastCodes implements RecordTable<string, BroadcastCode> {
  private readonly ids: Ids
  private readonly lifetime: number
  private readonly grace: number
  private readonly live = new Map<string, BroadcastCode>()

  /** Durations in milliseconds; old and new code overlap for `grace`. */
  constructor(ids: Ids, lifetime: number, grace: number) {
    this.ids = ids
    this.lifetime = lifetime
    this.grace = grace
  }

  get size(): number {
    return this.live.size
  }

  /** A new code that no live one equals; it counts once it is in force. */
  issue(device: string, now: number): BroadcastCode {
    let text = this.ids.hex(23)
    while (this.live.has(text)) text = this.ids.hex(23)
    return { text, device, issued: now, validUntil: now + this.lifetime }
  }

  get(text: string): BroadcastCode | undefined {
    return this.live.get(text)
  }

  set(text: string, code: BroadcastCode): void {
    this.live.set(text, code)
  }

  delete(text: string): boolean {
    return this.live.delete(text)
  }

  entries(): Iterable<readonly [string, BroadcastCode]> {
    return this.live
  }

  clear(): void {
    this.live.clear()
  }

  /** A live code; expired ones are as unknown as codes never given. */
  find(text: string, now: number): BroadcastCode | undefined {
    const code = this.live.get(text)
    return code !== undefined && code.validUntil > now ? code : undefined
  }

  /** When its successor is due, milliseconds since the epoch. */
  rotateAt(code: BroadcastCode): number {
    return code.validUntil - this.grace
  }
}
