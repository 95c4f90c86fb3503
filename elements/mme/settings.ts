/** Settings of an MME (SPEC §3.6). Seconds where a person writes them, milliseconds inside. */
import { SettingsError } from '../shared/values/settings-error.ts'
import type { MmeSettings } from './settings-type.ts'

export type { MmeSettings } from './settings-type.ts'

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
