/**
 * Which devices a device listens for (SPEC §3.1, §3.3). A peer is on a list for as long as somebody has put it there:
 * `standing` by configuration or trigger (FIG 9), `set` by a set query (FIG 11).
 */
export type MonitorReason = 'standing' | 'set'

interface Counts {
  standing: number
  set: number
}

const nobody: ReadonlySet<string> = new Set()

export class MonitorLists {
  private readonly lists = new Map<string, Map<string, Counts>>()
  private readonly owners = new Map<string, Set<string>>()

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
    const owners = this.owners.get(peer)
    if (owners === undefined) this.owners.set(peer, new Set([owner]))
    else owners.add(owner)
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
    const owners = this.owners.get(peer)
    owners?.delete(owner)
    if (owners?.size === 0) this.owners.delete(peer)
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
    return this.owners.get(peer) ?? nobody
  }
}
