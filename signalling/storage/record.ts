/** An entry as bytes: version and expiry as two doubles, then the value as JSON. */
import type { Json, StoreEntry } from './store.ts'

const head = 16

/** @param expires milliseconds since the epoch */
export function encodeRecord(value: Json, version: number, expires: number | undefined): Buffer {
  const text = JSON.stringify(value)
  const bytes = Buffer.allocUnsafe(head + Buffer.byteLength(text))
  bytes.writeDoubleLE(version, 0)
  bytes.writeDoubleLE(expires ?? 0, 8)
  bytes.write(text, head)
  return bytes
}

/** @param length bytes of the record, where the buffer is longer */
export function decodeRecord(bytes: Buffer, length: number = bytes.length): StoreEntry {
  const version = bytes.readDoubleLE(0)
  const expires = bytes.readDoubleLE(8)
  const value = JSON.parse(bytes.toString('utf8', head, length)) as Json
  return expires === 0 ? { value, version } : { value, version, expires }
}

export function recordVersion(bytes: Buffer): number {
  return bytes.readDoubleLE(0)
}

/** Whether the record is gone at `now`; one without expiry never is. */
export function recordExpired(bytes: Buffer, now: number): boolean {
  const expires = bytes.readDoubleLE(8)
  return expires !== 0 && expires <= now
}
