/** One tap that is several. */
import type { Tap } from './tap.ts'

/** Undefined for none, so that the engine goes on calling nothing. Closing it closes all. */
export function fanTap(taps: readonly Tap[]): Tap | undefined {
  if (taps.length < 2) return taps[0]
  return {
    message(message) {
      for (const tap of taps) tap.message(message)
    },
    async close() {
      await Promise.all(taps.map((tap) => tap.close?.()))
    },
  }
}
