/** A state that was too long for the way to its subscriber: how much of it fits, or that nothing is told any more. */
import type { Body, EventPackage, RenderContext, StatePart } from '../element.ts'

/** Seconds after which its subscriber may have another way. */
export const comeAgain = 300
const leastRoom = 1000 // bytes; with less no part is worth a NOTIFY

export class BodyRoom {
  /** Nothing is told, but why. */
  given = false
  /** Bytes that a body may have; undefined: as many as it needs. */
  private room: number | undefined = undefined

  /** As much of a body as there is room for; undefined: all of it, or the package has no parts. */
  partOf(pack: EventPackage, state: unknown, context: RenderContext, body: Body | undefined): StatePart<unknown> | undefined {
    const { room } = this
    if (body === undefined || room === undefined || bytesOf(body) <= room) return undefined
    return pack.part?.(state, { ...context, room })
  }
  /** Whether a body of that size is worth a try; none at all always is. */
  takes(size: number): boolean {
    return size === 0 || this.room === undefined || size <= this.room
  }
  /** A body of that size was too long; nobody may say by how much. False: less of it is not worth a try. */
  shrink(size: number, excess: number | undefined): boolean {
    this.room = size - (excess ?? size >> 1)
    return this.room >= leastRoom
  }
  /** There may be another way now. */
  reset(): void {
    this.room = undefined
  }
}

/** The Warning to a subscriber instead of a state of so many bytes. */
export function unfit(size: number): string {
  return `the state has ${size} bytes, more than a datagram carries: subscribe over TCP, TLS or WebSocket`
}

export function bytesOf({ content }: Body): number {
  return typeof content === 'string' ? Buffer.byteLength(content) : content.length
}
