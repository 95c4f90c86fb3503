/** Answers of the network's address book that a terminal keeps (SPEC §5.3): each until its end, ten thousand at most. */
import type { Clock, Json, Log, Store } from '../../../../signalling/index.ts'
import type { PushDirectoryEntry, PushQuery } from '../../../schemas/index.ts'
import { keyPart } from '../../../shared/identifiers/keys.ts'
import { Kept } from '../../../shared/state/kept.ts'

interface KeptAnswer {
  readonly [member: string]: Json | undefined
  readonly entries: readonly { readonly [member: string]: Json | undefined }[]
  /** Milliseconds since the epoch. */
  readonly until: number
}

const most = 10_000
const forNobody = 60_000 // milliseconds

export class DirectoryCache {
  private readonly clock: Clock
  private readonly kept: Kept<KeptAnswer>

  constructor(host: { readonly clock: Clock; readonly store: Store; readonly log: Log }, user: string) {
    this.clock = host.clock
    this.kept = new Kept<KeptAnswer>(host, {
      prefix: `ue-push/${keyPart(user)}/directory/`,
      noun: 'an answer of the address book',
      expires: ({ until }) => until,
      ended: 'lapse',
    })
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }
  get size(): number {
    return this.kept.size
  }
  get(query: PushQuery): readonly PushDirectoryEntry[] | undefined {
    const known = this.kept.get(keyOf(query))
    return known !== undefined && known.until > this.clock.date() ? (known.entries as readonly PushDirectoryEntry[]) : undefined
  }
  /** The oldest goes where there is no room. */
  async put(query: PushQuery, entries: readonly PushDirectoryEntry[], until: number): Promise<void> {
    const now = this.clock.date()
    if (!(until > now)) return
    const end = entries.length === 0 ? Math.min(until, now + forNobody) : until
    const key = keyOf(query)
    const [oldest] = this.kept.size < most || this.kept.get(key) !== undefined ? [] : this.kept.entries()
    if (oldest !== undefined) await this.kept.expel(oldest[0])
    await this.kept.enforce(key, { entries: entries as unknown as KeptAnswer['entries'], until: end })
  }
}

function keyOf(query: PushQuery): string {
  return JSON.stringify(Object.entries(query).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
