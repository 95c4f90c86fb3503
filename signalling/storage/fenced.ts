/** A store as an element has it while it runs here: afterwards it takes no write of that element, and tells it of no change. */
import { StoreFault } from './fault.ts'
import type { FencedStore, Store } from './store.ts'

export function fencedStore(store: Store): FencedStore {
  const stops = new Set<() => void>()
  let isClosed = false
  const gone = (): StoreFault =>
    new StoreFault('store-closed', 'this element has been let go: only the node that runs it now may write its state')
  return {
    store: {
      name: store.name,
      ...(store.durability === undefined ? {} : { durability: store.durability }),
      fault: () => store.fault?.(),
      get: (key) => store.get(key),
      write: (writes) => (isClosed ? Promise.reject(gone()) : store.write(writes)),
      scan: (prefix, after) => store.scan(prefix, after),
      watch: (prefix, listener) => {
        if (isClosed) return () => undefined
        const stop = store.watch(prefix, listener)
        stops.add(stop)
        return () => {
          stops.delete(stop)
          stop()
        }
      },
      close: () => store.close(),
    },
    close: () => {
      isClosed = true
      for (const stop of stops) stop()
    },
  }
}
