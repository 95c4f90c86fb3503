/** The acceptance list of Push: each of its lines is a scenario of a flow or a test that bears its id in its name. */
import test from 'ava'
import { namedLines, numbered } from './support/acceptance-list.ts'

const lines = [...numbered('P', 76), ...numbered('PF', 29), ...numbered('A', 20)]

test('each line of the acceptance list of Push has a scenario or a test that names it', async (t) => {
  const named = await namedLines(/^push\//, /\b(?:P|PF|A)\d+\b/g)
  t.deepEqual(
    lines.filter((line) => !named.has(line)),
    [],
  )
})
