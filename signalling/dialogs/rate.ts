/** Event rate control (RFC 6446): how soon a NOTIFY may follow the last one, and how late one must. */
import type { Clock } from '../clock.ts'

export interface Rate {
  /** Least milliseconds between two NOTIFYs (max-rate); 0: no limit. */
  readonly gap: number
  /** Most milliseconds between two NOTIFYs (min-rate); Infinity: only on change. */
  readonly period: number
  /** Like `period`, but stretched so that the average over a long time is kept (adaptive-min-rate). */
  readonly adaptive: boolean
}

const fastest = 1000 // NOTIFYs a second that may be asked for
const steadiest = 0.1 // seconds: no feedback period below that

function rateOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const rate = Number(text)
  return /^\d+(?:\.\d+)?$/.test(text) && rate > 0 ? Math.min(rate, fastest) : undefined
}

/** Rates in the parameters of an Event header; a malformed one does not count (RFC 6446 §7). */
export function parseRate(parameters: ReadonlyMap<string, string>): Rate {
  const max = rateOf(parameters.get('max-rate'))
  const min = rateOf(parameters.get('min-rate'))
  const adaptive = rateOf(parameters.get('adaptive-min-rate'))
  const floor = min ?? adaptive
  const gap = max === undefined ? 0 : 1000 / max
  // RFC 6446 §5: a min-rate above the max-rate makes no sense; the max-rate holds
  const period = floor === undefined ? Number.POSITIVE_INFINITY : Math.max(1000 / floor, gap, steadiest * 1000)
  return { gap, period, adaptive: min === undefined && adaptive !== undefined }
}

/** The rates that the notifier applies, for Subscription-State (RFC 6446 §8); `''` if none. */
export function printRate(rate: Rate): string {
  const shown = (value: number): string => String(Math.round((1000 / value) * 1000) / 1000)
  let text = rate.gap > 0 ? `;max-rate=${shown(rate.gap)}` : ''
  if (rate.period !== Number.POSITIVE_INFINITY)
    text += `;${rate.adaptive ? 'adaptive-min-rate' : 'min-rate'}=${shown(rate.period)}`
  return text
}

/**
 * Milliseconds from the last NOTIFY to the next periodic one. Adaptive (RFC 6446 §5.3): with `count` NOTIFYs in the last
 * `window` milliseconds the wait grows. Changes and periods together so come to the rate that was asked for.
 */
export function nextPeriod(rate: Rate, count: number, window: number): number {
  if (!rate.adaptive || window <= 0) return rate.period
  const wanted = window / rate.period
  return rate.period * Math.max(1, count / Math.max(1, wanted))
}

/** The clock's time as a number that takes no room of its own beside the object; later rather than sooner. */
export function wholeMs(clock: Clock): number {
  return Math.ceil(clock.now())
}
