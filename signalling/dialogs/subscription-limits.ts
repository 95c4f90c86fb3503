/** How many subscriptions each subscriber holds, so that none of them can take the memory of all, nor the time. */

export const usualLimit = 10_000
/** Subscriptions of one subscriber to one resource of one package: all of them are told at once when it changes. */
export const ofOneResource = 250

/** What a share is counted by. */
export interface Held {
  readonly subscriber: string
  readonly element: string
  readonly package: string
  readonly resource: string
}

export class Shares {
  limit: number
  private readonly all: (() => Iterable<Held>) | undefined
  private readonly held = new Map<string, number>()
  /** Subscriber -> resource -> how many; of those alone that hold so many that it may matter. */
  private readonly crowds = new Map<string, Map<string, number>>()

  /** @param all what is held now; left out: only the sum is bounded */
  constructor(limit = usualLimit, all?: () => Iterable<Held>) {
    this.limit = limit
    this.all = all
  }
  /** Whether one more is refused. @param weight places that it takes of those that its subscriber has */
  isFull(one: Held, weight = 1): boolean {
    const count = this.held.get(one.subscriber) ?? 0
    if (count + weight > this.limit) return true
    if (count < ofOneResource || this.all === undefined) return false
    return (this.crowdOf(one.subscriber, this.all).get(resourceOf(one)) ?? 0) >= ofOneResource
  }
  take(one: Held, weight = 1): void {
    this.count(one, 1, weight)
  }
  give(one: Held, weight = 1): void {
    this.count(one, -1, weight)
    if ((this.held.get(one.subscriber) ?? 0) < ofOneResource / 2) this.crowds.delete(one.subscriber)
  }
  private count(one: Held, by: number, weight: number): void {
    add(this.held, one.subscriber, by * weight)
    const crowd = this.crowds.get(one.subscriber)
    if (crowd !== undefined) add(crowd, resourceOf(one), by)
  }
  private crowdOf(subscriber: string, all: () => Iterable<Held>): Map<string, number> {
    let crowd = this.crowds.get(subscriber)
    if (crowd === undefined) {
      crowd = new Map()
      for (const each of all()) if (each.subscriber === subscriber) add(crowd, resourceOf(each), 1)
      this.crowds.set(subscriber, crowd)
    }
    return crowd
  }
}

function resourceOf({ element, package: name, resource }: Held): string {
  return `${element}/${name}/${resource}`
}
function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
