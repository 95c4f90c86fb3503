/**
 * Durable state behind one interface. Keys are `/`-separated paths of at most 900 bytes; values are plain JSON-able data. A
 * write that a 2xx depends on is awaited before the 2xx leaves.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json | undefined }

export interface StoreEntry<Value extends Json = Json> {
  readonly value: Value
  /** Rises with every put of this key; never 0. */
  readonly version: number
  /** Milliseconds since the epoch after which the entry is gone. */
  readonly expires?: number
}

interface StorePut {
  readonly key: string
  readonly value: Json
  readonly expires?: number
  /** Put only if the stored version is this one; 0 = only if absent. Without it: always. */
  readonly ifVersion?: number
}
interface StoreDelete {
  readonly key: string
  readonly delete: true
  readonly ifVersion?: number
}
export type StoreWrite = StorePut | StoreDelete

/** `conflict` names the first key whose version was another; then nothing of the batch was written. */
export type WriteOutcome = { readonly ok: true } | { readonly ok: false; readonly conflict: string }

export interface StoreChange {
  readonly key: string
  /** Absent: deleted. Expiry by time is not announced. */
  readonly entry?: StoreEntry
}

export interface Store {
  readonly name: string
  /** Failures that a resolved write survives: a killed process, or power loss too. Left out: neither. */
  readonly durability?: 'process' | 'power'
  /** The reason why it does not store now, for people; undefined, or left out: none. */
  fault?(): string | undefined
  get(key: string): StoreEntry | undefined | Promise<StoreEntry | undefined>
  /** All or nothing; resolves when the batch is as durable as the store was told to be. Rejects only if the store itself failed. */
  write(writes: readonly StoreWrite[]): Promise<WriteOutcome>
  /**
   * Live entries whose key starts with `prefix`, in key order; with `after`, a key that starts so too, only entries behind
   * it.
   */
  scan(prefix: string, after?: string): AsyncIterable<readonly [key: string, entry: StoreEntry]>
  /** Tells of every committed change below `prefix`, in commit order; returns the way to stop. */
  watch(prefix: string, listener: (change: StoreChange) => void): () => void
  /** Waits for writes under way, then closes. */
  close(): Promise<void>
}

/** A store as an element has it while it runs at a node. */
export interface FencedStore {
  readonly store: Store
  /** Takes nothing any more: the node that runs the element now writes its state. */
  close(): void
}
