/** Writes that a test keeps waiting, so that it can look at what is so meanwhile. */
import type { Store } from '../../signalling/index.ts'
import type { WriteOutcome } from '../../signalling/testing.ts'

export interface HeldWrites {
  readonly waiting: number
  /** Lets go what waits, and whatever comes later. */
  release(): void
}

/** Holds what is written from now on under keys that start so. */
export function holdWrites(store: Store, prefix = ''): HeldWrites {
  const waiting: (() => void)[] = []
  const write = store.write.bind(store)
  store.write = async (writes): Promise<WriteOutcome> => {
    if (writes.some(({ key }) => key.startsWith(prefix))) await new Promise<void>((resolve) => waiting.push(resolve))
    return write(writes)
  }
  return {
    get waiting() {
      return waiting.length
    },
    release: () => {
      store.write = write
      for (const resume of waiting.splice(0)) resume()
    },
  }
}

/** Counts what is written from now on under keys that start so. */
export function countWrites(store: Store, prefix: string): { readonly count: number } {
  let count = 0
  const write = store.write.bind(store)
  store.write = (writes) => {
    count += writes.filter(({ key }) => key.startsWith(prefix)).length
    return write(writes)
  }
  return {
    get count() {
      return count
    },
  }
}
