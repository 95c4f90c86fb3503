/**
 * The acceptance list of location: each of its lines is a scenario of a flow or a test that bears its id in its name, or is among
 * those that are still to come. One that has come leaves that list.
 */
import test from 'ava'
import { namedLines, numbered } from './support/acceptance-list.ts'

const lines = [...numbered('M', 28), ...numbered('MF', 13), ...numbered('V', 42), ...numbered('VF', 12), ...numbered('L', 21)]

/** Of MO-LR what another operator, a message or another service is needed for; of the rest what no element uses yet. */
const toCome = [
  ...['M1', 'M3', 'M4', 'M5', 'M8', 'M17', 'M19', 'M20', 'M21', 'M28', 'MF1', 'MF10', 'MF11'],
  ...numbered('V', 42).filter((line) => !['V1', 'V4', 'V13', 'V27', 'V28', 'V31', 'V34'].includes(line)), // of an immediate request, and texts
  ...numbered('VF', 12),
  ...['L2', 'L3', 'L4', 'L6', 'L7', 'L8', 'L10', 'L15', 'L16', 'L19', 'L20'],
]

test('each line of the acceptance list of location has a scenario or a test that names it, or is to come', async (t) => {
  const named = await namedLines(/^(?:mo-lr|privacy)\//, /\b(?:M|MF|V|VF|L)\d+\b/g)
  t.deepEqual(
    lines.filter((line) => !named.has(line)),
    lines.filter((line) => toCome.includes(line)),
  )
})
