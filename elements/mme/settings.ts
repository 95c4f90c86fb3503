/** Settings of an MME (SPEC §3.6). Seconds where a person writes them, milliseconds inside. */
import type { Lifetimes } from '../shared/values/lifetimes.ts'
import { SettingsError } from '../shared/values/settings-error.ts'

export interface MmeSettings {
  /** `hss`: permissions are asked for here, and the proximity server asks no more. Default `none`. */
  readonly check?: 'hss' | 'none'
  readonly identifier?: {
    /** Default `s-tmsi`. */
    readonly form?: 's-tmsi' | 'p-tmsi'
    /** Two hex digits, the first of its S-TMSIs: no other MME of the network has them. Default `01`. */
    readonly code?: string
    /** Seconds until one is replaced, and for how many more of them the old one counts. Default 3600 and 60. */
    readonly lifetime?: number
    readonly grace?: number
  }
  /** Seconds granted to an attached UE. Default 3600, at most 86400. */
  readonly expires?: Lifetimes
  /** URIs of the other MMEs of the network, from which UEs may move here. Default: those of the dialplan. */
  readonly fellows?: readonly string[]
  /** URI of the proximity server, for what a UE addresses to the MME itself. Default `sip:prose@<first domain>`. */
  readonly prose?: string
  /** URI of the HSS. Default `sip:hss@<first domain>`. */
  readonly hss?: string
}

export interface IdentifierRules {
  readonly form: 's-tmsi' | 'p-tmsi'
  readonly code: string
  /** Milliseconds. */
  readonly lifetime: number
  readonly grace: number
}

/** Throws where the numbers contradict each other. */
export function identifierRules({ identifier = {} }: MmeSettings): IdentifierRules {
  const { form = 's-tmsi', code = '01', lifetime = 3600, grace = Math.min(60, lifetime / 4) } = identifier
  if (!(lifetime > 0) || !(grace >= 0) || grace > lifetime / 2)
    throw new SettingsError(
      `identifier.grace: ${grace} s is more than half the lifetime of ${lifetime} s`,
      `at most ${lifetime / 2} s`,
    )
  return { form, code, lifetime: lifetime * 1000, grace: grace * 1000 }
}
