/**
 * Validators of JSON Schemas, compiled once for all processes: the code that Ajv writes is kept beside the packages,
 * under a name made of the schemas. A process that finds it there loads neither Ajv nor a schema anew.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Ajv, Options, ValidateFunction } from 'ajv'

export interface ValidatorSet {
  /** Schemas by the names under which they refer to each other. */
  readonly schemas: { readonly [id: string]: object }
  /** Names of the validators wanted, each with the schema or part of a schema that it is for. */
  readonly wanted: { readonly [name: string]: string }
  readonly options: Options
  readonly formats?: { readonly [name: string]: (text: string) => boolean }
}

export type Validators = { readonly [name: string]: ValidateFunction }
type ValidatorFactory = (formats: ValidatorSet['formats']) => Validators

const require = createRequire(import.meta.url)
const folder = join(import.meta.dirname, '../../node_modules/.cache/validators')

/** The validators of that set, from the cache where it has them. */
export function loadValidators(set: ValidatorSet, cache = folder): Validators {
  const file = join(cache, `${nameOf(set)}.cjs`)
  return fromCache(file, set) ?? compile(set, file)
}

function nameOf({ schemas, wanted, options }: ValidatorSet): string {
  const { version } = require('ajv/package.json') as { readonly version: string }
  return createHash('sha256')
    .update(JSON.stringify([layout, version, schemas, wanted, options]))
    .digest('hex')
    .slice(0, 32)
}

const layout = 1 // of a file in the cache; another number makes all of them anew

function fromCache(file: string, { formats, wanted }: ValidatorSet): Validators | undefined {
  try {
    const validators = (require(file) as ValidatorFactory)(formats)
    return Object.keys(wanted).every((name) => typeof validators[name] === 'function') ? validators : undefined
  } catch {
    return undefined // not there yet, or damaged: compiled and written again
  }
}

function compile({ schemas, wanted, options, formats = {} }: ValidatorSet, file: string): Validators {
  const { Ajv: AjvClass, _ } = require('ajv') as typeof import('ajv')
  const code = { source: true, formats: _`formats` }
  const ajv = new AjvClass({ ...options, code })
  for (const [name, format] of Object.entries(formats)) ajv.addFormat(name, format)
  for (const [id, schema] of Object.entries(schemas)) ajv.addSchema(schema, id)
  keep(ajv, wanted, file)
  return Object.fromEntries(Object.entries(wanted).map(([name, reference]) => [name, ajv.getSchema(reference)!]))
}

/** Writes the code whole or not at all: several processes may begin at once. */
function keep(ajv: Ajv, wanted: ValidatorSet['wanted'], file: string): void {
  const { default: standaloneCode } = require('ajv/dist/standalone') as typeof import('ajv/dist/standalone/index.js')
  const code = standaloneCode(ajv, { ...wanted })
  const draft = `${file}.${process.pid}`
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(draft, `module.exports = (formats) => {\nconst exports = {}\n${code}\nreturn exports\n}\n`)
    renameSync(draft, file)
  } catch {
    // A folder that cannot be written costs each process its own compilation.
  }
}
