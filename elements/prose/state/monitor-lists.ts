/**
 * Monitor lists: the devices that a device listens for (SPEC §3.1, §3.3). A peer stays listed for as long as
 * somebody has put it there. `standing`: by configuration or trigger (FIG 9); `set`: by a set query (FIG 11).
 */
import { SetIndex } from '../../shared/state/set-index.ts'

export type MonitorReason = 'standing' | 'set'

interface ReasonCounts {
  standing: number
  set: number
}

const nobody: Iterable<string> = []

export class MonitorLists {
  private readonly lists = new Map<string, Map<string, ReasonCounts>>()
  private readonly owners = new SetIndex<string, string>()

  /** Lists that are not empty. */
  get size(): number {
    return this.lists.size
  }

  /** True: the peer was not on the list before. */
  add(owner: string, peer: string, reason: MonitorReason): boolean {
    let list = this.lists.get(owner)
    if (list === undefined) this.lists.set(owner, (list = new Map()))
    const counts = list.get(peer)
    if (counts !== undefined) {
      counts[reason]++
      return false
    }
    list.set(peer, { standing: 0, set: 0, [reason]: 1 })
    this.owners.add(peer, owner)
    return true
  }

  /** True: nothing keeps the peer on the list any more. */
  remove(owner: string, peer: string, reason: MonitorReason): boolean {
    const list = this.lists.get(owner)
    const counts = list?.get(peer)
    if (list === undefined || counts === undefined || counts[reason] === 0) return false
    if (--counts[reason] > 0 || counts.standing + counts.set > 0) return false
    list.delete(peer)
    if (list.size === 0) this.lists.delete(owner)
    this.owners.delete(peer, owner)
    return true
  }

  has(owner: string, peer: string): boolean {
    return this.lists.get(owner)?.has(peer) === true
  }

  /** On the list by configuration or trigger. */
  isStanding(owner: string, peer: string): boolean {
    return (this.lists.get(owner)?.get(peer)?.standing ?? 0) > 0
  }

  peersOf(owner: string): Iterable<string> {
    return this.lists.get(owner)?.keys() ?? nobody
  }

  ownersOf(peer: string): ReadonlySet<string> {
    return this.owners.of(peer)
  }
}
