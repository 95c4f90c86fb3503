/** Lines that a command prints: nothing in them can command the terminal. */
import { fstatSync } from 'node:fs'
import { printable } from './printable.ts'

/** A result, on standard output. */
export function say(text: string): void {
  console.log(printable(text))
}

/** A fault, on standard error. */
export function complain(text: string): void {
  console.error(`${isKeptByJournal(2) ? priorities.error : ''}${printable(text)}`)
}

/** Beginnings of lines by which the journal of systemd knows how grave they are (sd-daemon(3)). */
export const priorities = { error: '<3>', warn: '<4>', info: '<6>', debug: '<7>' } as const

/** Whether that descriptor leads to the journal of systemd, which names it in the environment. */
export function isKeptByJournal(descriptor: 1 | 2, named = process.env['JOURNAL_STREAM']): boolean {
  if (named === undefined) return false
  try {
    const { dev, ino } = fstatSync(descriptor)
    return named === `${dev}:${ino}`
  } catch {
    return false // it is closed
  }
}
