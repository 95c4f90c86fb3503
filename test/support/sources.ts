/** Sources of the project, as tests of its rules read them. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** Comments blanked out; strings, also those that look like comments, stay. */
export function withoutComments(source: string): string {
  const token = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
  return source.replace(token, (text) => (text.startsWith('//') || text.startsWith('/*') ? ' ' : text))
}

/** Paths of all sources, relative to the project. */
export function sourcePaths(): readonly string[] {
  return ['signalling', 'elements', 'dialplans', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  )
}
