/** Rules of a Push server for messages (SPEC §5.6), from its settings. Times in milliseconds. */
import type { PushSettings } from './settings-type.ts'

export interface StoringRules {
  /** Time for a device's 200, before the message is written and answered 202. */
  readonly accept: number
  /** A message is kept at most. */
  readonly keep: number
  /** A device's queue is kept beyond its last binding. */
  readonly queue: number
  /** Devices of one user that are known, bound or away. */
  readonly devices: number
  /** After so many tries a copy is set aside. */
  readonly tries: number
  /** A message that got a 2xx is known again. */
  readonly repeat: number
  /** Messages that wait for one user, from one source for him, and in all. */
  readonly forUser: number
  readonly ofSource: number
  readonly inAll: number
  /** Time without a device after which a text goes by the short message centre. */
  readonly fallback: number
}

export function storingRules({ fallback = 30, store = {} }: PushSettings): StoringRules {
  const { accept = 2, keep = 604_800, queue = 604_800, tries = 20, repeat = 600 } = store
  const { devices = 30, forUser = 1000, ofSource = 200, inAll = 1_000_000 } = store
  return {
    ...{ accept: accept * 1000, keep: keep * 1000, queue: queue * 1000, repeat: repeat * 1000 },
    ...{ devices, tries, forUser, ofSource, inAll, fallback: fallback * 1000 },
  }
}

/** The only device of somebody at another Push server (`relay: store`). */
export const nextServer = 'next-server'

/** Rules for what waits for another server: until its lifetime is over, for a server comes back whatever it takes. */
export function relayRules(rules: StoringRules): StoringRules {
  return { ...rules, tries: Number.POSITIVE_INFINITY }
}
