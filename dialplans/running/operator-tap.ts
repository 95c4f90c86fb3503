/**
 * Tap of one operator among several in a process. Its elements are `<operator>/<name>` (SPEC §2.2), and a message between two
 * operators, which both see, is tapped as it is sent.
 */
import type { Endpoint, Tap } from '../../signalling/tools.ts'

/** `nameAt`: the name of the other operator in this process that is at an address; undefined: none of them. */
export function operatorTap(tap: Tap, operator: string, nameAt: (end: Endpoint) => string | undefined): Tap {
  const named = (end: Endpoint): Endpoint => {
    const name = end.name === undefined ? nameAt(end) : `${operator}/${end.name}`
    return name === undefined ? end : { ...end, name }
  }
  return {
    message(message) {
      if (message.direction === 'in' && nameAt(message.from) !== undefined) return
      tap.message({ ...message, from: named(message.from), to: named(message.to) })
    },
  }
}
