/** Generator of `types.ts` and `table.ts` from the JSON Schemas in the folders beside it: `npm run types`. A test holds both current. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { compile } from 'json-schema-to-typescript'

const folder = import.meta.dirname

const banner = '/** Generated from the JSON Schemas beside it by `npm run types`. Do not edit. */'

/** A generated file, and the text that it should have. */
export interface GeneratedSource {
  readonly file: string
  readonly text: string
}

/** Paths of all schemas below this folder, by the name of their media type. */
function schemaFiles(): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'))
  const named = files.map((file) => [basename(file, '.json'), file.replaceAll('\\', '/')] as const)
  return new Map(named.sort(([a], [b]) => (a < b ? -1 : 1)))
}

export async function generateSources(): Promise<readonly GeneratedSource[]> {
  return [
    { file: 'types.ts', text: await generateTypes() },
    { file: 'table.ts', text: generateTable() },
  ]
}

/** One interface a schema, and `Bodies`, from media type name to interface. */
async function generateTypes(): Promise<string> {
  const files = schemaFiles()
  const names = [...files.keys()]
  const root = {
    title: 'Bodies',
    description: 'From the `<name>` of `application/vnd.proxima.<name>+json` to the body.',
    type: 'object' as const,
    required: names,
    properties: Object.fromEntries(names.map((name) => [name, { $ref: files.get(name)! }])),
  }
  const text = await compile(root, 'Bodies', {
    bannerComment: banner,
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    cwd: `${folder}/`,
    style: { semi: false, singleQuote: true, printWidth: 130 },
  })
  return text
    .replace(/^( +)((?:'[^']+'|\w+)\??: )/gm, '$1readonly $2')
    .replace(/((?:\([^()]*\)|\w+)\[\])/g, 'readonly $1')
    .replace(/\\u00a7/g, '§')
}

/** The schemas themselves, by name. */
function generateTable(): string {
  const files = schemaFiles()
  const variable = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
  const imports = [...files].sort(([, a], [, b]) => (a < b ? -1 : 1))
  const lines = [
    banner,
    ...imports.map(([name, file]) => `import ${variable(name)} from './${file}' with { type: 'json' }`),
    "import type { Bodies } from './types.ts'",
    '',
    'export const schemas: { readonly [name in keyof Bodies]: object } = {',
    ...[...files.keys()].map((name) => (variable(name) === name ? `  ${name},` : `  '${name}': ${variable(name)},`)),
    '}',
  ]
  return `${lines.join('\n')}\n`
}

/** What that file holds now. */
export function currentSource(file: string): string {
  return readFileSync(join(folder, file), 'utf8')
}

if (import.meta.main) for (const { file, text } of await generateSources()) writeFileSync(join(folder, file), text)
