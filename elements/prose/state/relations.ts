/** Relations from begin to end (SPEC §3.2): in their list, in the store, by lapse of time, and told to their watchers. */
import type { Clock, StoreWrite } from '../../../signalling/index.ts'
import { Deadlines } from '../../shared/state/deadlines.ts'
import type { Ledger } from './ledger.ts'
import type { Notifying } from './notifying.ts'
import type { ProximateLists, Relation } from './proximate-list.ts'

export class Relations {
  private readonly lists: ProximateLists
  private readonly ledger: Ledger
  private readonly notifying: Notifying
  private readonly deadlines: Deadlines<Relation>

  constructor(clock: Clock, lists: ProximateLists, ledger: Ledger, notifying: Notifying) {
    this.lists = lists
    this.ledger = ledger
    this.notifying = notifying
    this.deadlines = new Deadlines(
      clock,
      (relation) => (this.lists.holds(relation) ? this.lists.due(relation) : undefined),
      (relations) => this.dropAndTell(relations),
    )
  }

  /** Puts a relation into its list until its lifetime is over; the caller writes and tells. */
  placeWithDeadline(relation: Relation): void {
    this.lists.put(relation)
    this.deadlines.add(relation)
  }

  /** Ends relations, durably in a while, and tells who watches them. */
  dropAndTell(relations: readonly Relation[]): void {
    const writes: StoreWrite[] = []
    const byReporter = new Map<string, string[]>()
    for (const relation of relations) {
      if (!this.lists.remove(relation)) continue
      writes.push(this.ledger.deleteRelation(relation))
      const peers = byReporter.get(relation.reporter)
      if (peers === undefined) byReporter.set(relation.reporter, [relation.peer])
      else peers.push(relation.peer)
    }
    void this.ledger.writeSoon(writes)
    for (const [reporter, peers] of byReporter) this.notifying.tellWatchers(reporter, peers)
  }

  /** Nobody hears the peer any more. */
  dropHearersOf(peer: string): void {
    const relations: Relation[] = []
    for (const reporter of this.lists.hearersOf(peer)) {
      const relation = this.lists.entriesOf(reporter).get(peer)
      if (relation !== undefined) relations.push(relation)
    }
    this.dropAndTell(relations)
  }

  /** The reporter hears nobody any more. Returns the writes; watchers are told. */
  forgetHeard(reporter: string): StoreWrite[] {
    const relations = [...this.lists.entriesOf(reporter).values()]
    const removed = relations.filter((relation) => this.lists.remove(relation))
    this.notifying.tellWatchers(
      reporter,
      removed.map(({ peer }) => peer),
    )
    return removed.map((relation) => this.ledger.deleteRelation(relation))
  }

  stop(): void {
    this.deadlines.stop()
  }
}
