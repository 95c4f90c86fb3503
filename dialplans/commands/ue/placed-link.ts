/** The air of a local network with places on it. Each frame says where its sender stands; one from out of range is not heard. */
import { type AirLink, metresBetween, type Position, simulatedAir } from '../../../elements/air/index.ts'
import type { Clock } from '../../../signalling/index.ts'

/** A wire has no distance; this gives it one. Frames without a place are heard everywhere. */
export function placedLink(link: AirLink, position: Position, clock: Clock): AirLink {
  const { range } = simulatedAir({ clock })
  return {
    send: (bytes) => {
      const frame = JSON.parse(Buffer.from(bytes).toString()) as object
      link.send(Buffer.from(JSON.stringify({ ...frame, at: position })))
    },
    onMessage: (listener) =>
      link.onMessage((bytes) => {
        const from = placeOf(bytes)
        if (from === undefined || metresBetween(from, position) <= range) listener(bytes)
      }),
    close: () => link.close?.(),
  }
}

function placeOf(bytes: Uint8Array): Position | undefined {
  try {
    const { at } = JSON.parse(Buffer.from(bytes).toString()) as { readonly at?: Partial<Position> }
    const { latitude, longitude } = at ?? {}
    return typeof latitude === 'number' && typeof longitude === 'number' ? { latitude, longitude } : undefined
  } catch {
    return undefined // noise; the reader of frames ignores it
  }
}
