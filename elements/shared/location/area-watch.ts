/** Watching an area (SPEC §8.7): from fixes to the events that somebody asked for. Pure; its clock is that of the fixes. */
import type { Area } from './areas.ts'
import { bearing, distance, type GeoPoint, pointTo } from './sphere.ts'

/** A measured position. */
export interface Fix {
  readonly point: GeoPoint
  /** Metres by which it may be wrong. */
  readonly uncertainty: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

type AreaEvent = 'enter' | 'leave' | 'inside'
type AreaState = 'inside' | 'outside'

export interface WatchTerms {
  readonly area: Area
  readonly on: readonly AreaEvent[]
  readonly repeat: 'once' | 'each'
  /** Seconds between two events, at least. */
  readonly minInterval?: number
  /** Seconds after which the place is told again. */
  readonly maxInterval?: number
  /** Metres; fixes that are worse, and wider than the area, change nothing. */
  readonly accuracy?: number
}

export interface AreaReport {
  /** Left out: the first state, or the place again. */
  readonly event?: AreaEvent
  readonly state: AreaState
  readonly at: number
  readonly place: Fix
}

/** State of a watch, from which it goes on after a restart. */
interface WatchMemory {
  readonly state?: AreaState
  /** The last fix that counted. */
  readonly last?: Fix
  /** The first of the fixes that say the opposite of the state, while that is not sure. */
  readonly against?: Fix
  readonly reported?: { readonly state: AreaState; readonly at: number }
  /** An event came too soon after the last one reported. */
  readonly isWithheld?: boolean
  readonly isOver?: boolean
}

const leastMargin = 20 // metres
const sureAfter = 10_000 // milliseconds without a word to the contrary
const longestLine = 300_000 // milliseconds between two fixes that a straight line joins
const finest = 1 // metre along a line; of a long one a thousandth

export class AreaWatch {
  memory: WatchMemory
  private readonly terms: WatchTerms

  constructor(terms: WatchTerms, memory: WatchMemory = {}) {
    this.terms = terms
    this.memory = memory
  }
  /** Milliseconds since the epoch at which `pass` may bring something; undefined: nothing comes but by fixes. */
  get due(): number | undefined {
    const { against, isOver, isWithheld, reported } = this.memory
    const { maxInterval, minInterval } = this.terms
    if (isOver === true) return undefined
    const times = [
      ...(against === undefined ? [] : [against.at + sureAfter]),
      ...(isWithheld === true && reported !== undefined ? [reported.at + (minInterval ?? 0) * 1000] : []),
      ...(maxInterval === undefined || reported === undefined ? [] : [reported.at + maxInterval * 1000]),
    ]
    return times.length === 0 ? undefined : Math.min(...times)
  }
  /** Reports that a new fix brings. One that is older than the last, or too wide to say anything, changes nothing. */
  fix(fix: Fix): readonly AreaReport[] {
    const { isOver, last, state } = this.memory
    if (isOver === true || (last !== undefined && fix.at <= last.at) || this.isTooWide(fix)) return []
    const before = this.pass(fix.at) // what was sure by then
    if (this.memory.isOver === true) return before
    this.memory = { ...this.memory, last: fix }
    return [...before, ...(state === undefined ? this.first(fix) : this.next(fix, last!))]
  }
  /** Reports that time alone brings. */
  pass(now: number): readonly AreaReport[] {
    const reports: AreaReport[] = []
    const { against } = this.memory
    if (against !== undefined && now >= against.at + sureAfter) reports.push(...this.changed(against))
    const { isOver, isWithheld, last, state, reported } = this.memory
    if (isOver === true || reported === undefined || last === undefined || state === undefined) return reports
    const { maxInterval, minInterval = 0 } = this.terms
    if (isWithheld === true && now >= reported.at + minInterval * 1000) {
      this.memory = { ...this.memory, isWithheld: false }
      if (state !== reported.state)
        reports.push(...this.event(eventTo(state), last, Math.max(last.at, reported.at + minInterval * 1000)))
    }
    const again = this.memory.reported
    if (maxInterval !== undefined && again !== undefined && this.memory.isOver !== true && now >= again.at + maxInterval * 1000) {
      this.memory = { ...this.memory, reported: { state, at: now } }
      reports.push({ state, at: now, place: last })
    }
    return reports
  }

  private isTooWide({ uncertainty }: Fix): boolean {
    const { accuracy = 0, area } = this.terms
    return uncertainty > area.innerRadius && uncertainty > accuracy
  }
  /** Metres by which a fix has to be beyond the edge. */
  private marginOf({ uncertainty }: Fix): number {
    return Math.min(Math.max(leastMargin, uncertainty), this.terms.area.innerRadius / 2)
  }
  private first(fix: Fix): readonly AreaReport[] {
    const state = this.terms.area.depth(fix.point) >= 0 ? 'inside' : 'outside'
    this.memory = { ...this.memory, state, reported: { state, at: fix.at } }
    if (state === 'outside' || !this.terms.on.includes('inside')) return [{ state, at: fix.at, place: fix }]
    return this.event('inside', fix, fix.at)
  }
  private next(fix: Fix, last: Fix): readonly AreaReport[] {
    const { area } = this.terms
    const { against, state } = this.memory
    const depth = area.depth(fix.point)
    const margin = this.marginOf(fix)
    const isOpposite = state === 'inside' ? depth <= -margin : depth >= margin
    if (isOpposite) {
      if (against !== undefined) return this.changed(fix)
      this.memory = { ...this.memory, against: fix }
      return []
    }
    this.memory = { ...this.memory, against: undefined }
    const isLine = state === 'outside' && depth < 0 && fix.at - last.at < longestLine && area.depth(last.point) < 0
    return isLine ? this.crossed(last, fix, margin) : []
  }
  /** It is sure that the target is on the other side. */
  private changed(fix: Fix): readonly AreaReport[] {
    const state = this.memory.state === 'inside' ? 'outside' : 'inside'
    this.memory = { ...this.memory, state, against: undefined }
    return this.event(eventTo(state), fix, fix.at)
  }
  /** The line between two fixes outside leads through the area: both events, at their times by proportion. */
  private crossed(from: Fix, to: Fix, margin: number): readonly AreaReport[] {
    const deep = deepPart(this.terms.area, from.point, to.point, margin)
    if (deep === undefined) return []
    const at = (share: number): Fix => ({
      point: alongLine(from.point, to.point, share),
      uncertainty: Math.max(from.uncertainty, to.uncertainty),
      at: Math.round(from.at + share * (to.at - from.at)),
    })
    const [entered, left] = [at(deep.from), at(deep.to)]
    this.memory = { ...this.memory, state: 'inside' }
    const reports = this.event('enter', entered, entered.at)
    this.memory = { ...this.memory, state: 'outside' }
    return [...reports, ...this.event('leave', left, left.at)]
  }
  /** Tells an event if it is asked for, and not too soon. */
  private event(event: AreaEvent, place: Fix, at: number): readonly AreaReport[] {
    const { minInterval = 0, on, repeat } = this.terms
    const { isOver, state, reported } = this.memory
    const asked = on.includes(event) ? event : event === 'enter' && on.includes('inside') ? 'inside' : undefined
    if (isOver === true || asked === undefined) return []
    const isFirst = event === 'inside' // with the first state, which nothing came before
    if (!isFirst && reported !== undefined && at < reported.at + minInterval * 1000) {
      this.memory = { ...this.memory, isWithheld: true }
      return []
    }
    this.memory = { ...this.memory, isWithheld: false, isOver: repeat === 'once', reported: { state: state!, at } }
    return [{ event: asked, state: state!, at, place }]
  }
}

function eventTo(state: AreaState): AreaEvent {
  return state === 'inside' ? 'enter' : 'leave'
}

function alongLine(from: GeoPoint, to: GeoPoint, share: number): GeoPoint {
  return pointTo(from, bearing(from, to), share * distance(from, to))
}

/** The shares of a line between which it is so deep in an area; undefined: it never is. */
function deepPart(
  area: Area,
  from: GeoPoint,
  to: GeoPoint,
  margin: number,
): { readonly from: number; readonly to: number } | undefined {
  const length = distance(from, to)
  const least = Math.max(finest / length, 0.001)
  const depthAt = (share: number): number => area.depth(alongLine(from, to, share))
  // depth changes no faster than one goes: a part of the line is left out where it cannot reach the margin
  const firstOf = (start: number, end: number, before: number, after: number, isBackward: boolean): number | undefined => {
    if ((before + after + (end - start) * length) / 2 < margin) return undefined
    const middle = (start + end) / 2
    const depth = depthAt(middle)
    if (end - start <= least) return depth >= margin ? middle : undefined
    const [early, late] = [
      () => firstOf(start, middle, before, depth, isBackward),
      () => firstOf(middle, end, depth, after, isBackward),
    ]
    return isBackward ? (late() ?? early()) : (early() ?? late())
  }
  const [start, end] = [area.depth(from), area.depth(to)]
  const first = firstOf(0, 1, start, end, false)
  const last = firstOf(0, 1, start, end, true)
  return first === undefined || last === undefined ? undefined : { from: first, to: last }
}
