/** Common to all that is asked of the proximity server: for which device, and refusals that reveal nothing. */
import type { Exchange, Notifier, Uri } from '../../../signalling/index.ts'
import type { SubscriberRecord } from '../../schemas/index.ts'
import type { Subscribers } from '../clients/subscribers.ts'
import { deviceKey } from '../identifiers/devices.ts'
import { actsFor, checkedRoles, permittedRoles, type RoleBits } from './device-permissions.ts'

/** Gives the same answer for devices that are unknown and devices of somebody else (SPEC §2.5). */
export const notYours = 'expected your own device, or that of a subscriber who lists you as application server'
export const notPermitted = 'your subscription does not let you discover: ask your operator'
export const notTheirFriend = 'none of these peers has you as a friend; expected one who lists you'

/**
 * A record if the asker may act for that device. Unknown and forbidden devices look the same (SPEC §2.5). With the exchange,
 * an MME may have asked the HSS already (SPEC §3.6).
 */
export async function recordFor(
  subscribers: Subscribers,
  asker: string,
  device: Uri | string,
  application: string | undefined,
  exchange?: Exchange,
): Promise<{ readonly record: Pick<SubscriberRecord, 'id'>; readonly permitted: RoleBits } | undefined> {
  const checked = device === asker ? exchange && checkedRoles(exchange) : undefined
  if (checked !== undefined) return { record: { id: asker }, permitted: checked }
  const record = await subscribers.lookup(device)
  if (record === undefined || !actsFor(asker, record, application)) return undefined
  return { record, permitted: permittedRoles(record) }
}

/** Whether the subscriber of a standing subscription may act for its device by this record. */
export function stillActsFor(
  notifier: Notifier,
  record: SubscriberRecord | undefined,
  application: string | undefined,
  domains: readonly string[],
): boolean {
  const asker = deviceKey(notifier.subscriber, domains) ?? notifier.subscriber
  return record !== undefined && actsFor(asker, record, application)
}
