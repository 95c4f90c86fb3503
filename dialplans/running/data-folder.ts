/** Folders that a user has named, such as a node's data folder, made where they are not there. */
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Step by step, since Node's recursive `mkdir` never ends below a folder that takes none, such as /proc. */
export function makeFolder(folder: string): void {
  const whole = resolve(folder)
  if (existsSync(whole)) return
  makeFolder(dirname(whole))
  mkdirSync(whole)
}
