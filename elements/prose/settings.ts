/** Settings of a proximity server (SPEC §3.1–§3.4), seconds where a person writes them, milliseconds inside. */
import { type Lifetimes, lifetimesOf } from '../shared/values/lifetimes.ts'
import { SettingsError } from '../shared/values/settings-error.ts'
import type { ProseSettings } from './settings-type.ts'

export type { ProseSettings } from './settings-type.ts'

/** Settings with defaults; durations in milliseconds, subscription lengths in seconds as SIP has them. */
export interface ProseRules {
  readonly mode: 'all' | 'listed'
  readonly announce: 'permanent' | 'when-monitored'
  readonly sets: 'friends' | 'everybody'
  readonly expires: Required<Lifetimes>
  readonly codeLifetime: number
  readonly codeGrace: number
  readonly entryLifetime: number
  /** Seconds. */
  readonly refresh: number
  readonly confirmed: boolean
}

/** Throws where the numbers contradict each other. */
export function rulesOf(settings: ProseSettings): ProseRules {
  const lifetime = settings.code?.lifetime ?? 3600
  const grace = settings.code?.grace ?? Math.min(60, lifetime / 4)
  const wanted = settings.report?.refresh ?? Math.min(20, (settings.lifetime ?? 60) / 3)
  const entry = settings.lifetime ?? 3 * wanted
  const refresh = wanted < entry ? wanted : entry / 3 // else each entry would come and go
  const unasked = (['confirm', 'charge', 'unanswered'] as const).find((name) => settings[name] !== undefined)
  if (settings.pcrf === undefined && unasked !== undefined)
    throw new SettingsError(`${unasked}: there is no pcrf to ask`, `pcrf: sip:pcrf@…, or no ${unasked}`)
  if (!(lifetime > 0) || !(grace >= 0) || grace > lifetime / 2) {
    throw new SettingsError(`code.grace: ${grace} s is more than half the lifetime of ${lifetime} s`, `at most ${lifetime / 2} s`)
  }
  if (!(entry > 0)) throw new SettingsError(`lifetime: ${entry} s`, 'seconds, above 0')
  return {
    mode: settings.mode ?? 'all',
    announce: settings.announce ?? 'permanent',
    sets: settings.sets ?? 'friends',
    expires: lifetimesOf(settings.expires),
    codeLifetime: lifetime * 1000,
    codeGrace: grace * 1000,
    entryLifetime: entry * 1000,
    refresh,
    confirmed: settings.report?.confirmed ?? false,
  }
}
