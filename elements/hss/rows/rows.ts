/** Subscribers in bulk, as files and request bodies bring them: CSV (RFC 4180) or JSON lines. A row that is wrong is told and passed over. */
import { isUtf8 } from 'node:buffer'
import { readCsv } from './csv.ts'
import { longestRow, RowsFault, type SubscriberRow } from './row.ts'

export type RowFormat = 'csv' | 'jsonl'

/** Media type -> format. */
export const formats: { readonly [type: string]: RowFormat } = {
  'application/x-ndjson': 'jsonl',
  'application/jsonl': 'jsonl',
  'text/csv': 'csv',
}

const lineFeed = 10

/** Rows in pages of about `page`. Rejects with `RowsFault`, or with the fault of the bytes' source. */
export function readRows(
  bytes: AsyncIterable<Uint8Array>,
  format: RowFormat,
  page: number,
): AsyncIterable<readonly SubscriberRow[]> {
  return format === 'csv' ? readCsv(bytes, page) : readJsonLines(bytes, page)
}

async function* readJsonLines(bytes: AsyncIterable<Uint8Array>, page: number): AsyncGenerator<readonly SubscriberRow[]> {
  let rows: SubscriberRow[] = []
  let line = 0
  for await (const text of linesOf(bytes)) {
    line++
    if (text.length === 0 || text.every(isSpace)) continue
    rows.push(readLine(text, line))
    if (rows.length < page) continue
    yield rows
    rows = []
  }
  if (rows.length > 0) yield rows
}

function readLine(bytes: Buffer, line: number): SubscriberRow {
  if (!isUtf8(bytes)) return { line, fault: { pointer: '', detail: 'is not UTF-8' } }
  try {
    return { line, settings: JSON.parse(bytes.toString('utf8').replace(/^\ufeff/, '')) }
  } catch (fault) {
    return { line, fault: { pointer: '', detail: `is not JSON: ${fault instanceof Error ? fault.message : 'malformed'}` } }
  }
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 13
}

/** Without their ends; bounded. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  let count = 0
  for await (const chunk of bytes) {
    const text = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk])
    let start = 0
    for (let end = text.indexOf(lineFeed); end >= 0; end = text.indexOf(lineFeed, start)) {
      count++
      yield text.subarray(start, end)
      start = end + 1
    }
    rest = Buffer.from(text.subarray(start))
    if (rest.length > longestRow) throw new RowsFault(count + 1, `is longer than ${longestRow} bytes`)
  }
  if (rest.length > 0) yield rest
}
