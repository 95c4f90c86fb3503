/** Meaning of a device's answer to a MESSAGE (SPEC §5.6). */

/** `taken`: it has it. `away`: later, with a pause. `unbound`: once the device registers again. `refused`: never. */
export type DeviceAnswer = 'taken' | 'away' | 'unbound' | 'refused'

const unbound: ReadonlySet<number> = new Set([404, 410, 481])
const away: ReadonlySet<number> = new Set([408, 430, 480])

/** 482: a try before this one got through. 3xx: the device is elsewhere, and has not said so by REGISTER. */
export function deviceAnswer(status: number): DeviceAnswer {
  if (status < 300 || status === 482) return 'taken'
  if (unbound.has(status) || status < 400) return 'unbound'
  return away.has(status) || (status >= 500 && status < 600) ? 'away' : 'refused'
}

/** Meaning of the next server's answer: silence, nobody there, and a server in trouble are worth another try. 482: it is a loop. */
export function relayAnswer(status: number): DeviceAnswer {
  if (status < 300) return 'taken'
  return away.has(status) || (status >= 500 && status < 600 && status !== 513) ? 'away' : 'refused'
}
