/** Text to data: YAML (or JSON) with line positions, validated against the published schema. */
import type { ErrorObject } from 'ajv'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import { roles } from '../../elements/catalogue.ts'
import { loadValidators } from '../../elements/schemas/validators.ts'
import schema from '../dialplan.schema.json' with { type: 'json' }
import type { DialplanFault, ValueOrFaults } from './dialplan.ts'

/** Finds the line of the value at a path, or of the nearest thing above it. */
export type LineOf = (...path: readonly (string | number)[]) => number

/** Adds a fault at that line of the file: the text there, and the expectation. */
export type AddFault = (line: number, text: string, expected: string) => void

interface ValidatedText {
  readonly data: unknown
  readonly lineOf: LineOf
}

const validators = loadValidators({
  schemas: { dialplan: schema },
  wanted: { dialplan: 'dialplan', ...listsInFiles() },
  options: { allErrors: true, verbose: true, discriminator: true, allowUnionTypes: true },
})

/** `what` names the schema: `dialplan`, or `<role>.<setting>` for a list that a role has in a file of its own. */
export function validateText(file: string, text: string, what: string): ValueOrFaults<ValidatedText> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, logLevel: 'error' })
  if (document.errors.length > 0) {
    const faults = document.errors.map(({ message, pos }) => ({
      file,
      line: lines.linePos(pos[0]).line,
      text: message.split('\n')[0]!.replace(/\.$/, ''),
      expected: 'well-formed YAML',
    }))
    return { faults }
  }
  const lineOf: LineOf = (...path) => lineAt(document, lines, path)
  let data: unknown
  try {
    data = document.toJS()
  } catch (fault) {
    const text = fault instanceof Error ? fault.message.split('\n')[0]! : String(fault) // an alias of nothing, or of too much
    return { faults: [{ file, line: 1, text, expected: 'aliases (*name) of anchors (&name) above them' }] }
  }
  const validate = validators[what]!
  if (validate(data)) return { value: { data, lineOf } }
  const faults = worthTelling(validate.errors ?? []).map((error) => ({ file, ...tell(error, document, lines) }))
  return { faults: faults.sort((a, b) => a.line - b.line) }
}

/** Schemas of the lists that settings may have in files of their own. */
function listsInFiles(): { readonly [name: string]: string } {
  const lists = roles.flatMap(({ role, files = {} }) => Object.values(files).map((list) => [role, list] as const))
  return Object.fromEntries(lists.map(([role, list]) => [`${role}.${list}`, `dialplan#/definitions/${role}/properties/${list}`]))
}

/** Of a failed choice only the choice is told, not why each alternative failed. */
function worthTelling(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf')
  return errors.filter(
    ({ keyword, schemaPath, params }) =>
      keyword !== 'propertyNames' &&
      keyword !== 'if' && // what it demands is told by itself
      !(keyword === 'discriminator' && params['tagValue'] === undefined) && // told as a missing member
      !choices.some((choice) => schemaPath !== choice.schemaPath && schemaPath.startsWith(`${choice.schemaPath}/`)),
  )
}

function tell(error: ErrorObject, document: Document, lines: LineCounter): Omit<DialplanFault, 'file'> {
  const path = pathOf(error.instancePath)
  const where = path.length === 0 ? 'the dialplan' : path.map(String).join('.')
  const at = (more: readonly (string | number)[] = []): number => lineAt(document, lines, [...path, ...more])
  const params = error.params as { readonly [name: string]: string | number | undefined }
  const parent = error.parentSchema as { readonly description?: string; readonly properties?: object }
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(params['additionalProperty'])
      const members = Object.keys(parent.properties ?? {}).join(', ')
      return { line: at([name]), text: `${where} has '${name}', which is not known there`, expected: `one of ${members}` }
    }
    case 'required':
      return { line: at(), text: `${where} has no '${params['missingProperty']}'`, expected: `${params['missingProperty']}: …` }
    case 'discriminator':
      return {
        line: at(['role']),
        text: `${where} has the role ${shown(params['tagValue'])}`,
        expected: `one of ${roles.map(({ role }) => role).join(', ')}`,
      }
    case 'uniqueItems':
      return { line: at([params['j'] ?? 0]), text: `${where} says the same twice`, expected: 'each value once' }
    case 'minItems':
    case 'minProperties':
      return { line: at(), text: `${where} is empty`, expected: parent.description ?? 'at least one entry' }
  }
  if (error.propertyName !== undefined) {
    return {
      line: at([error.propertyName]),
      text: `${where} has the name ${shown(error.propertyName)}`,
      expected: parent.description ?? 'another name',
    }
  }
  return { line: at(), text: `${where} is ${shown(error.data)}`, expected: wanted(error, parent.description) }
}

function wanted(error: ErrorObject, description: string | undefined): string {
  const allowed = (error.params as { readonly allowedValues?: readonly unknown[] }).allowedValues
  if (error.keyword === 'enum' && allowed !== undefined) return `one of ${allowed.join(', ')}`
  const type = (error.params as { readonly type?: unknown }).type
  if (error.keyword === 'type' && type === 'string' && typeof error.data === 'number') return 'text: put it in quotes'
  if (description !== undefined) return description
  return error.keyword === 'type' ? `${type}` : (error.message ?? error.keyword).replace(/^must be /, '')
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'empty' : `'${value}'`
  if (Array.isArray(value)) return 'a list'
  if (value === null || value === undefined) return 'empty'
  return typeof value === 'object' ? 'a mapping' : String(value)
}

function pathOf(pointer: string): (string | number)[] {
  const names = pointer.split('/').slice(1)
  return names.map((name) => (/^[0-9]+$/.test(name) ? Number(name) : name.replaceAll('~1', '/').replaceAll('~0', '~')))
}

/** The line of the key if the last step of the path is one, else of the value. */
function lineAt(document: Document, lines: LineCounter, path: readonly (string | number)[]): number {
  let line = 1
  let node: unknown = document.contents
  for (const step of path) {
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step)) : undefined
    const next: unknown = pair === undefined ? undefined : isScalar(pair.key) ? pair.key : undefined
    const value: unknown = pair?.value ?? (isMap(node) ? undefined : itemOf(node, step))
    const marker = next ?? value
    if (isNode(marker) && marker.range) line = lines.linePos(marker.range[0]).line
    node = value
  }
  return line
}

function itemOf(node: unknown, step: string | number): unknown {
  return typeof node === 'object' && node !== null && 'items' in node && Array.isArray(node.items)
    ? node.items[Number(step)]
    : undefined
}
