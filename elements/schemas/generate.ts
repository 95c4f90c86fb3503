/** Writes `types.ts` from the JSON Schemas beside it: `npm run types`. A test proves that the file is current. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { compile } from 'json-schema-to-typescript'

const folder = import.meta.dirname

const banner = '/** Generated from the JSON Schemas beside it by `npm run types`. Do not edit. */'

/** The text that `types.ts` should have: one interface a schema, and `Bodies`, from media type name to interface. */
export async function generateTypes(): Promise<string> {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort()
  const root = {
    title: 'Bodies',
    description: 'From the `<name>` of `application/vnd.proxima.<name>+json` to the body.',
    type: 'object' as const,
    required: names,
    properties: Object.fromEntries(names.map((name) => [name, { $ref: `${name}.json` }])),
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

/** What `types.ts` holds now. */
export function currentTypes(): string {
  return readFileSync(`${folder}/types.ts`, 'utf8')
}

if (import.meta.main) writeFileSync(`${folder}/types.ts`, await generateTypes())
