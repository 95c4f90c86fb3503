/** Days and hours of a rule in its time zone (SPEC §6.2), and the names of days and months for quotas. */
import { SettingsError } from './settings-error.ts'

export const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

/** A moment as the clock on a wall there shows it. */
interface WallTime {
  /** `2026-11-22`. */
  readonly date: string
  /** 0 is Sunday. */
  readonly day: number
  /** Since midnight. */
  readonly minutes: number
}

const part = /^(\d\d)\/(\d\d)\/(\d+), (\d\d):(\d\d)/

/** Wall times of one zone, of which the newest is remembered: rules ask again and again for the same minute. */
export class Zone {
  private readonly format: Intl.DateTimeFormat
  private minute = Number.NaN
  private last: WallTime = { date: '', day: 0, minutes: 0 }

  /** @param name of the IANA data base, such as `Europe/Berlin`. Throws where there is no such zone. */
  constructor(name: string) {
    const numeric = '2-digit'
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
    })
  }

  /** @param at milliseconds since the epoch */
  at(at: number): WallTime {
    const minute = Math.floor(at / 60_000)
    if (minute === this.minute) return this.last
    const [, month, day, year, hours, minutes] = part.exec(this.format.format(at))!
    const date = `${year!.padStart(4, '0')}-${month}-${day}`
    this.minute = minute
    this.last = { date, day: new Date(`${date}T00:00:00Z`).getUTCDay(), minutes: Number(hours) * 60 + Number(minutes) }
    return this.last
  }
}

/** From one minute of the day up to, and without, another; over midnight where that is the earlier one. */
export interface RuleHours {
  readonly from: number
  readonly to: number
}

/** Reads `08:00-17:30`, `22:00-06:00`, `00:00-24:00`. Throws the fault of any other text. */
export function readHours(text: string): RuleHours {
  const [, fromHours, fromMinutes, toHours, toMinutes] = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(text) ?? []
  const from = Number(fromHours) * 60 + Number(fromMinutes)
  const to = Number(toHours) * 60 + Number(toMinutes)
  if (!(from < 1440 && to <= 1440 && from !== to) || Number(fromMinutes) > 59 || Number(toMinutes) > 59)
    throw new SettingsError(`hours: ${text} is no part of a day`, 'one such as 08:00-17:30 or 22:00-06:00')
  return { from, to }
}

/** Whether a wall time is within. Hours over midnight belong to the day on which they begin. */
export function isWithin(
  { day, minutes }: WallTime,
  days: ReadonlySet<number> | undefined,
  hours: RuleHours | undefined,
): boolean {
  if (hours === undefined) return days?.has(day) ?? true
  const { from, to } = hours
  if (from < to) return minutes >= from && minutes < to && (days?.has(day) ?? true)
  if (minutes >= from) return days?.has(day) ?? true
  return minutes < to && (days?.has((day + 6) % 7) ?? true)
}
