/** Subscriptions of subscribers known to a proxy of ours by their credentials, found by subscriber. */

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
    const items = this.held.get(subscriber)
    if (items === undefined) this.held.set(subscriber, item)
    else if (!Array.isArray(items)) {
      if (items !== item) this.held.set(subscriber, [items, item])
    } else if (!items.includes(item)) items.push(item)
  }
  delete(item: Item): void {
    const items = this.held.get(item.subscriber)
    if (items === item) this.held.delete(item.subscriber)
    if (!Array.isArray(items)) return
    const at = items.indexOf(item)
    if (at >= 0) items.splice(at, 1)
    if (items.length === 1) this.held.set(item.subscriber, items[0]!)
  }
  of(element: string, subscriber: string): readonly Item[] {
    const items = this.held.get(subscriber)
    if (items === undefined) return []
    return (Array.isArray(items) ? items : [items]).filter((item) => item.element === element)
  }
  *subscribers(element: string): Iterable<string> {
    for (const subscriber of this.held.keys()) if (this.of(element, subscriber).length > 0) yield subscriber
  }
}
