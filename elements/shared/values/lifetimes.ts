/** Lifetimes of subscriptions, as a dialplan says them. */
import { SettingsError } from './settings-error.ts'

/** Seconds granted to who names none, and at most. Default 3600, at most 86400. */
export interface Lifetimes {
  readonly usual?: number
  readonly max?: number
}

/** Fills in the defaults. Throws where the settings contradict each other. */
export function lifetimesOf(settings: Lifetimes | undefined, usually = 3600): Required<Lifetimes> {
  const max = settings?.max ?? Math.max(settings?.usual ?? usually, 86_400)
  const usual = settings?.usual ?? Math.min(usually, max)
  if (!(usual > 0) || max < usual) throw new SettingsError(`expires.usual: ${usual} s`, `seconds from 1 to max ${max}`)
  return { usual, max }
}
