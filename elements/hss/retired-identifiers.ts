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
  /**
   * The first identifier that is new in a record and was another's, with its place; undefined: none was.
   * @param changed that goes before it, and is not kept yet
   */
  among(
    { id: owner, push = [] }: Pick<SubscriberRecord, 'id' | 'push'>,
    before: Pick<SubscriberRecord, 'push'> | undefined,
    changed: readonly ChangedRecord[],
  ): { readonly index: number; readonly id: string } | undefined {
    const known = new Set(before?.push?.map(({ id }) => id))
    const isLost = (id: string): boolean => changed.some((change) => change.id !== owner && lostBy(change).includes(id))
    const index = push.findIndex(({ id }) => {
      if (known.has(id)) return false
      return (this.kept.get(id)?.owner ?? owner) !== owner || isLost(id)
    })
    return index < 0 ? undefined : { index, id: push[index]!.id }
  }
  /** As `keep`, of changes by a file. Throws where one gives what was another's; nothing has changed then. */
  async takeAway(changed: readonly ChangedRecord[]): Promise<void> {
    for (const { after, before, id } of changed) {
      const other = after && this.among(after, before, changed)
      if (other === undefined) continue
      throw new Error(`${id} /push/${other.index}/id: ${other.id} was somebody else's; expected another one for 400 days`)
    }
    await this.keep(changed)
  }
  /** Keeps those that these changes take away; resolves when durable. */
  async keep(changed: readonly ChangedRecord[]): Promise<void> {
    const until = this.host.clock.date() + keptFor
    const lost = changed.flatMap((change) => lostBy(change).map((id) => this.kept.putting(id, { owner: change.id, until })))
    if (lost.length > 0) await putTogether(this.host.store, lost)
  }
}

/** Short-lived identifiers that a change takes from its subscriber. */
function lostBy({ before, after }: ChangedRecord): readonly string[] {
  if (before?.push === undefined) return []
  const left = new Set(after?.push?.map(({ id }) => id))
  return before.push.flatMap(({ id, validUntil }) => (validUntil === undefined || left.has(id) ? [] : [id]))
}
