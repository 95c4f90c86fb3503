/** Every setting that the schema of dialplans admits is read by somebody: one that is not is a promise that nobody keeps. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import schema from '../../../dialplans/dialplan.schema.json' with { type: 'json' }

const root = join(import.meta.dirname, '../../..')

interface Schema {
  readonly $ref?: string
  readonly properties?: { readonly [name: string]: Schema }
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}
const definitions = schema.definitions as { readonly [name: string]: Schema }
/** Read by whoever makes the element, or the HSS's own records, which other tests follow to who uses them. */
const shared = new Set(['#/definitions/element', '#/definitions/rule', '#/definitions/rate', '#/definitions/listening'])

/** Names of members, at any depth. */
function membersOf(of: Schema, within = ''): readonly string[] {
  if (of.$ref !== undefined) {
    const target = definitions[of.$ref.slice('#/definitions/'.length)]
    return shared.has(of.$ref) || target === undefined ? [] : membersOf(target, within)
  }
  const own = Object.entries(of.properties ?? {}).flatMap(([name, inner]) => [
    `${within}${name}`,
    ...membersOf(inner, `${within}${name}.`),
  ])
  return [...own, ...[of.items ?? [], of.anyOf ?? []].flat().flatMap((inner) => membersOf(inner, within))]
}

/** Sources of a folder without comments, and without the members that types declare. */
function codeIn(folder: string): string {
  const files = readdirSync(join(root, folder), { recursive: true }).map(String)
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(root, folder, file), 'utf8'))
    .join('\n')
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    .replace(/^\s*readonly \w+\??:.*$/gm, '')
}

const isRead = (code: string, member: string): boolean => new RegExp(`\\b${member.split('.').at(-1)!}\\b`).test(code)

const roles = schema.definitions.element.oneOf.map(({ $ref }) => $ref.slice('#/definitions/'.length))
const services = codeIn('elements/shared')
/** Folders that are not called as their role. */
const folderOf: { readonly [role: string]: string } = {
  registration: 'reg-event',
  addressbook: 'address-book',
  pushroutes: 'push-routes',
  msc: 'core-network',
  sgsn: 'core-network',
}

for (const role of roles) {
  test(`role ${role}: each of its settings is read by it`, (t) => {
    const code = codeIn(`elements/${folderOf[role] ?? role}`)
    const members = membersOf(definitions[role]!).filter((name) => name !== 'role')
    t.true(members.length > 0)
    // an HSS is read by dialplans what its provisioning file holds
    const others = role === 'hss' ? code + codeIn('dialplans') + codeIn('elements/presence') : code
    t.deepEqual(
      members.filter(
        (member) =>
          !isRead(others, member) && !(member.startsWith('expires') && /lifetimesOf/.test(code) && isRead(services, member)),
      ),
      [],
    )
  })
}

test('what stands beside the elements is read too', (t) => {
  const code = codeIn('dialplans') + codeIn('signalling')
  const { elements: _, ...others } = schema.properties as { readonly [name: string]: Schema }
  t.deepEqual(
    membersOf({ properties: others }).filter((member) => !isRead(code, member)),
    [],
  )
  t.deepEqual(
    membersOf(definitions['rule']!).filter((member) => !isRead(codeIn('signalling/routing'), member)),
    [],
  )
})
