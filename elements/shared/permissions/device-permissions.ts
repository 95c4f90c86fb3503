/** Permissions to be discovered, to discover, and to act for a device (SPEC §2.5, §3.1). Roles are bits. */
import { type Exchange, H } from '../../../signalling/index.ts'
import type { SubscriberRecord } from '../../schemas/index.ts'

type RoleName = 'discoverable' | 'discoverer'

/** Any sum of the two below. */
export type RoleBits = number
export const discoverable = 1
export const discoverer = 2
export const bothRoles: RoleBits = discoverable | discoverer

/** No list: both, as a request without body asks (SPEC §3.1). */
export function rolesFrom(names: readonly RoleName[] | undefined): RoleBits {
  if (names === undefined) return bothRoles
  return names.reduce((roles, name) => roles | (name === 'discoverable' ? discoverable : discoverer), 0)
}

export function roleNames(roles: RoleBits): RoleName[] {
  const names: RoleName[] = []
  if (roles & discoverable) names.push('discoverable')
  if (roles & discoverer) names.push('discoverer')
  return names
}

/** Roles that a subscriber may ever have; none for an unknown one. */
export function permittedRoles(record: SubscriberRecord | undefined): RoleBits {
  if (record === undefined) return 0
  return (record.permissions.discoverable ? discoverable : 0) | (record.permissions.discoverer ? discoverer : 0)
}

/** Roles of a device by the word of an MME that has asked the HSS; undefined: it has not, or we do not trust it. */
export function checkedRoles({ flow, request }: Pick<Exchange, 'flow' | 'request'>): RoleBits | undefined {
  if (!flow.trusted || request.find(H['P-Prose-Checked']) < 0) return undefined
  const names = request.list(H['P-Prose-Checked'])
  return rolesFrom(roleNames(bothRoles).filter((name) => names.includes(name)))
}

/**
 * Whether an asserted identity (canonical) may act for a device. It is that device in any of its forms, or an application
 * server that the HSS lists for it. Where an application is named, it is listed for that one.
 */
export function actsFor(actor: string, record: SubscriberRecord, application: string | undefined): boolean {
  if (actor === record.id || record.aliases?.includes(actor)) return true
  return (
    record.servers?.some((server) => server.uri === actor && (application ?? server.application) === server.application) ?? false
  )
}
