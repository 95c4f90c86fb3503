/** Defaults of settings: each that a schema tells is the default in the code, whatever the other settings say. */
import test, { type ExecutionContext } from 'ava'
import { roles } from '../../elements/catalogue.ts'
import type { Hss } from '../../elements/hss/index.ts'
import type { Role } from '../../elements/role.ts'
import sharedValues from '../../elements/shared/values/settings.json' with { type: 'json' }
import { SettingsError } from '../../elements/shared/values/settings-error.ts'
import type { Element } from '../../signalling/index.ts'
import { ElementNetwork } from '../support/element-network.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly properties?: { readonly [name: string]: Schema }
  readonly items?: Schema
  readonly default?: unknown
}

type Settings = { readonly [name: string]: unknown }
type Path = readonly (string | number)[]

interface Leaf {
  readonly path: Path
  readonly schema: Schema
}

/** Settings without which an element is not made, or without which others mean nothing. */
const bases: { readonly [role: string]: readonly Settings[] } = {
  'application-server': [{ application: 'org.example.nearby' }],
  hss: [{}, { subscribers: [{ id: 'alice', permissions: { discoverable: true, discoverer: true } }] }],
  pcrf: [{ rules: [{ quota: { count: 1 } }] }, { rules: [{}] }],
  prose: [{ pcrf: 'sip:pcrf@localhost' }],
  push: [{}, { pcrf: 'sip:pcrf@localhost' }],
  proxy: [{ push: [{ element: 'push', flags: '0000' }] }],
}
/** Roles whose elements route by flow: they do not start at a host that has none. */
const unstarted = ['proxy']

function resolved(schema: Schema, role: Role): Schema {
  const name = schema.$ref?.split('/').at(-1)
  if (name === undefined) return schema
  const { $ref: _, ...own } = schema
  const definitions: { readonly [name: string]: object } = { ...sharedValues.definitions, ...role.schema.definitions }
  return { ...definitions[name], ...own }
}

/** Settings that are no objects, at any depth; of a list those of the item that the base has. */
function leavesOf(given: Schema, role: Role, base: unknown, path: Path = []): readonly Leaf[] {
  const schema = resolved(given, role)
  if (schema.properties !== undefined)
    return Object.entries(schema.properties).flatMap(([name, inner]) =>
      leavesOf(inner, role, (base as Settings | undefined)?.[name], [...path, name]),
    )
  if (schema.items !== undefined && Array.isArray(base)) return leavesOf(schema.items, role, base[0], [...path, 0])
  return [{ path, schema }]
}

/** Settings with that value at that place. */
function withValue(settings: unknown, [step, ...rest]: Path, value: unknown): unknown {
  if (step === undefined) return value
  const inner = withValue((settings as Settings | undefined)?.[step], rest, value)
  if (typeof step === 'number') return [inner]
  return { ...(settings as Settings | undefined), [step]: inner }
}

/** Other values that a setting may have. */
function othersFor({ schema }: Leaf): readonly unknown[] {
  const choices = [...(schema.enum ?? []), ...(schema.anyOf ?? []).flatMap((each) => each.const ?? [])]
  if (choices.length > 0) return choices.filter((choice) => choice !== schema.default)
  if (schema.type === 'boolean') return [schema.default !== true]
  if (schema.type === 'number' || schema.type === 'integer') return [2, 100_000]
  return schema.type === 'string' && schema.default !== undefined ? ['7f', 'Europe/Berlin'] : []
}

/** Questions that show settings which an element reads only then. */
const probes: { readonly [role: string]: (element: Element) => unknown } = {
  hss: (element) => (element as Hss).get('sip:anybody@localhost'),
}

/** State of an element that has started with these settings; undefined: they contradict each other. */
async function stateOf({ role, create, withLabPassword }: Role, settings: unknown): Promise<string | undefined> {
  try {
    const whole = withLabPassword?.(settings as object, () => 'a-word-for-all') ?? settings
    const element = create('it', whole as object)
    if (!unstarted.includes(role)) await new ElementNetwork().add(element)
    return JSON.stringify([heldBy(element), probes[role]?.(element)])
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return undefined
  }
}

const apart = new Set(['settings', 'host', 'clock', 'log', 'store', 'ids'])

function heldBy(value: unknown, seen = new Set<unknown>()): unknown {
  if (typeof value === 'function') return undefined
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (seen.has(value)) return undefined
  seen.add(value)
  if (value instanceof Intl.DateTimeFormat) return value.resolvedOptions().timeZone
  if (value instanceof Map) return [...value].map(([key, inner]) => [heldBy(key, seen), heldBy(inner, seen)])
  if (value instanceof Set || Array.isArray(value)) return [...value].map((inner) => heldBy(inner, seen))
  const members = Object.entries(value).filter(([name]) => !apart.has(name))
  return Object.fromEntries(members.map(([name, inner]) => [name, heldBy(inner, seen)]))
}

/** Compares the element with the default left out and written, alone and beside each other setting. True: it matters there. */
async function compare(t: ExecutionContext, role: Role, base: Settings, leaf: Leaf, leaves: readonly Leaf[]): Promise<boolean> {
  const usual = await stateOf(role, base)
  const stated = await stateOf(role, withValue(base, leaf.path, leaf.schema.default))
  if (stated === undefined) return false // it means nothing in this base
  const name = `${leaf.path.join('.')} is told to be ${JSON.stringify(leaf.schema.default)}`
  t.true(stated === usual, name)
  for (const beside of leaves.filter((each) => each !== leaf)) {
    for (const value of othersFor(beside)) {
      const changed = withValue(base, beside.path, value)
      const state = await stateOf(role, changed)
      if (state === undefined) continue
      const where = `${beside.path.join('.')} is ${JSON.stringify(value)}`
      t.true((await stateOf(role, withValue(changed, leaf.path, leaf.schema.default))) === state, `${name}, where ${where}`)
    }
  }
  const others = await Promise.all(othersFor(leaf).map((value) => stateOf(role, withValue(base, leaf.path, value))))
  return others.some((state) => state !== undefined && state !== usual)
}

for (const role of roles) {
  test(`role ${role.role}: what its schema tells as defaults are its defaults`, async (t) => {
    const seen = new Map<string, boolean>()
    for (const base of bases[role.role] ?? [{}]) {
      t.not(await stateOf(role, base), undefined)
      const leaves = leavesOf(role.schema as Schema, role, base)
      for (const leaf of leaves.filter(({ schema }) => schema.default !== undefined)) {
        const name = leaf.path.join('.')
        seen.set(name, (await compare(t, role, base, leaf, leaves)) || seen.get(name) === true)
      }
    }
    for (const [name, isSeen] of seen) t.true(isSeen, `${name}: no other value makes a difference that this test sees`)
  })
}
