/** Push identifiers that were short-lived and belong to nobody now: they are not given out again for 400 days (SPEC §5.1). */
import type { Host, Json } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { Kept } from '../shared/state/kept.ts'
import { putTogether } from '../shared/state/kept-change.ts'
import type { ChangedRecord } from './underway.ts'

interface RetiredIdentifier {
  readonly [member: string]: Json | undefined
  /** Subscriber who had it. */
  readonly owner: string
  /** Milliseconds since the epoch. */
  readonly until: number
}

const keptFor = 400 * 86_400_000 // milliseconds

export class RetiredIdentifiers {
  private readonly host: Host
  private readonly kept: Kept<RetiredIdentifier>

  constructor(host: Host) {
    this.host = host
    this.kept = new Kept<RetiredIdentifier>(host, {
      prefix: `hss/${host.name}/retired/`,
      noun: 'a Push identifier that is not given out',
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
  /** The first of a subscriber's identifiers that was another's, with its place; undefined: none was. */
  among({
    id: owner,
    push = [],
  }: Pick<SubscriberRecord, 'id' | 'push'>): { readonly index: number; readonly id: string } | undefined {
    const index = push.findIndex(({ id }) => (this.kept.get(id)?.owner ?? owner) !== owner)
    return index < 0 ? undefined : { index, id: push[index]!.id }
  }
  /** Keeps those that these changes take away; resolves when durable. */
  async keep(changed: readonly ChangedRecord[]): Promise<void> {
    const until = this.host.clock.date() + keptFor
    const lost = changed.flatMap(({ id: owner, before, after }) => {
      const left = new Set(after?.push?.map(({ id }) => id))
      const gone = (before?.push ?? []).filter(({ id, validUntil }) => validUntil !== undefined && !left.has(id))
      return gone.map(({ id }) => this.kept.putting(id, { owner, until }))
    })
    if (lost.length > 0) await putTogether(this.host.store, lost)
  }
}
