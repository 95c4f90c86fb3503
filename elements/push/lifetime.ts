/** Lifetime of a stored message (SPEC §5.6): its Expires, counted from its Date, and never longer than the server keeps any. */
import { H, type SipRequest } from '../../signalling/index.ts'

/**
 * Milliseconds since the epoch at which it is over; `undefined`: it may not be kept at all (Expires: 0).
 * @param keep milliseconds for which a message is kept at most
 */
export function endOf(request: SipRequest, now: number, keep: number): number | undefined {
  const { expires } = request
  if (expires === 0) return undefined
  const date = Date.parse(request.text(H.Date) ?? '')
  const sent = Number.isNaN(date) || date > now ? now : date
  return Math.min(expires === undefined ? now + keep : sent + expires * 1000, now + keep)
}
