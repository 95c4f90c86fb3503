/** Numbers as options of benches and campaigns. */
import { InvalidArgumentError } from 'commander'

/** A number that is not negative; anything else is an error of whoever typed it. */
export function readCount(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0) || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}
