/** A proximate list as a subscriber keeps it: lists and differences (SPEC §3.3, §3.4) applied in the order they came. */
import type { Proximate, ProximityDiff, ProximityList } from '../../schemas/index.ts'

/** By device. */
export type NearDevices = ReadonlyMap<string, Proximate>

/** Changes `near` to the state in the body. */
export function applyNear(near: Map<string, Proximate>, body: ProximityList | ProximityDiff): void {
  if ('proximate' in body) {
    near.clear()
    for (const entry of body.proximate) near.set(entry.device, entry)
    return
  }
  if (body.full) near.clear()
  for (const entry of [...body.added, ...body.refreshed]) near.set(entry.device, entry)
  for (const device of body.removed) near.delete(device)
}
