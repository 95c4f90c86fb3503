/** Watching how far a target goes (SPEC §8.7): from fixes to reports each time when it is so far from the last one. Pure. */
import type { Fix } from './area-watch.ts'
import { distance } from './sphere.ts'

interface MovedTerms {
  /** Metres. */
  readonly distance: number
  readonly repeat: 'once' | 'each'
  /** Seconds between two reports, at least. */
  readonly minInterval?: number
  /** Seconds after which the place is told again. */
  readonly maxInterval?: number
}

/** State of a watch, from which it goes on after a restart. */
interface MovedMemory {
  /** The last fix. */
  readonly last?: Fix
  /** The fix of the last report, and its time. */
  readonly reported?: { readonly fix: Fix; readonly at: number }
  readonly isOver?: boolean
}

interface MovedReport {
  readonly at: number
  readonly place: Fix
}

export class MovedWatch {
  memory: MovedMemory
  private readonly terms: MovedTerms

  constructor(terms: MovedTerms, memory: MovedMemory = {}) {
    this.terms = terms
    this.memory = memory
  }
  /** Milliseconds since the epoch at which `pass` may bring something; undefined: nothing comes but by fixes. */
  get due(): number | undefined {
    const { isOver, last, reported } = this.memory
    const { maxInterval, minInterval = 0 } = this.terms
    if (isOver === true || reported === undefined || last === undefined) return undefined
    const times = [
      ...(this.isFar(last) ? [reported.at + minInterval * 1000] : []),
      ...(maxInterval === undefined ? [] : [reported.at + maxInterval * 1000]),
    ]
    return times.length === 0 ? undefined : Math.min(...times)
  }
  /** The first fix is told. One that is older than the last changes nothing. */
  fix(fix: Fix): readonly MovedReport[] {
    const { isOver, last, reported } = this.memory
    if (isOver === true || (last !== undefined && fix.at <= last.at)) return []
    this.memory = { ...this.memory, last: fix }
    return reported === undefined ? this.report(fix, fix.at, false) : this.pass(fix.at)
  }
  /** Reports that time alone brings. */
  pass(now: number): readonly MovedReport[] {
    const { isOver, last, reported } = this.memory
    const { maxInterval, minInterval = 0 } = this.terms
    if (isOver === true || last === undefined || reported === undefined) return []
    if (this.isFar(last) && now >= reported.at + minInterval * 1000) return this.report(last, now, this.terms.repeat === 'once')
    return maxInterval !== undefined && now >= reported.at + maxInterval * 1000 ? this.report(last, now, false) : []
  }

  /** Far enough, and farther than it may be wrong. */
  private isFar(fix: Fix): boolean {
    const { reported } = this.memory
    if (reported === undefined) return false
    const moved = distance(reported.fix.point, fix.point)
    return moved >= this.terms.distance && moved > fix.uncertainty
  }
  private report(fix: Fix, at: number, isOver: boolean): readonly MovedReport[] {
    this.memory = { ...this.memory, isOver, reported: { fix, at } }
    return [{ at, place: fix }]
  }
}
