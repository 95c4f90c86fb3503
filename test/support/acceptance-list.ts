/** Lines of acceptance lists that are named in titles of scenarios and tests. Whether a line is fulfilled is for these to say. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadFlows } from '../../dialplans/flows/index.ts'
import { sourcePaths } from './sources.ts'

const title = /\btest(?:\.serial)?\(\s*(['`"])((?:(?!\1).)*)\1/g

/** `P1` to `P3` for `P` and 3. */
export function numbered(letters: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${letters}${i + 1}`)
}

/** @param flows ids of the flows whose scenarios count @param line its form, global */
export async function namedLines(flows: RegExp, line: RegExp): Promise<ReadonlySet<string>> {
  const names = (await loadFlows()).flatMap(({ id, scenarios }) => (flows.test(id) ? scenarios.map(({ name }) => name) : []))
  for (const path of sourcePaths().filter((each) => each.endsWith('.test.ts'))) {
    const source = readFileSync(join(import.meta.dirname, '../..', path), 'utf8')
    for (const [, , text] of source.matchAll(title)) names.push(text!)
  }
  return new Set(names.flatMap((name) => name.match(line) ?? []))
}
