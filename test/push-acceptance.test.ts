/**
 * The acceptance list of Push: each of its lines is a scenario of a flow or a test that bears its id in its name. Titles alone are
 * read here: whether a line is fulfilled is for that scenario or test to say.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { loadFlows } from '../dialplans/flows/index.ts'
import { sourcePaths } from './support/sources.ts'

const lines = [
  ...Array.from({ length: 76 }, (_, i) => `P${i + 1}`),
  ...Array.from({ length: 29 }, (_, i) => `PF${i + 1}`),
  ...Array.from({ length: 20 }, (_, i) => `A${i + 1}`),
]

const id = /\b(?:P|PF|A)\d+\b/g
const title = /\btest(?:\.serial)?\(\s*(['`"])((?:(?!\1).)*)\1/g

test('each line of the acceptance list of Push has a scenario or a test that names it', async (t) => {
  const names = (await loadFlows()).flatMap(({ id: flow, scenarios }) =>
    flow.startsWith('push/') ? scenarios.map(({ name }) => name) : [],
  )
  for (const path of sourcePaths().filter((each) => each.endsWith('.test.ts'))) {
    const source = readFileSync(join(import.meta.dirname, '..', path), 'utf8')
    for (const [, , text] of source.matchAll(title)) names.push(text!)
  }
  const named = new Set(names.flatMap((name) => name.match(id) ?? []))
  t.deepEqual(
    lines.filter((line) => !named.has(line)),
    [],
  )
})
