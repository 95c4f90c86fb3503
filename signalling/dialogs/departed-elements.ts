/** Elements that have left a node's plan: their names, and a package for their subscriptions until these have ended. */
import type { EventPackage } from '../element.ts'
import type { Store } from '../storage/store.ts'
import type { SubscriptionRecord } from './subscription-record.ts'

/** Remembers in the store which elements a node runs: several nodes may share one store, and each ends its own alone. */
export class DepartedElements {
  private readonly store: Store
  private readonly key: string

  constructor(store: Store, node: string) {
    this.store = store
    this.key = `node/${node}/elements`
  }
  /** Names that were there at an earlier start and are not among `present`. */
  async departed(present: readonly string[]): Promise<readonly string[]> {
    const kept = await this.store.get(this.key)
    const before = Array.isArray(kept?.value) ? kept.value.filter((name) => typeof name === 'string') : []
    return before.filter((name) => !present.includes(name))
  }
  /** `unfinished`: departed elements that still have subscriptions, to be asked for again at the next start. */
  async remember(present: readonly string[], unfinished: readonly string[]): Promise<void> {
    await this.store.write([{ key: this.key, value: [...present, ...unfinished] }])
  }
}

/** Stands for a package that nobody offers any more: its last NOTIFY has no body. */
export function packageGone({ package: name, type }: SubscriptionRecord): EventPackage {
  return { name, types: [type], expires: { usual: 0, max: 0 }, render: () => undefined }
}
