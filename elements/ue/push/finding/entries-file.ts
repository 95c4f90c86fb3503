/** Files of a terminal with people and applications in them: one of our own (JSON or YAML), CSV, or vCards (SPEC §5.3). */
import { parse as parseCsv } from 'csv-parse/sync'
import { parse as parseYaml } from 'yaml'
import type { LocalEntry } from './entries.ts'
import { isPushIdentifierUri } from './push-uri.ts'
import { cardEntries } from './vcards.ts'

type EntriesFileForm = 'own' | 'csv' | 'vcard'

const columns = ['uri', 'name', 'nickname', 'number', 'address', 'application'] as const
const lists = ['content', 'similar'] as const
const longest = 256 // characters of one value

/** By the ending of a file's name. */
export function entriesFormOf(fileName: string): EntriesFileForm {
  if (/\.csv$/i.test(fileName)) return 'csv'
  return /\.(?:vcf|vcard)$/i.test(fileName) ? 'vcard' : 'own'
}

/** Throws an error with one line for people where the text is not of that form. */
export function readEntries(text: string, form: EntriesFileForm): readonly LocalEntry[] {
  if (form === 'vcard') return cardEntries(text)
  const rows: unknown = form === 'csv' ? csvRows(text) : parseYaml(text)
  const list = Array.isArray(rows) ? rows : (rows as { readonly entries?: unknown } | null)?.entries
  if (!Array.isArray(list)) throw new TypeError('expected a list of entries, or a member `entries` that is one')
  return list.map((row, i) => entryOf(row, `entry ${i + 1}`))
}

function csvRows(text: string): readonly unknown[] {
  const [line = ''] = text.split(/\r?\n/, 1)
  const separator = [';', '\t'].find((each) => line.includes(each)) ?? ','
  const options = { columns: true, delimiter: separator, skip_empty_lines: true, trim: true, bom: true } as const
  return parseCsv<object>(text, { ...options, relax_column_count: true })
}

function entryOf(row: unknown, where: string): LocalEntry {
  if (typeof row !== 'object' || row === null) throw new TypeError(`${where} is no entry; expected uri, name and the like`)
  const values = row as { readonly [column: string]: unknown }
  const entry: { -readonly [Name in keyof LocalEntry]?: LocalEntry[Name] } = {}
  for (const column of columns) {
    const value = textOf(values[column], `${where}, ${column}`)
    if (value !== undefined) entry[column] = column === 'uri' ? pushUriOf(value, where) : value
  }
  for (const column of lists) {
    const value = values[column]
    if (value === undefined || value === '') continue
    const items = Array.isArray(value) ? value : String(value).split(/[\s,]+/)
    entry[column] = items.map((item) => textOf(item, `${where}, ${column}`) ?? '').filter((item) => item !== '')
  }
  if (entry.uri === undefined && entry.application === undefined)
    throw new TypeError(`${where} has neither uri nor application; expected one, such as sip:4f3a9c0b12d47e58@push.example.org`)
  return entry
}

function textOf(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string' && typeof value !== 'number') throw new TypeError(`${where} is no text`)
  const text = String(value)
  if (text.length > longest) throw new TypeError(`${where} has ${text.length} characters; expected ${longest} at most`)
  return text
}

/** A Push identifier at its host. Throws where it is none. */
function pushUriOf(text: string, where: string): string {
  const uri = /^sips?:/i.test(text) ? text : `sip:${text}`
  if (!isPushIdentifierUri(uri)) throw new TypeError(`${where}: ${text} is no Push identifier at its host`)
  return uri
}
