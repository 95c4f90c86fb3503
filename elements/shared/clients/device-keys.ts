/** Keys of devices as the HSS knows them, whatever form names them (SPEC §2.1). */
import { deviceKey } from '../identifiers/devices.ts'
import type { Subscribers } from './subscribers.ts'

/** Keys of devices in any form: the subscriber's identifier where there is one, else the canonical form as given. */
export async function keysOf(
  subscribers: Subscribers,
  domains: readonly string[],
  devices: readonly string[],
): Promise<readonly string[]> {
  const records = await subscribers.all(devices)
  return devices.map((device, i) => records[i]?.id ?? deviceKey(device, domains) ?? device)
}

/** As `keysOf`, from the cache alone: for moments that cannot wait. */
export function cachedKeysOf(subscribers: Subscribers, domains: readonly string[], devices: readonly string[]): string[] {
  return devices.map((device) => {
    const record = subscribers.lookup(device)
    if (record instanceof Promise)
      record.catch(() => undefined) // the next question asks again
    else if (record !== undefined) return record.id
    return deviceKey(device, domains) ?? device
  })
}
