/** Charging records as they lie in files: JSON lines, one file a day (SPEC §6.2). */
import { closeSync, openSync, readSync } from 'node:fs'
import type { Charge } from '../schemas/index.ts'

/** One line. `seq` counts the records of this PCRF from 1 over all files, `number` those of the source. */
export interface ChargingRecord extends Charge {
  readonly seq: number
  /** The element and the life of its store, e.g. `prose/k3J9x0aB`. */
  readonly source: string
}

const filePattern = /^charging-\d{4}-\d\d-\d\d\.jsonl$/

/** Of the UTC day of that moment. */
export function fileOf(at: number): string {
  return `charging-${new Date(at).toISOString().slice(0, 10)}.jsonl`
}

export function isRecordFile(name: string): boolean {
  return filePattern.test(name)
}

/** Undefined: the line is none. */
export function parseRecord(line: string): ChargingRecord | undefined {
  try {
    const record = JSON.parse(line) as ChargingRecord | null
    return typeof record?.seq === 'number' && typeof record.number === 'number' && typeof record.source === 'string'
      ? record
      : undefined
  } catch {
    return undefined // the reader of the file says where
  }
}

interface RecordLine {
  readonly text: string
  /** Bytes from the beginning of the file to behind the line. */
  readonly end: number
  /** It has its line feed; the last one may have been cut off. */
  readonly whole: boolean
}

const chunkSize = 1 << 18

/** The lines of a file from a byte on, in constant memory. Throws the fault of the operating system. */
export function* linesOf(path: string, from = 0): Generator<RecordLine> {
  const file = openSync(path, 'r')
  try {
    const chunk = Buffer.alloc(chunkSize)
    let rest = Buffer.alloc(0)
    let end = from
    for (let at = from; ; ) {
      const count = readSync(file, chunk, 0, chunkSize, at)
      if (count === 0) break
      at += count
      const bytes = rest.length === 0 ? chunk.subarray(0, count) : Buffer.concat([rest, chunk.subarray(0, count)])
      let start = 0
      for (let feed = bytes.indexOf(10); feed >= 0; feed = bytes.indexOf(10, start)) {
        end += feed + 1 - start
        yield { text: bytes.toString('utf8', start, feed), end, whole: true }
        start = feed + 1
      }
      rest = Buffer.from(bytes.subarray(start))
    }
    if (rest.length > 0) yield { text: rest.toString('utf8'), end: end + rest.length, whole: false }
  } finally {
    closeSync(file)
  }
}
