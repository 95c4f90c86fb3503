/** Work for resources of lists, some at a time and with a pause between: other requests are served meanwhile. */
import type { Clock } from '../../signalling/index.ts'

/** Resources asked, or let go, at a stretch: some milliseconds of work. */
export const page = 20
/** Milliseconds between two pages. */
export const pause = 5

interface Job {
  readonly length: number
  readonly each: (at: number) => void
  readonly done: () => void
  at: number
}

export class Pages {
  private readonly clock: Clock
  /** Lists in turn. Each has a page at a time, so that no long list keeps others waiting until it is through. */
  private readonly jobs: Job[] = []
  private resting = false

  constructor(clock: Clock) {
    this.clock = clock
  }
  /** Does that for each of them: a page now, if nobody has been just before. @param done all are through, or there are none */
  over<Item>(items: readonly Item[], each: (item: Item) => void, done: () => void = () => undefined): void {
    if (items.length === 0) return done()
    this.jobs.push({ length: items.length, each: (at) => each(items[at]!), done, at: 0 })
    if (!this.resting) this.turn()
  }
  private turn(): void {
    this.resting = this.jobs.length > 0
    if (!this.resting) return
    this.clock.after(pause, () => this.turn())
    let left = page
    for (let job = this.jobs.shift(); job !== undefined; job = this.jobs.shift()) {
      const end = Math.min(job.length, job.at + left)
      left -= end - job.at
      while (job.at < end) job.each(job.at++)
      if (job.at < job.length) this.jobs.push(job)
      else job.done()
      if (left === 0) return
    }
  }
}
