/** The last messages, in memory. */
import type { Tap, TappedMessage } from './tap.ts'

export interface MemoryTap extends Tap {
  /** Oldest first; a new array each time. */
  readonly messages: readonly TappedMessage[]
  clear(): void
}

/** Keeps copies of the last `limit` messages. */
export function memoryTap(limit: number): MemoryTap {
  const ring: TappedMessage[] = []
  let oldest = 0
  return {
    message(message) {
      const kept = { ...message, bytes: Uint8Array.from(message.bytes) }
      if (ring.length < limit) ring.push(kept)
      else if (limit > 0) {
        ring[oldest] = kept
        oldest = (oldest + 1) % limit
      }
    },
    get messages() {
      return [...ring.slice(oldest), ...ring.slice(0, oldest)]
    },
    clear() {
      ring.length = 0
      oldest = 0
    },
  }
}
