/** Lines that a command prints: nothing in them can command the terminal. */
import { printable } from './printable.ts'

/** A result, on standard output. */
export function say(text: string): void {
  console.log(printable(text))
}

/** A fault, on standard error. */
export function complain(text: string): void {
  console.error(printable(text))
}
