/** Store of a node that may be killed at any time: its writes are durable some milliseconds later, those before it in order. */
import type { Clock, Ids, Store, StoreWrite } from '../../../signalling/index.ts'
import type { WriteOutcome } from '../../../signalling/testing.ts'

interface PendingWrite {
  readonly writes: readonly StoreWrite[]
  readonly resolve: (outcome: Promise<WriteOutcome>) => void
}

const commit = 3 // milliseconds

/** A process's handle of a store that outlives it. */
export function crashingStore(kept: Store, clock: Clock, ids: Ids): { readonly store: Store; readonly crash: () => void } {
  let pending: PendingWrite[] = []
  let isDead = false
  const apply = (): void => {
    if (isDead) return
    const all = pending
    pending = []
    for (const { resolve, writes } of all) resolve(kept.write(writes))
  }
  const store: Store = {
    name: 'crashing',
    get: (key) => kept.get(key),
    scan: (prefix, after) => kept.scan(prefix, after),
    watch: (prefix, listener) => kept.watch(prefix, (change) => (isDead ? undefined : listener(change))),
    write: (writes) =>
      new Promise((resolve) => {
        if (pending.length === 0) clock.after(commit, apply)
        pending.push({ writes, resolve })
      }),
    close: async () => undefined,
  }
  const crash = (): void => {
    isDead = true
    // what was on its way to the disk may be there, though its writer never hears of it
    const made = Math.floor(ids.fraction() * (pending.length + 1))
    for (const { writes } of pending.slice(0, made)) void kept.write(writes)
  }
  return { store, crash }
}
