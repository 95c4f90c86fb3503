/** Relations from begin to end (SPEC §3.2): in their list, in the store, by lapse of time, and told to their watchers. */
import type { Host } from '../../../signalling/index.ts'
import { keyPart } from '../../shared/identifiers/keys.ts'
import { discoverable, discoverer } from '../../shared/permissions/device-permissions.ts'
import { Deadlines } from '../../shared/state/deadlines.ts'
import { Kept } from '../../shared/state/kept.ts'
import { enforceTogether, putTogether } from '../../shared/state/kept-change.ts'
import type { RecordTable } from '../../shared/state/records-in-force.ts'
import type { Devices } from './devices.ts'
import type { Notifying } from './notifying.ts'
import type { ProximateLists, Relation } from './proximate-list.ts'

type RelationKey = Pick<Relation, 'reporter' | 'peer'>

/** Proximate lists as a table: one that is heard again stays the entry that it is. */
class RelationTable implements RecordTable<RelationKey, Relation> {
  private readonly lists: ProximateLists

  constructor(lists: ProximateLists) {
    this.lists = lists
  }

  get size(): number {
    return this.lists.size
  }

  get({ reporter, peer }: RelationKey): Relation | undefined {
    return this.lists.entriesOf(reporter).get(peer)
  }

  set(key: RelationKey, relation: Relation): void {
    const before = this.get(key)
    const { since, lastHeard, rssi, code } = relation
    if (before?.since !== since) this.lists.put(relation)
    else if (lastHeard > before.lastHeard) Object.assign(before, { lastHeard, rssi, code })
  }

  delete(key: RelationKey): boolean {
    const relation = this.get(key)
    return relation !== undefined && this.lists.remove(relation)
  }

  *entries(): Iterable<readonly [RelationKey, Relation]> {
    for (const relation of this.lists.all()) yield [relation, relation]
  }

  clear(): void {
    for (const relation of [...this.lists.all()]) this.lists.remove(relation)
  }
}

export class Relations {
  private readonly host: Host
  private readonly lists: ProximateLists
  private readonly devices: Devices
  private readonly notifying: Notifying
  private readonly kept: Kept<Relation, RelationKey>
  private readonly deadlines: Deadlines<Relation>

  constructor(host: Host, lists: ProximateLists, devices: Devices, notifying: Notifying) {
    this.host = host
    this.lists = lists
    this.devices = devices
    this.notifying = notifying
    this.kept = new Kept<Relation, RelationKey>(host, {
      prefix: `prose/${host.name}/near/`,
      noun: 'a relation',
      partOf: ({ reporter, peer }) => `${keyPart(reporter)}/${keyPart(peer)}`,
      toStored: ({ reporter, peer, since, lastHeard, rssi, code }) => ({ reporter, peer, since, lastHeard, rssi, code }),
      fromStored: (stored) => {
        const relation = stored as unknown as Relation
        return [relation, relation]
      },
      expires: (relation) => lists.due(relation),
      table: new RelationTable(lists),
    })
    this.deadlines = new Deadlines(
      host.clock,
      (relation) => (lists.holds(relation) ? lists.due(relation) : undefined),
      (relations) => this.lapsed(relations),
    )
  }

  async load(): Promise<void> {
    await this.kept.load()
    for (const relation of this.lists.all()) this.deadlines.add(relation)
  }

  /** A report of one device, as a whole. Resolves with the peers that came or went when it is in force; the caller tells. */
  async report(heard: readonly Relation[], lost: readonly Relation[]): Promise<readonly string[]> {
    const { devices, kept, lists } = this
    const changes = heard.map((relation) => kept.putting(relation, relation))
    for (const relation of lost) changes.push(kept.removing(relation))
    const changed: string[] = []
    await putTogether(this.host.store, changes, [], () => {
      for (const relation of lost) if (kept.get(relation) !== undefined) changed.push(relation.peer)
    })
    for (const relation of heard) {
      if (!lists.holds(relation)) continue // it was there before
      if (devices.has(relation.reporter, discoverer) && devices.has(relation.peer, discoverable)) {
        this.deadlines.add(relation)
        changed.push(relation.peer)
      } else void kept.expel(relation) // one of the two has left while it was written
    }
    return changed
  }

  /** Ends relations, durably in a while, and tells who watches them. */
  expelAndTell(relations: readonly Relation[]): void {
    const standing = relations.filter((relation) => this.lists.holds(relation))
    void this.expel(standing)
    this.tell(standing)
  }

  /** Nobody hears the peer any more. */
  dropHearersOf(peer: string): void {
    const relations: Relation[] = []
    for (const reporter of this.lists.hearersOf(peer)) {
      const relation = this.lists.entriesOf(reporter).get(peer)
      if (relation !== undefined) relations.push(relation)
    }
    this.expelAndTell(relations)
  }

  /** The reporter hears nobody any more; watchers are told. Durable when it resolves. */
  forgetHeard(reporter: string): Promise<boolean> {
    const relations = [...this.lists.entriesOf(reporter).values()]
    const written = this.expel(relations)
    this.tell(relations)
    return written
  }

  stop(): Promise<void> {
    this.deadlines.stop()
    return this.kept.stop()
  }

  private expel(relations: readonly Relation[]): Promise<boolean> {
    return enforceTogether(
      this.host,
      relations.map((relation) => this.kept.removing(relation)),
    )
  }

  /** Their time is over, as their records in the store say. */
  private lapsed(relations: readonly Relation[]): void {
    for (const relation of relations) this.kept.lapse(relation, undefined)
    this.tell(relations)
  }

  private tell(relations: readonly Relation[]): void {
    const byReporter = new Map<string, string[]>()
    for (const { reporter, peer } of relations) {
      const peers = byReporter.get(reporter)
      if (peers === undefined) byReporter.set(reporter, [peer])
      else peers.push(peer)
    }
    for (const [reporter, peers] of byReporter) this.notifying.tellWatchers(reporter, peers)
  }
}
