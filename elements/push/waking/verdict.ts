/** Meaning of a provider's answer to a wake (SPEC §5.8). */
import type { OutboundHttpAnswer } from '../../../signalling/index.ts'

/**
 * `sent`: the device will be woken. `gone`: its PRID is no more. `refused`: not by this provider until it registers anew.
 * `throttled`: later, when the provider says. `failed`: again, with back-off.
 */
export type WakeVerdict =
  | { readonly rule: 'sent' | 'gone' | 'refused' | 'failed'; readonly why: string }
  | { readonly rule: 'throttled'; readonly why: string /** Milliseconds. */; readonly after: number }

const usualPause = 60_000 // milliseconds, where a provider says none
const longestPause = 86_400_000
const refusals: ReadonlySet<number> = new Set([400, 401, 403, 413])

/**
 * `well`: it has answered, though it may not have liked that one PRID, which a device has chosen. `unknown`: nobody has asked it.
 */
export type ServiceHealth = 'well' | 'failed' | 'unknown'

/** Word of an answer about the service itself. */
export function healthOf(answer: OutboundHttpAnswer): ServiceHealth {
  if (answer.fault !== undefined) return isOurFault(answer) ? 'unknown' : answer.fault === 'too-long' ? 'well' : 'failed'
  const isThrottled = answer.status === 503 && answer.headers['retry-after'] !== undefined
  return answer.status >= 500 && !isThrottled ? 'failed' : 'well'
}

/** We do not call such a URL. */
function isOurFault({ fault }: Extract<OutboundHttpAnswer, { readonly fault: string }>): boolean {
  return fault === 'url' || fault === 'address'
}

/** @param now milliseconds since the epoch */
export function wakeVerdictOn(answer: OutboundHttpAnswer, now: number): WakeVerdict {
  if (answer.fault !== undefined)
    return { rule: isOurFault(answer) ? 'refused' : 'failed', why: `${answer.fault}: ${answer.text}` }
  const { headers, status } = answer
  const why = String(status)
  if (status >= 200 && status < 300) return { rule: 'sent', why }
  if (status === 404 || status === 410) return { rule: 'gone', why }
  if (refusals.has(status)) return { rule: 'refused', why }
  const asked = retryAfter(headers['retry-after'], now)
  if (status === 429 || (status === 503 && asked !== undefined)) return { rule: 'throttled', why, after: asked ?? usualPause }
  return { rule: 'failed', why }
}

/** Milliseconds of Retry-After: seconds or a date (RFC 9110 §10.2.3); undefined: it says none. */
function retryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const milliseconds = /^\d{1,9}$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(milliseconds) ? undefined : Math.min(Math.max(milliseconds, 0), longestPause)
}
