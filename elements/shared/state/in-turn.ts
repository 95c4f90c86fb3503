/** Changes of equal key one after the other: each starts from the result of the last one. */
export class InTurn {
  /** The end of the change under way, by key; never rejects. */
  private readonly changing = new Map<string, Promise<void>>()

  has(key: string): boolean {
    return this.changing.has(key)
  }

  get busy(): boolean {
    return this.changing.size > 0
  }

  /** Resolves when the changes under way are over. */
  async idle(): Promise<void> {
    await Promise.all(this.changing.values())
  }

  /** Does that at once, or when earlier changes are over. */
  run<Result>(key: string, change: () => Promise<Result>): Promise<Result> {
    const before = this.changing.get(key)
    const result = before === undefined ? change() : before.then(change)
    const end = (): void => {
      if (this.changing.get(key) === over) this.changing.delete(key)
    }
    const over = result.then(end, end) // the caller hears of a fault
    this.changing.set(key, over)
    return result
  }
}
