/** Settings of a proximity server (SPEC §3.1–§3.4), seconds where a person writes them, milliseconds inside. */
import { type Lifetimes, lifetimesOf } from '../shared/values/lifetimes.ts'
import { SettingsError } from '../shared/values/settings-error.ts'

export interface ProseSettings {
  /** `listed`: only codes on a device's monitor list count. Default `all`. */
  readonly mode?: 'all' | 'listed'
  /** Seconds granted to a proximity service request. Default 3600, at most 86400. */
  readonly expires?: Lifetimes
  /** Seconds that a broadcast code is valid, and for how many of them it overlaps with the next. Default 3600 and 60. */
  readonly code?: { readonly lifetime?: number; readonly grace?: number }
  /**
   * Seconds: when a device reports a code again, which it is told. Default 20; a third of `lifetime` where an entry would end before it.
   * `confirmed`: only codes count whose broadcaster has answered a challenge over the air. Default false.
   */
  readonly report?: { readonly refresh?: number; readonly confirmed?: boolean }
  /** Seconds after which a proximate entry that is not refreshed leaves. Default 3 refresh intervals. */
  readonly lifetime?: number
  /** Who broadcasts: every discoverable device, or those that somebody listens for. Default `permanent`. */
  readonly announce?: 'permanent' | 'when-monitored'
  /** Device -> devices on its monitor list; bare names are users of the first domain. */
  readonly monitors?: { readonly [device: string]: readonly string[] }
  /** Whom a UE may ask about by a set query, which tells codes and wakes: whose friend it is, or everybody. Default `friends`. */
  readonly sets?: 'friends' | 'everybody'
  /** URIs of the other ProSe servers of the network, from which devices may move here (SPEC §4). */
  readonly fellows?: readonly string[]
  /** URI of the HSS. Default `sip:hss@<first domain>`. */
  readonly hss?: string
  /** URI of the PCRF; left out: it is not asked, and nothing is charged. */
  readonly pcrf?: string
  /** What takes a unit of a quota: each proximity service request, or each feedback. Default `request`. */
  readonly confirm?: 'request' | 'feedback'
  /** Tell the PCRF each chargeable event. Default false. */
  readonly charge?: boolean
  /** While the PCRF does not answer. `keep`: what was allowed goes on, new requests get 503. Default `keep`. */
  readonly unanswered?: 'keep' | 'allow'
}

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
