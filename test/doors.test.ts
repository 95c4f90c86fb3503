/** Doors of the engine: index.ts for elements and nodes, tools.ts for command lines, testing.ts for tests (ARCHITECTURE). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'

const root = join(import.meta.dirname, '..')
const doors = ['index', 'tools', 'testing'].map((door) => `signalling/${door}.ts`)

test('an exported name of the engine stands in one door', (t) => {
  const names = doors.flatMap((door) => namesOf(readFileSync(join(root, door), 'utf8')))
  t.true(names.length > 60)
  t.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  )
  t.deepEqual(namesOf("export { type A, b } from './a.ts'\nexport type { C } from './c.ts'"), ['A', 'b', 'C'])
})

/** Names that a door passes on. */
function namesOf(door: string): readonly string[] {
  return [...door.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) =>
    list!.split(',').map((name) => name.trim().replace(/^type /, '')),
  )
}

test('package.json has the doors for those who install it', (t) => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  t.deepEqual(
    Object.values(exports),
    [...doors, 'elements/ue/index.ts', 'elements/ue/push/wake-worker.js'].map((path) => `./${path}`),
  )
})
