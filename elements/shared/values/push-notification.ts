/** Push notification parameters of a Contact (RFC 8599 §8): by them a device that sleeps can be woken. They are shown to nobody. */
import { type Address, parseUri, seal, type Uri } from '../../../signalling/index.ts'
import { decoded } from '../identifiers/percent.ts'

/** The service that wakes a device, and its name there. */
export interface WakeTarget {
  /** Value of `pn-provider`. */
  readonly provider: string
  /** Value of `pn-prid`, decoded. */
  readonly prid: string
  /** Value of `pn-param`, decoded. */
  readonly param?: string
}

const ownParameters = /;pn-(?:provider|prid|param|purr)(?:=[^;?>]*)?/gi

/** Seconds that a binding which can be woken lasts (SPEC §5.8). */
export const wakingLifetime = { min: 86_400, max: 2_592_000 } as const

/** Value of `pn-provider`; '': any is asked about; undefined: the client does not ask. */
export function providerAsked({ parameters }: Uri): string | undefined {
  return parameters.get('pn-provider')
}

/** Undefined: the Contact is a query, or cannot be woken at all. */
export function wakeTargetOf({ parameters }: Uri): WakeTarget | undefined {
  const [provider, prid, param] = ['pn-provider', 'pn-prid', 'pn-param'].map((name) => parameters.get(name))
  if (provider === undefined || provider === '' || prid === undefined || prid === '') return undefined
  return { provider, prid: decoded(prid), ...(param === undefined || param === '' ? {} : { param: decoded(param) }) }
}

/** The URI as others may see it. */
export function withoutNotification(text: string): string {
  return /;pn-/i.test(text) ? text.replace(ownParameters, '') : text
}

/** The name of a PRID, which says nothing of it. */
export function nameOfTarget({ prid, provider }: WakeTarget): string {
  return seal('', `${provider} ${prid}`, 22)
}

/** Name of a device among those of its subscriber: its instance, else that of its PRID; undefined: it has neither. */
export function wakeableDevice(instance: string | undefined, target: string | undefined): string | undefined {
  return instance ?? (target === undefined ? undefined : `pn-${target}`)
}

/** Name of the device that registers a Contact, among those of its subscriber: as `wakeableDevice`, else the Contact as others see it. */
export function deviceName({ parameters, uri }: Address): string {
  const target = wakeTargetOf(uri)
  const named = wakeableDevice(parameters.get('+sip.instance'), target && nameOfTarget(target))
  return named ?? withoutNotification(uri.text)
}

/** The PURR of a Request-URI (RFC 8599 §6.1.2): names the registration that a dialog's Contact is of. */
export function purrOf(uri: string): string | undefined {
  return /;pn-purr=/i.test(uri) ? parseUri(uri)?.parameters.get('pn-purr') : undefined
}
