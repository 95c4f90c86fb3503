/** Lifetime of a stored message (SPEC §5.6): its Expires, counted from its Date, never longer than the server keeps any or than its identifier holds. */
import { H, type SipRequest } from '../../signalling/index.ts'

/**
 * Milliseconds since the epoch at which it is over; `undefined`: it may not be kept at all (Expires: 0).
 * @param keep milliseconds for which a message is kept at most
 * @param validUntil end of the identifier that it is for, a time of RFC 3339; undefined: it stays
 */
export function endOf(request: SipRequest, now: number, keep: number, validUntil?: string): number | undefined {
  const { expires } = request
  if (expires === 0) return undefined
  const date = Date.parse(request.text(H.Date) ?? '')
  const sent = Number.isNaN(date) || date > now ? now : date
  const last = Math.min(now + keep, validUntil === undefined ? Number.POSITIVE_INFINITY : Date.parse(validUntil))
  return Math.min(expires === undefined ? last : sent + expires * 1000, last)
}
