/** From the bindings of a user to the targets of a fork: every device at once, each by one flow at a time (RFC 5626 §7). */
import type { Target } from '../../signalling/index.ts'
import type { Binding } from '../services/bindings.ts'

/** The newest flow of each instance, its older ones behind it; `bindings` as the registrar has them, oldest first. */
export function devicesOf(bindings: readonly Binding[], targetOf: (binding: Binding) => Target | undefined): readonly Target[] {
  const flows = new Map<string, Target[]>()
  const targets: Target[][] = []
  for (let i = bindings.length - 1; i >= 0; i--) {
    const { instance } = bindings[i]!
    const target = targetOf(bindings[i]!)
    if (target === undefined) continue
    const others = instance === undefined ? undefined : flows.get(instance)
    if (others !== undefined) {
      others.push(target)
      continue
    }
    const device = [target]
    targets.push(device)
    if (instance !== undefined) flows.set(instance, device)
  }
  targets.reverse() // devices in the order of their registration
  return targets.map(([newest, ...older]) => (older.length === 0 ? newest! : { ...newest!, otherwise: older }))
}
