/** The common part of every stage: time passes by its clock, and a wait ends when a condition holds. */
import type { Clock } from '../../../signalling/index.ts'
import type { PollResult } from './flow.ts'

const step = 20 // milliseconds between two looks at whether something has happened

export abstract class ClockedStage {
  abstract readonly clock: Clock

  now(): number {
    return this.clock.date()
  }
  pass(seconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.after(seconds * 1000, resolve)
    })
  }
  async until<Value>(what: string, happened: () => PollResult<Value> | Promise<PollResult<Value>>, seconds = 40): Promise<Value> {
    const isOver = this.patience(seconds)
    for (;;) {
      const looked = happened()
      const value = looked instanceof Promise ? await looked : looked
      if (value !== undefined && value !== false) return value
      if (isOver()) throw new Error(`not within ${seconds} s: ${what}`)
      await this.pass(step / 1000)
    }
  }
  /** Says when a wait of so many seconds is over; tests beside other work count otherwise. */
  protected patience(seconds: number): () => boolean {
    const end = this.clock.now() + seconds * 1000
    return () => this.clock.now() >= end
  }
  expect(what: string, holds: boolean): void {
    if (!holds) throw new Error(`not so: ${what}`)
  }
}
