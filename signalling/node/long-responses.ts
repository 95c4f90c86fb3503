/** Responses that no datagram carries: each is counted, and one a minute is logged. */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Stats } from '../stats.ts'
import type { Flow } from '../transports/transport.ts'

const every = 60_000 // milliseconds between two lines

export function longResponses(
  log: Log,
  clock: Clock,
  stats: Stats,
): (flow: Flow, method: string, status: number, bytes: number) => void {
  let at = -every
  return ({ remote }, method, status, bytes) => {
    stats.count('responses_too_long', 1)
    const now = clock.now()
    if (now - at < every) return
    at = now
    log.warn({ remote, method, status, bytes }, 'a response is more than a datagram carries: 500 in its place')
  }
}
