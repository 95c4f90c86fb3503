/** The radio medium (SPEC §7): not SIP. A code that is announced is heard by every listener near the announcer. */
import type { HeardBroadcast } from '../shared/values/heard.ts'

/** WGS 84, degrees. */
export interface Position {
  readonly latitude: number
  readonly longitude: number
}

/** Every implementation passes `test/contracts/air.ts`. Devices are names of the caller's choice. */
export interface Air {
  /** Broadcasts that code, in place of any other, until told otherwise; undefined: falls silent. */
  announce(device: string, code: string | undefined): void
  /** Tells of every code of another device in range, each discovery period. Returns the way to stop. */
  hear(device: string, listener: (heard: HeardBroadcast) => void): () => void
  /** Only where positions mean something. */
  move?(device: string, position: Position): void
  /** Falls silent and deaf for good. */
  close(): void
}
