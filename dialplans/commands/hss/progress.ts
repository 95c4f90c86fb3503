/** Progress of a long task: a bar on a terminal, elsewhere a line each tenth. */
import type { Writable } from 'node:stream'
import type { Clock } from '../../../signalling/index.ts'

const width = 30
const refresh = 100 // ms between two drawings of the bar

export class Progress {
  private readonly out: Writable & { readonly isTTY?: boolean }
  private readonly clock: Clock
  private readonly began: number
  private drawn = Number.NEGATIVE_INFINITY
  private tenths = 0

  constructor(out: Writable & { readonly isTTY?: boolean }, clock: Clock) {
    this.out = out
    this.clock = clock
    this.began = clock.now()
  }

  /** @param share done, from 0 to 1 @param count of what */
  show(share: number, count: number): void {
    const now = this.clock.now()
    const rate = Math.round(count / Math.max((now - this.began) / 1000, 0.001))
    const text = `${Math.floor(share * 100)} %, ${count} subscribers, ${rate}/s`
    if (this.out.isTTY === true) {
      if (now - this.drawn < refresh && share < 1) return
      this.drawn = now
      const full = Math.round(share * width)
      this.out.write(`\r[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${text}\x1b[K`)
      return
    }
    const tenths = Math.floor(share * 10)
    if (tenths <= this.tenths) return
    this.tenths = tenths
    this.out.write(`${text}\n`)
  }

  /** Makes room for a line of its own. */
  clear(): void {
    if (this.out.isTTY === true && this.drawn > Number.NEGATIVE_INFINITY) this.out.write('\r\x1b[K')
  }
}
