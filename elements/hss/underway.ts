/** Changes that are being written: until they are durable, reads give the records in force. */
import type { SubscriberRecord } from '../schemas/index.ts'

/** One record before and after; undefined: there was, or is, none. */
export interface ChangedRecord {
  readonly id: string
  readonly before: SubscriberRecord | undefined
  readonly after: SubscriberRecord | undefined
}

export class ChangesUnderWay {
  private readonly ids = new Set<string>()
  private readonly before = new Map<string, SubscriberRecord>()

  /** @param changed in the order in which they were made */
  begin(changed: readonly ChangedRecord[]): void {
    for (const { id, before } of changed) {
      if (this.ids.has(id)) continue // of a batch that changes it twice
      this.ids.add(id)
      for (const key of before === undefined ? [] : [id, ...(before.aliases ?? [])]) this.before.set(key, before!)
    }
  }
  end(): void {
    this.ids.clear()
    this.before.clear()
  }
  get none(): boolean {
    return this.ids.size === 0
  }
  /** The record in force that has that identifier or alias, and is being changed. */
  find(key: string): SubscriberRecord | undefined {
    return this.before.get(key)
  }
  /** The record of that identifier is being changed. */
  has(id: string): boolean {
    return this.ids.has(id)
  }
}
