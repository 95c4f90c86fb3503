/** Times of a week in a time zone, as rules of privacy have them (SPEC §8.4): on these days, between these hours. */
import { dayNames, isWithin, type RuleHours, type Zone } from '../values/hours.ts'

export interface WeeklyTimes {
  readonly days: readonly (typeof dayNames)[number][]
  readonly hours: RuleHours
  readonly zone: Zone
}

const minute = 60_000 // milliseconds
const day = 24 * 60 * minute

/** @param now milliseconds since the epoch */
export function isInWeek({ days, hours, zone }: WeeklyTimes, now: number): boolean {
  return isWithin(zone.at(now), new Set(days.map((name) => dayNames.indexOf(name))), hours)
}

/** The next time after `now` at which they may begin or end, in milliseconds since the epoch. */
export function nextEdge({ hours, zone }: Pick<WeeklyTimes, 'hours' | 'zone'>, now: number): number {
  const midnight = Date.parse(`${zone.at(now).date}T00:00:00Z`)
  const edges = [-1, 0, 1, 2].flatMap((days) =>
    [hours.from, hours.to].map((minutes) => instantOf(zone, midnight + days * day + minutes * minute)),
  )
  return Math.min(...edges.filter((edge) => edge > now))
}

/** The instant of a wall time, which is given as if it were UTC. One that a change of clocks leaves out is as late as it would have been. */
function instantOf(zone: Zone, wall: number): number {
  return wall - offsetOf(zone, wall - offsetOf(zone, wall))
}

/** Milliseconds by which clocks of a zone are ahead of UTC. */
function offsetOf(zone: Zone, at: number): number {
  const { date, minutes } = zone.at(at)
  return Date.parse(`${date}T00:00:00Z`) + minutes * minute - Math.floor(at / minute) * minute
}
