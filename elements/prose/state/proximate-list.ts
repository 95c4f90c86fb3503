/** Proximate lists, from reports (SPEC §3.2, §3.3): one list a reporter, entries with a lifetime, directional. */
import { SetIndex } from '../../shared/state/set-index.ts'

export interface Relation {
  readonly reporter: string
  readonly peer: string
  /** Milliseconds since the epoch, as are the others. */
  readonly since: number
  lastHeard: number
  /** dBm */
  rssi: number | undefined
  /** The code under which the peer was heard last. */
  code: string
}

const empty: ReadonlyMap<string, Relation> = new Map()

export class ProximateLists {
  private readonly lifetime: number
  private readonly lists = new Map<string, Map<string, Relation>>()
  private readonly hearers = new SetIndex<string, string>()
  /** Relations in all lists. */
  size = 0

  /** @param lifetime milliseconds that an entry lives without being refreshed */
  constructor(lifetime: number) {
    this.lifetime = lifetime
  }

  /** Milliseconds since the epoch at which the entry leaves. */
  due(relation: Relation): number {
    return relation.lastHeard + this.lifetime
  }

  /** The entry if it is in its list and within its lifetime. */
  find(reporter: string, peer: string, now: number): Relation | undefined {
    const relation = this.lists.get(reporter)?.get(peer)
    return relation !== undefined && this.due(relation) > now ? relation : undefined
  }

  /** Puts an entry in place of any older one. */
  put(relation: Relation): void {
    let list = this.lists.get(relation.reporter)
    if (list === undefined) this.lists.set(relation.reporter, (list = new Map()))
    if (!list.has(relation.peer)) this.size++
    list.set(relation.peer, relation)
    this.hearers.add(relation.peer, relation.reporter)
  }

  /** False: that very entry is not in its list. */
  remove(relation: Relation): boolean {
    const list = this.lists.get(relation.reporter)
    if (list?.get(relation.peer) !== relation) return false
    list.delete(relation.peer)
    if (list.size === 0) this.lists.delete(relation.reporter)
    this.hearers.delete(relation.peer, relation.reporter)
    this.size--
    return true
  }

  holds(relation: Relation): boolean {
    return this.lists.get(relation.reporter)?.get(relation.peer) === relation
  }

  /** All entries of a reporter's list, lapsed ones that nobody has removed yet included. */
  entriesOf(reporter: string): ReadonlyMap<string, Relation> {
    return this.lists.get(reporter) ?? empty
  }

  *all(): Generator<Relation> {
    for (const list of this.lists.values()) yield* list.values()
  }

  hearersOf(peer: string): ReadonlySet<string> {
    return this.hearers.of(peer)
  }

  /** Entries of a reporter that count now; `mutual`: only where the peer hears the reporter too. */
  near(reporter: string, now: number, mutual: boolean): Relation[] {
    const near: Relation[] = []
    for (const relation of this.entriesOf(reporter).values()) {
      if (this.due(relation) > now && (!mutual || this.find(relation.peer, reporter, now) !== undefined)) near.push(relation)
    }
    return near
  }
}
