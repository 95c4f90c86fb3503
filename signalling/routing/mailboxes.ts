/** Messages of one dialog one at a time: the next waits only where the element took its time. */
export class Mailboxes {
  private readonly busy = new Map<string, (() => void)[]>()

  /** @param run gives a promise where it is not done yet; it never rejects */
  inOrder(key: string, run: () => Promise<void> | undefined): void {
    const waiting = this.busy.get(key)
    if (waiting !== undefined) {
      waiting.push(() => this.inOrder(key, run))
      return
    }
    const promise = run()
    if (promise === undefined) return
    this.busy.set(key, [])
    void promise.then(() => {
      const next = this.busy.get(key) ?? []
      this.busy.delete(key)
      for (const task of next) task()
    })
  }
}
