/** Terms of requests that wait (SPEC §8.2): whether they make sense, and when the next report is due. */
import type { LocationRequest } from '../../schemas/index.ts'
import { isWatched, type WatchedTerms, watchFault } from './target-watch.ts'

/** Members of a request that say when it reports. */
type DeferredTerms = Pick<LocationRequest, 'type' | 'time' | 'period' | 'count' | 'start' | 'stop'>

/** A fault in the terms of a request that waits, for its asker; undefined: none. @param now milliseconds since the epoch */
export function termsFault(terms: WatchedTerms & DeferredTerms, now: number): string | undefined {
  const { on, period, stop, time, type } = terms
  if (stop !== undefined && Date.parse(stop) <= now) return '/stop is over; expected a time to come'
  if (type === 'at' && time === undefined) return '/time is missing; expected the time of the report'
  if (type === 'available' && on !== 'attach') return '/on is missing; expected attach'
  if (type === 'periodic' && period === undefined) return '/period is missing; expected seconds between two reports'
  return isWatched(terms) ? watchFault(terms) : undefined
}

/** Milliseconds since the epoch at which the first report is due; undefined: time alone brings none. */
export function firstDue({ start, time, type }: DeferredTerms, since: number): number | undefined {
  if (type === 'at') return Date.parse(time!)
  return type === 'available' ? undefined : Math.max(since, start === undefined ? since : Date.parse(start))
}

/** The next report of a periodic request; undefined: that was the last. Those that were missed are left out. */
export function nextDue(
  { count, period, stop, type }: DeferredTerms,
  made: number,
  before: number,
  now: number,
): number | undefined {
  if (type !== 'periodic' || made >= (count ?? Number.POSITIVE_INFINITY)) return undefined
  const step = period! * 1000
  const next = before + step * Math.max(1, Math.ceil((now - before) / step))
  return stop !== undefined && next > Date.parse(stop) ? undefined : next
}
