/** Settings of a proxy, with its registrar and authentication (SPEC §2.5). */
import type { DigestAlgorithm, RateSettings } from '../../signalling/index.ts'
import { SettingsError } from '../shared/values/settings-error.ts'
import type { ProxySettings, PushServer } from './settings-type.ts'

export type { ProxySettings } from './settings-type.ts'

export interface ProxyRules {
  readonly algorithms: readonly DigestAlgorithm[]
  readonly open: boolean
  readonly registrationRequired: boolean
  readonly usual: number
  readonly min: number
  readonly max: number
  readonly contacts: number
  readonly nonceSeconds: number
  readonly flowTimer: number
  /** Values of Service-Route. */
  readonly serviceRoute: readonly string[]
  readonly pathSupported: boolean
  readonly through: readonly string[]
  /** Base stations. */
  readonly stations: readonly string[]
  readonly push: readonly PushServer[]
  /** A MESSAGE to a user with a Push identifier is a Push. */
  readonly messagesArePushes: boolean
  readonly rate: RateSettings | undefined
}

const atStart = ['authenticate', 'nonce', 'hss'] as const

/** Takes other settings into rules in use. Returns the names of settings that differ and wait for the next start. */
export function renewRules(rules: ProxyRules, before: ProxySettings, after: ProxySettings): readonly string[] {
  const { algorithms, open, nonceSeconds } = rules
  Object.assign(rules, proxyRules(after), { algorithms, open, nonceSeconds })
  return atStart.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
}

/** Throws where the numbers contradict each other. */
export function proxyRules(settings: ProxySettings): ProxyRules {
  const algorithms = settings.authenticate ?? ['MD5']
  const { min = 60, max = Math.max(7200, min), usual = Math.max(min, Math.min(3600, max)) } = settings.expires ?? {}
  if (usual < min || usual > max) throw new SettingsError(`expires.usual: ${usual} s`, `seconds from min ${min} to max ${max}`)
  return {
    algorithms: algorithms === 'none' ? [] : algorithms,
    open: algorithms === 'none',
    registrationRequired: (settings.registration ?? 'required') === 'required',
    usual,
    min,
    max,
    contacts: settings.contacts ?? 10,
    nonceSeconds: settings.nonce?.seconds ?? 300,
    flowTimer: settings.flowTimer ?? 120,
    serviceRoute: (settings.serviceRoute ?? []).map((uri) => `<${uri}>`),
    pathSupported: settings.path === 'supported',
    through: settings.through ?? [],
    stations: settings.stations ?? [],
    push: settings.push ?? [],
    messagesArePushes: settings.messages === 'push' && (settings.push ?? []).length > 0,
    rate: settings.rate,
  }
}
