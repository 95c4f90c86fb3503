/** Queue of the hops between elements of a node: in order, without recursion, after the message that has arrived. */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Stats } from '../stats.ts'

interface HopQueueOptions {
  readonly clock: Clock
  readonly log: Log
  readonly stats: Stats
  /** Counts milliseconds of work between elements that no newly arrived message has caused. */
  readonly took: (ms: number) => void
}

export class HopQueue {
  private readonly options: HopQueueOptions
  private readonly tasks: (() => void)[] = []
  private draining = false
  private scheduled = false
  private open = false

  constructor(options: HopQueueOptions) {
    this.options = options
  }
  /** All elements have started: their requests to each other meanwhile are delivered. */
  release(): void {
    this.open = true
    this.drain()
  }
  /** Runs the hops between elements, in order, without recursion. */
  drain(): void {
    if (this.draining || !this.open) return
    this.draining = true
    for (let i = 0; i < this.tasks.length; i++) {
      try {
        this.tasks[i]!()
      } catch (fault) {
        this.options.stats.faults++
        this.options.log.error(
          { fault: fault instanceof Error ? fault.stack : String(fault) },
          'a hop was dropped by a fault of ours',
        )
      }
    }
    this.tasks.length = 0
    this.draining = false
  }
  readonly soon = (task: () => void): void => {
    this.tasks.push(task)
    if (this.draining || this.scheduled) return
    this.scheduled = true
    queueMicrotask(() => {
      const { clock, took } = this.options
      const began = clock.now()
      this.scheduled = false
      this.drain()
      took(clock.now() - began)
    })
  }
}
