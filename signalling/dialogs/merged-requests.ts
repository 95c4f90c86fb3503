/**
 * Requests that came by several ways (RFC 3261 §8.2.2.2): the second one of a Call-ID, CSeq and From tag is no new one. Known for
 * 64*T1 at least; for less where many come.
 */
import type { Clock } from '../clock.ts'
import type { SipRequest } from '../messages/message.ts'

const lasting = 32_000
const most = 20_000 // in one generation

export class MergedRequests {
  private readonly clock: Clock
  private young = new Set<string>()
  private old = new Set<string>()
  private since = 0

  constructor(clock: Clock) {
    this.clock = clock
  }
  /** Whether that request, for `what`, has come before; from now on it has. */
  isKnown(request: SipRequest, what: string): boolean {
    const key = keyOf(request, what)
    this.turn()
    if (this.young.has(key) || this.old.has(key)) return true
    this.young.add(key)
    return false
  }
  /** Nothing has come of it: it may come again. */
  forget(request: SipRequest, what: string): void {
    const key = keyOf(request, what)
    this.young.delete(key)
    this.old.delete(key)
  }
  private turn(): void {
    const age = this.clock.now() - this.since
    if (age < lasting && this.young.size < most) return
    this.old = age < 2 * lasting ? this.young : new Set()
    this.young = new Set()
    this.since = this.clock.now()
  }
}

function keyOf({ callId, fromTag, cseq }: SipRequest, what: string): string {
  return `${callId}|${fromTag}|${cseq.number}|${what}`
}
