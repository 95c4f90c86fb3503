/** Push identifier by which a subscriber sends (SPEC §5.2). */
import type { Uri } from '../../../signalling/index.ts'
import type { SubscriberRecord } from '../../schemas/index.ts'
import { deviceKey } from './devices.ts'
import { isPushInForce, pushKey, pushUri } from './push.ts'

/**
 * URI of the one in From, else of his first; undefined: he has none.
 * @param now milliseconds since the epoch
 */
export function pushSourceOf(
  from: Uri,
  { push = [] }: SubscriberRecord,
  domains: readonly string[],
  now: number,
): string | 'expired' | undefined {
  const key = deviceKey(from, domains)
  const isNamed = (name: string | undefined): boolean => name !== undefined && pushKey(name, domains) === key
  const named = push.find(({ id, string }) => isNamed(id) || isNamed(string))
  const used = named ?? push.find((one) => isPushInForce(one, now))
  if (used === undefined) return undefined
  return isPushInForce(used, now) ? pushUri(used.id, domains) : 'expired'
}
