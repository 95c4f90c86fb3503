/** Generator of types from JSON Schemas, of bodies and of elements' settings: `npm run types`. A test holds them current. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { compile, type JSONSchema } from 'json-schema-to-typescript'
import sharedValues from '../shared/values/settings.json' with { type: 'json' }

const folder = import.meta.dirname

const elements = join(folder, '..')
const banner = '/** Generated from the JSON Schemas beside it by `npm run types`. Do not edit. */'
const bannerOfSettings = '/** Generated from settings.json beside it by `npm run types`. Do not edit. */'

/** A generated file, as a path within `elements/`, and the text that it should have. */
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
    { file: 'schemas/types.ts', text: await generateTypes() },
    { file: 'schemas/table.ts', text: generateTable() },
    ...(await Promise.all(foldersWithSettings().map(generateSettings))),
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
  return typesOf(root, { name: 'Bodies', cwd: folder, comment: banner })
}

/** Folders of the elements that bring a schema of their settings. */
function foldersWithSettings(): readonly string[] {
  return readdirSync(elements).filter((name) => existsSync(join(elements, name, settingsFile)))
}

const settingsFile = 'settings.json'

/** The interface of an element's settings, called after its folder: `PresenceSettings`. */
async function generateSettings(name: string): Promise<GeneratedSource> {
  const { title: _, ...schema } = JSON.parse(readFileSync(join(elements, name, settingsFile), 'utf8'), explained) as JSONSchema
  const type = `${name.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}Settings`
  const text = await typesOf(schema, { name: type, cwd: join(elements, name), comment: bannerOfSettings })
  return { file: `${name}/settings-type.ts`, text }
}

/** A part of a schema with shared definitions in their place, and its default in its description, which becomes the comment. */
function explained(_key: string, part: unknown): unknown {
  if (typeof part !== 'object' || part === null) return part
  const { $ref, ...own } = part as JSONSchema
  const [, name] = /^\.\.\/shared\/values\/settings\.json#\/definitions\/(\w+)$/.exec($ref ?? '') ?? []
  const whole = name === undefined ? (part as JSONSchema) : { ...shared[name], ...own }
  if (!('default' in whole)) return whole
  return { ...whole, description: [whole.description, `default ${JSON.stringify(whole.default)}`].filter(Boolean).join('; ') }
}

const shared = sharedValues.definitions as { readonly [name: string]: object }

async function typesOf(
  schema: JSONSchema,
  { name, cwd, comment }: { readonly name: string; readonly cwd: string; readonly comment: string },
): Promise<string> {
  const text = await compile(schema, name, {
    bannerComment: comment,
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    cwd: `${cwd}/`,
    style: { semi: false, singleQuote: true, printWidth: 130 },
  })
  return text
    .replace(/^( +)((?:'[^']+'|\w+|\[k: string\])\??: )/gm, '$1readonly $2')
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
  return readFileSync(join(elements, file), 'utf8')
}

if (import.meta.main) for (const { file, text } of await generateSources()) writeFileSync(join(elements, file), text)
