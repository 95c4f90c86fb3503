/** Reading a file that a user has named. */
import { readFileSync } from 'node:fs'
import type { ValueOrFaults } from './dialplan.ts'

/** The text of a file, or one fault that says why not. */
export function readText(file: string, expected: string): ValueOrFaults<string> {
  try {
    return { value: readFileSync(file, 'utf8') }
  } catch (error) {
    return { faults: [{ file, line: 0, text: unreadable(error), expected }] }
  }
}

/** Why a file cannot be read, in words. */
export function unreadable(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EISDIR') return 'this is a folder'
  return code === 'EACCES' ? 'this user may not read it' : `it cannot be read (${code})`
}
