/**
 * Patience of tests that wait for real processes. It counts the time in which every core had nothing to do.
 * A machine at work may still bring the event that a test waits for; an idle one has had its chance. A machine that never
 * idles has it for minutes, so that the test says what did not come before its runner gives it up.
 */
import { availableParallelism, cpus } from 'node:os'

const usual = 60 // seconds of idleness; the longest timer of a flow is 32 s
const longest = 8 * 60_000 // milliseconds, idle or not

export class Patience {
  readonly seconds: number
  private readonly idleAtStart: readonly number[] = idleTimes()
  private readonly since = performance.now()

  constructor(seconds = usual) {
    this.seconds = seconds
  }
  /** Whether each core has been idle for so long, or all time is up. */
  get isOver(): boolean {
    if (performance.now() - this.since >= longest) return true
    const idle = idleTimes().map((now, core) => now - (this.idleAtStart[core] ?? 0))
    return Math.min(...idle) >= this.seconds * 1000
  }
}

/** Milliseconds that each core has been idle since the machine began. */
function idleTimes(): readonly number[] {
  return cpus().map(({ times }) => times.idle)
}

const look = 20 // milliseconds between two looks
const looksBeforeIdle = 50 // between two looks at the cores, which cost more

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Resolves once that is so; rejects with `what` where the machine has idled meanwhile. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, seconds?: number): Promise<void> {
  const patience = new Patience(seconds)
  for (let looks = 1; !(await isSo()); looks++) {
    if (looks % looksBeforeIdle === 0 && patience.isOver) throw new Error(`not within ${patience.seconds} idle s: ${what}`)
    await pause(look)
  }
}

/** Calls `late` once the machine has idled for so long; the returned function calls it off. */
export function onceIdle(late: () => void, seconds?: number): () => void {
  const patience = new Patience(seconds)
  const timer = setInterval(() => {
    if (!patience.isOver) return
    clearInterval(timer)
    late()
  }, 1000)
  return () => clearInterval(timer)
}

/** Places for work that holds processes: as many at a time as there are cores for it. */
export class Places {
  private free: number
  private readonly queue: (() => void)[] = []

  constructor(count = availableParallelism()) {
    this.free = count
  }
  async within<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.free > 0) this.free--
    else await new Promise<void>((resolve) => this.queue.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.queue.shift()
      if (next === undefined) this.free++
      else next()
    }
  }
}
