/** Holds that a role is spelled in the folders of elements alone: whatever a network has to know of an element, its `Role` says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { roles } from '../elements/catalogue.ts'
import { sourcePaths, withoutComments } from './support/sources.ts'

const root = join(import.meta.dirname, '..')
const shared = ['schemas', 'shared']
/** Sources that spell services of the policy (SPEC §6.2), one of which is called as a role. */
const namesOfServices = ['elements/schemas/types.ts', 'elements/shared/clients/policy-lease.ts']
const roleNames = roles.map(({ role }) => role)
/** Names that elements have where a dialplan says nothing (SPEC §2.2). */
const namesOfElements = 'elements/shared/identifiers/element-names.ts'

/** Roles that a source spells as strings, although it is no part of an element. In flows they may be names of elements or events. */
function spelledRoles(path: string, source: string): readonly string[] {
  const [floor, folder = '', file] = path.split('/')
  const isOfElement = floor === 'elements' && file !== undefined && !shared.includes(folder)
  if (floor === 'test' || isOfElement || path === namesOfElements || namesOfServices.includes(path)) return []
  const code = withoutComments(source).replace(/new Command\('[\w-]+'\)/g, '')
  const strings = path.startsWith('dialplans/flows/')
    ? [...code.matchAll(/\b[rR]ole\b[^'"`\n]{0,12}['"`]([\w-]+)['"`]/g)]
    : [...code.matchAll(/['"`]([\w-]+)['"`]/g)]
  return strings
    .map(([, text]) => text!)
    .filter((text) => roleNames.includes(text))
    .map((text) => `${path} spells the role ${text}; expected a question to Role (elements/role.ts)`)
}

test('a role is spelled in the folders of elements alone', (t) => {
  t.deepEqual(
    sourcePaths().flatMap((path) => spelledRoles(path, readFileSync(join(root, path), 'utf8'))),
    [],
  )
  const comparison = "const [hss] = elements.filter(({ role }) => role === 'hss') // 'mme'"
  t.is(spelledRoles('dialplans/network/a.ts', comparison).length, 1)
  t.is(spelledRoles('dialplans/flows/a.flow.ts', comparison).length, 1)
  t.is(spelledRoles('signalling/node/a.ts', 'if (name === `resource-lists`) return').length, 1)
  t.is(spelledRoles('elements/shared/clients/a.ts', 'const names = ["pcrf"]').length, 1)
  t.is(spelledRoles('elements/catalogue.ts', "case 'registration':").length, 1)
  t.deepEqual(spelledRoles('elements/proxy/role.ts', "othersOf(network, 'mme')"), [])
  t.deepEqual(spelledRoles('dialplans/flows/a.flow.ts', "stage.operator.temporaryOf('mme', alice)"), [])
  t.deepEqual(spelledRoles('dialplans/commands/hss/index.ts', "new Command('hss')"), [])
})
