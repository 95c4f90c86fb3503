/** A link in memory: every frame reaches every end, its sender's included, a tick later. */
import type { Clock } from '../../signalling/index.ts'
import type { AirLink } from './multicast.ts'

/** Makes ends of one shared link. */
export function memoryLink(clock: Clock): () => AirLink {
  const ends = new Set<(bytes: Uint8Array) => void>()
  return () => {
    let ownListener: ((bytes: Uint8Array) => void) | undefined
    return {
      send: (bytes) =>
        clock.soon(() => {
          for (const end of [...ends]) end(bytes)
        }),
      onMessage: (listener) => {
        ownListener = listener
        ends.add(listener)
      },
      close: () => {
        if (ownListener !== undefined) ends.delete(ownListener)
      },
    }
  }
}
