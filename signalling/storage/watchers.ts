/** Watchers of committed changes. Announcements leave in commit order, outside the call that wrote. */
import type { Log } from '../log.ts'
import type { StoreChange } from './store.ts'

interface StoreWatcher {
  readonly prefix: string
  readonly listener: (change: StoreChange) => void
}

export class StoreWatchers {
  private readonly watchers = new Set<StoreWatcher>()
  private readonly queue: StoreChange[] = []
  private readonly log: Log | undefined
  constructor(log?: Log) {
    this.log = log
  }
  get any(): boolean {
    return this.watchers.size > 0
  }
  add(prefix: string, listener: (change: StoreChange) => void): () => void {
    const watcher: StoreWatcher = { prefix, listener }
    this.watchers.add(watcher)
    return () => {
      this.watchers.delete(watcher)
    }
  }
  /** Queues the changes; each listener sees them in a microtask, also when it writes meanwhile. */
  announce(changes: readonly StoreChange[]): void {
    if (changes.length === 0 || this.watchers.size === 0) return
    if (this.queue.length === 0) queueMicrotask(this.deliver)
    for (const change of changes) this.queue.push(change)
  }
  private readonly deliver = (): void => {
    for (let i = 0; i < this.queue.length; i++) {
      const change = this.queue[i]!
      for (const { prefix, listener } of this.watchers) {
        if (!change.key.startsWith(prefix)) continue
        try {
          listener(change)
        } catch (fault) {
          this.log?.error({ fault, key: change.key }, 'a watcher of the store threw') // a bug of the watcher, not of the store
        }
      }
    }
    this.queue.length = 0
  }
}
