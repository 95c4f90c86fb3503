/** Generator of the schema of dialplans and the table of elements, from the roles: `npm run types`. A test holds both current. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { roles } from '../../elements/catalogue.ts'
import type { Role } from '../../elements/role.ts'
import shared from '../../elements/shared/values/settings.json' with { type: 'json' }
import general from './general.json' with { type: 'json' }
import { printJson } from './print-json.ts'

/** A generated file, as a path within `dialplans/`, and the text that it should have. */
interface GeneratedPage {
  readonly file: string
  readonly text: string
}

const folder = join(import.meta.dirname, '..')

export function generatePages(): readonly GeneratedPage[] {
  return [
    { file: 'dialplan.schema.json', text: printJson(dialplanSchema()) },
    { file: 'README.md', text: withTable(currentPage('README.md')) },
  ]
}

type Definitions = { readonly [name: string]: object }

/** The general part, with the settings of each role. Throws where two parts have the same name. */
function dialplanSchema(): object {
  const parts: readonly Definitions[] = [
    general.definitions,
    shared.definitions,
    ...roles.map((role) => ({ [role.role]: settingsOf(role), ...role.schema.definitions })),
  ]
  const names = parts.flatMap((part) => Object.keys(part))
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new Error(`two definitions are called ${twice}; give one of them another name`)
  const oneOf = roles.map(({ role }) => ({ $ref: `#/definitions/${role}` }))
  const definitions = { ...Object.assign({}, ...parts), element: { ...general.definitions.element, oneOf } }
  return withLocalReferences({ ...general, definitions })
}

function settingsOf({ role, schema }: Role): object {
  const { $schema: _, definitions: __, required = [], properties, ...others } = { $schema: '', ...schema }
  return { ...others, required: ['role', ...required], properties: { role: { const: role }, ...properties } }
}

/** Definitions of other files, taken into this one. */
function withLocalReferences(value: unknown): object {
  const text = JSON.stringify(value, (key, inner: unknown) =>
    key === '$ref' && typeof inner === 'string' ? inner.slice(inner.indexOf('#')) : inner,
  )
  return JSON.parse(text) as object
}

const tableOfElements = /(<!-- elements: [^\n]* -->\n)[\s\S]*?(<!-- end of elements -->)/

/** The page with the rows of all roles between its two marks. */
function withTable(page: string): string {
  if (!tableOfElements.test(page)) throw new Error('README.md has no marks around the table of elements')
  const rows = roles.map(({ role, schema }) => [`\`${role}\``, schema.title, schema.description.replaceAll('|', '\\|')])
  const table = alignedTable([['role', 'element', 'what it does'], ...rows])
  return page.replace(tableOfElements, (_, before: string, after: string) => `${before}\n${table}\n\n${after}`)
}

/** The first row is the head. */
function alignedTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
  return [lines[0], `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...lines.slice(1)].join('\n')
}

/** The present text of that file. */
export function currentPage(file: string): string {
  return readFileSync(join(folder, file), 'utf8')
}

if (import.meta.main) for (const { file, text } of generatePages()) writeFileSync(join(folder, file), text)
