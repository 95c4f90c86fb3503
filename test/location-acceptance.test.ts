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
  ...['V2', 'V3', 'V8', 'V11', 'V12', 'V14', 'V15', 'V16', 'V17', 'V18', 'V21', 'V22', 'V23', 'V24', 'V26', 'V33'],
  ...['V35', 'V36', 'V37', 'V39', 'V40', 'V41', 'V42'],
  ...['VF1', 'VF3', 'VF4', 'VF6', 'VF8', 'VF9', 'VF12'],
  ...['L2', 'L3', 'L4', 'L6', 'L7', 'L10', 'L15', 'L16', 'L19', 'L20'],
]

test('each line of the acceptance list of location has a scenario or a test that names it, or is to come', async (t) => {
  const named = await namedLines(/^(?:mo-lr|privacy)\//, /\b(?:M|MF|V|VF|L)\d+\b/g)
  t.deepEqual(
    lines.filter((line) => !named.has(line)),
    lines.filter((line) => toCome.includes(line)),
  )
})
