/** Subscribers as CSV: the first line names the columns, lists are separated by spaces. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type CsvError, parse } from 'csv-parse'
import { longestRow, type RowFault, RowsFault, type SubscriberRow } from './row.ts'

/** The columns that there may be; `servers` are written `application=uri`. */
const columns = ['id', 'password', 'md5', 'sha256', 'discoverable', 'discoverer', 'aliases', 'friends', 'servers'] as const
const needed: readonly Column[] = ['id', 'discoverable', 'discoverer']

type Column = (typeof columns)[number]
type Cells = { readonly [column in Column]?: string }

interface CsvField {
  readonly record: readonly string[]
  readonly info: { readonly lines: number }
}

/** Rows in pages of about `page`. */
export async function* readCsv(bytes: AsyncIterable<Uint8Array>, page: number): AsyncGenerator<readonly SubscriberRow[]> {
  const skipped: SubscriberRow[] = []
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: longestRow,
    on_skip: (fault) => void skipped.push(skippedRow(fault)),
  })
  const source = pipeline(Readable.from(bytes, { objectMode: false }), parser)
  source.catch(() => undefined) // the reader of the rows is told
  let header: readonly Column[] | undefined
  let rows: SubscriberRow[] = []
  for await (const { record, info } of parser as AsyncIterable<CsvField>) {
    if (header === undefined) header = headerOf(record)
    else rows.push(rowOf(header, record, info.lines - breaks(record)))
    if (rows.length < page) continue
    yield [...rows, ...skipped.splice(0)]
    rows = []
  }
  await source
  if (header === undefined) throw new RowsFault(1, `has no columns; expected ${columns.join(',')}`)
  if (rows.length + skipped.length > 0) yield [...rows, ...skipped]
}

/** Line feeds inside quotes: the line that a row ends on is told, and the one it begins on wanted. */
function breaks(record: readonly string[]): number {
  let count = 0
  for (const cell of record) for (let at = cell.indexOf('\n'); at >= 0; at = cell.indexOf('\n', at + 1)) count++
  return count
}

function skippedRow(fault: CsvError | undefined): SubscriberRow {
  const line = Number(fault?.['lines'] ?? 0)
  return { line, fault: { pointer: '', detail: `is no CSV: ${fault?.message ?? 'malformed'}` } }
}

function headerOf(record: readonly string[]): readonly Column[] {
  const names = record.map((name) => name.trim().toLowerCase())
  const odd = names.find((name) => !(columns as readonly string[]).includes(name))
  if (odd !== undefined) throw new RowsFault(1, `has the column '${odd}'; expected some of ${columns.join(',')}`)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new RowsFault(1, `has the column '${twice}' twice; expected each once`)
  const missing = needed.find((name) => !names.includes(name))
  if (missing !== undefined) throw new RowsFault(1, `has no column '${missing}'; expected ${needed.join(',')} at least`)
  return names as Column[]
}

function rowOf(header: readonly Column[], record: readonly string[], line: number): SubscriberRow {
  if (record.length !== header.length) {
    return { line, fault: { pointer: '', detail: `has ${record.length} cells; expected ${header.length}, one a column` } }
  }
  const cells: Cells = Object.fromEntries(header.map((name, i) => [name, record[i]!]))
  const discoverable = flagOf(cells.discoverable)
  const discoverer = flagOf(cells.discoverer)
  for (const [name, flag] of [['discoverable', discoverable] as const, ['discoverer', discoverer] as const]) {
    if (flag === undefined) return { line, fault: flagFault(name, cells[name]) }
  }
  const grants = listOf(cells.servers)?.map((text) => text.split(/=(.*)/s, 2))
  const odd = grants?.find(([application, uri]) => !application || !uri)
  if (odd !== undefined) return { line, fault: { pointer: '/servers', detail: `is '${odd[0]}'; expected application=uri` } }
  const credentials = cells.md5 || cells.sha256 ? { ...kept('MD5', cells.md5), ...kept('SHA-256', cells.sha256) } : undefined
  const settings = {
    id: cells.id?.trim(),
    permissions: { discoverable, discoverer },
    ...kept('password', cells.password),
    ...kept('credentials', credentials),
    ...kept('aliases', listOf(cells.aliases)),
    ...kept('friends', listOf(cells.friends)),
    ...kept(
      'servers',
      grants?.map(([application, uri]) => ({ uri, application })),
    ),
  }
  return { line, settings }
}

function kept(name: string, value: unknown): object {
  return value === undefined || value === '' ? {} : { [name]: value }
}

function listOf(cell: string | undefined): readonly string[] | undefined {
  return cell === undefined ? undefined : cell.split(/\s+/).filter((text) => text !== '')
}

function flagOf(cell: string | undefined): boolean | undefined {
  const text = cell?.trim().toLowerCase() ?? ''
  if (/^(true|yes|1)$/.test(text)) return true
  return /^(false|no|0)$/.test(text) ? false : undefined
}

function flagFault(name: string, cell = ''): RowFault {
  return { pointer: `/permissions/${name}`, detail: `is '${cell}'; expected true or false` }
}
