/** One change after the other of what has the same key: each is made of what the last one left. */
export class InTurn {
  /** The end of what is under way, by key; never rejects. */
  private readonly changing = new Map<string, Promise<void>>()

  /** Does that at once, or when what came before it is over. */
  run<Result>(key: string, change: () => Promise<Result>): Promise<Result> {
    const before = this.changing.get(key)
    const result = before === undefined ? change() : before.then(change)
    const end = (): void => {
      if (this.changing.get(key) === over) this.changing.delete(key)
    }
    const over = result.then(end, end) // whoever asked hears of a fault
    this.changing.set(key, over)
    return result
  }
}
