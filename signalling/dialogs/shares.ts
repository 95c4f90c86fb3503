/** How many subscriptions each subscriber holds, so that none of them can take the memory of all. */

const usualLimit = 10_000

export class Shares {
  private readonly limit: number
  private readonly held = new Map<string, number>()

  constructor(limit = usualLimit) {
    this.limit = limit
  }
  /** Whether one more is refused. */
  isFull(subscriber: string): boolean {
    return (this.held.get(subscriber) ?? 0) >= this.limit
  }
  take(subscriber: string): void {
    this.held.set(subscriber, (this.held.get(subscriber) ?? 0) + 1)
  }
  give(subscriber: string): void {
    const left = (this.held.get(subscriber) ?? 0) - 1
    if (left > 0) this.held.set(subscriber, left)
    else this.held.delete(subscriber)
  }
}
