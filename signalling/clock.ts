/**
 * Time, injected, in milliseconds. Timers of equal duration share one first-in-first-out queue: starting one is a
 * push, cancelling one is a flag. Odd durations fall back to a heap.
 */

/** An object that owns its timer: no closure a message on the common path. */
export interface TimerOwner {
  expire(): void
}

/** A started timer. Owned by its starter; `cancel` may be called at any time, any number of times. */
export class Timer {
  readonly due: number
  fire: (() => void) | TimerOwner | undefined
  constructor(due: number, fire: (() => void) | TimerOwner) {
    this.due = due
    this.fire = fire
  }
  get running(): boolean {
    return this.fire !== undefined
  }
  cancel(): void {
    this.fire = undefined // the owner is released at once; the entry leaves when its queue reaches it
  }
}

export interface Clock {
  /** Monotonic milliseconds, for durations. */
  now(): number
  /** Milliseconds since the epoch, for times that are stored or shown. */
  date(): number
  /** Calls `fire` once after `ms`. Timers with the same `ms` fire in the order in which they were started. */
  after(ms: number, fire: (() => void) | TimerOwner): Timer
  /** Microtask-like: runs `task` after the current event, before any timer. */
  soon(task: () => void): void
}

const longest = 2 ** 31 - 1
const queuesAtMost = 32 // durations in whole milliseconds that are used again and again; all others share the heap

class Queue {
  readonly timers: Timer[] = []
  head = 0
  push(timer: Timer): void {
    this.timers.push(timer)
  }
  first(): Timer | undefined {
    while (this.head < this.timers.length && !this.timers[this.head]!.running) this.head++
    if (this.head > 1024 && this.head * 2 > this.timers.length) {
      this.timers.splice(0, this.head)
      this.head = 0
    }
    if (this.head === this.timers.length) {
      this.timers.length = 0
      this.head = 0
      return undefined
    }
    return this.timers[this.head]
  }
}

function run(task: (() => void) | TimerOwner): void {
  if (typeof task === 'function') task()
  else task.expire()
}

/** Timers of odd durations, the next one first: a binary heap. Cancelled ones leave when they come up, or when they are many. */
class Heap {
  private readonly timers: Timer[] = []
  private looked = 0

  push(timer: Timer): void {
    const { timers } = this
    if (++this.looked > timers.length + 1024) this.sweep()
    let at = timers.push(timer) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (timers[above]!.due <= timer.due) break
      timers[at] = timers[above]!
      at = above
    }
    timers[at] = timer
  }
  first(): Timer | undefined {
    while (this.timers.length > 0 && !this.timers[0]!.running) this.pop()
    return this.timers[0]
  }
  private pop(): void {
    const { timers } = this
    const last = timers.pop()!
    if (timers.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= timers.length) break
      if (below + 1 < timers.length && timers[below + 1]!.due < timers[below]!.due) below++
      if (timers[below]!.due >= last.due) break
      timers[at] = timers[below]!
      at = below
    }
    timers[at] = last
  }
  /** Builds the heap anew without cancelled timers; as often as it has doubled, so that it costs nothing on the average. */
  private sweep(): void {
    const running = this.timers.filter((timer) => timer.running).sort((a, b) => a.due - b.due)
    this.timers.length = 0
    for (const timer of running) this.timers.push(timer)
    this.looked = 0
  }
}

/** Queues by duration, plus a heap for durations that are seldom used. */
class Timers {
  private readonly queues = new Map<number, Queue>()
  private readonly all: Queue[] = []
  private readonly heap = new Heap()

  add(ms: number, now: number, fire: (() => void) | TimerOwner): Timer {
    const timer = new Timer(now + ms, fire)
    let queue = this.queues.get(ms)
    if (queue === undefined && this.all.length < queuesAtMost && Number.isInteger(ms)) {
      this.queues.set(ms, (queue = new Queue()))
      this.all.push(queue)
    }
    if (queue !== undefined) queue.push(timer)
    else this.heap.push(timer)
    return timer
  }
  /** The running timer that is due first. */
  next(): Timer | undefined {
    let best = this.heap.first()
    for (let i = 0; i < this.all.length; i++) {
      const timer = this.all[i]!.first()
      if (timer !== undefined && (best === undefined || timer.due < best.due)) best = timer
    }
    return best
  }
}

/** The process's clock. One `setTimeout` runs for all timers; faults in a timer go to `onFault` and end nothing. */
export class RealClock implements Clock {
  private readonly timers = new Timers()
  private handle: NodeJS.Timeout | undefined
  private wakeAt = Number.POSITIVE_INFINITY
  private readonly onFault: (fault: unknown) => void
  private origin = Date.now() - performance.now()

  constructor(onFault: (fault: unknown) => void) {
    this.onFault = onFault
  }
  now(): number {
    return performance.now()
  }
  date(): number {
    return this.origin + performance.now()
  }
  soon(task: () => void): void {
    setImmediate(() => this.guard(task))
  }
  after(ms: number, fire: (() => void) | TimerOwner): Timer {
    const timer = this.timers.add(ms, performance.now(), fire)
    if (timer.due < this.wakeAt) this.wake(timer.due)
    return timer
  }
  private wake(due: number): void {
    clearTimeout(this.handle)
    this.wakeAt = due
    this.handle = setTimeout(this.run, Math.min(longest, Math.max(1, Math.ceil(due - performance.now()))))
    this.handle.unref()
  }
  private readonly run = (): void => {
    this.wakeAt = Number.POSITIVE_INFINITY
    const now = performance.now()
    const origin = Date.now() - now
    if (Math.abs(origin - this.origin) > 100) this.origin = origin // somebody has set the system's clock
    let timer = this.timers.next()
    while (timer !== undefined && timer.due <= now) {
      const fire = timer.fire!
      timer.cancel()
      this.guard(fire)
      timer = this.timers.next()
    }
    if (timer !== undefined) this.wake(timer.due)
  }
  private guard(task: (() => void) | TimerOwner): void {
    try {
      run(task)
    } catch (fault) {
      this.onFault(fault)
    }
  }
}

/** Virtual time for tests and simulations: nothing moves until `advance` is called. Starts at 2026-01-01T00:00:00Z. */
export class ManualClock implements Clock {
  private readonly timers = new Timers()
  private readonly tasks: (() => void)[] = []
  private time = 0
  private readonly epoch: number
  constructor(epoch: number = Date.UTC(2026, 0, 1)) {
    this.epoch = epoch
  }
  now(): number {
    return this.time
  }
  date(): number {
    return this.epoch + this.time
  }
  soon(task: () => void): void {
    this.tasks.push(task)
  }
  after(ms: number, fire: (() => void) | TimerOwner): Timer {
    return this.timers.add(ms, this.time, fire)
  }
  /** When the next timer fires, or undefined if none runs. */
  get nextDue(): number | undefined {
    return this.timers.next()?.due
  }
  /** Runs tasks, promises and timers until `ms` have passed. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms
    await this.settle()
    for (let timer = this.timers.next(); timer !== undefined && timer.due <= end; timer = this.timers.next()) {
      this.time = Math.max(this.time, timer.due)
      const fire = timer.fire!
      timer.cancel()
      run(fire)
      await this.settle()
    }
    this.time = end
  }
  /** Runs all that is ready now, without moving time. */
  async settle(): Promise<void> {
    do {
      for (let task = this.tasks.shift(); task !== undefined; task = this.tasks.shift()) task()
      await new Promise<void>((resolve) => setImmediate(resolve))
    } while (this.tasks.length > 0)
  }
}

/** Microseconds of the system's monotonic clock, which other processes read too (CLOCK_MONOTONIC). */
export function systemMicroseconds(): bigint {
  return process.hrtime.bigint() / 1000n
}
