/** Dialplans that come with Proxima: a user names them without a folder. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '..')
const ending = '.yaml'

/** Their names, without the ending. */
export function shippedDialplans(): readonly string[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(ending))
  return files.map((file) => file.slice(0, -ending.length)).sort()
}

/** The file of that name where there is one, else the dialplan of that name that comes along: `default.yaml`, or `default`. */
export function dialplanFile(named: string): string {
  if (existsSync(named)) return named
  const name = named.replace(/^dialplans\//, '').replace(/\.yaml$/, '')
  return shippedDialplans().includes(name) ? join(folder, `${name}${ending}`) : named
}
