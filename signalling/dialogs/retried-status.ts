/** Final statuses of a SUBSCRIBE, by whether the same one, in a dialog of its own, may be answered otherwise later. */

/**
 * Silence, a user who is away, a dialog that is forgotten. 482: an earlier try reached the notifier by a proxy that has
 * restarted since, and a new Call-ID is no merged request (RFC 3261 §8.2.2.2).
 */
const retried: readonly number[] = [408, 480, 481, 482]
const hopeless: readonly number[] = [501, 505, 513] // the same again gets the same again (RFC 5057 §5.1)

/** @param hasTime Retry-After came with it: a 6xx, which answers for the user everywhere, says when (RFC 3261 §21.6) */
export function mayBeRetried(status: number, hasTime = false): boolean {
  if (status >= 600) return hasTime
  return (status >= 500 && !hopeless.includes(status)) || retried.includes(status)
}
