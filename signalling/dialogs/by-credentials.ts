/** Subscriptions of subscribers whom a proxy of ours knows by their credentials, found by subscriber. */

interface VouchedSubscription {
  readonly element: string
  readonly subscriber: string
  readonly credentials: string | undefined
  readonly fetch: boolean
}

export class VouchedSubscriptions<Item extends VouchedSubscription> {
  /** One alone, as most hold, costs no list. */
  private readonly held = new Map<string, Item | Item[]>()

  /** Does nothing where it is there already, where nobody vouches, or for a fetch. */
  add(item: Item): void {
    const { subscriber, credentials, fetch } = item
    if (credentials === undefined || fetch) return
    const known = this.held.get(subscriber)
    if (known === undefined) this.held.set(subscriber, item)
    else if (!Array.isArray(known)) {
      if (known !== item) this.held.set(subscriber, [known, item])
    } else if (!known.includes(item)) known.push(item)
  }
  delete(item: Item): void {
    const known = this.held.get(item.subscriber)
    if (known === item) this.held.delete(item.subscriber)
    if (!Array.isArray(known)) return
    const at = known.indexOf(item)
    if (at >= 0) known.splice(at, 1)
    if (known.length === 1) this.held.set(item.subscriber, known[0]!)
  }
  of(element: string, subscriber: string): readonly Item[] {
    const known = this.held.get(subscriber)
    if (known === undefined) return []
    return (Array.isArray(known) ? known : [known]).filter((item) => item.element === element)
  }
  *subscribers(element: string): Iterable<string> {
    for (const subscriber of this.held.keys()) if (this.of(element, subscriber).length > 0) yield subscriber
  }
}
