/** Reads what `node --cpu-prof` writes: where the time of a span went, by function. */

/** The parts of a .cpuprofile that are read; times in microseconds of the monotonic clock. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export interface Span {
  readonly from: number
  readonly to: number
}

export interface SelfTime {
  readonly name: string
  /** File and line, from the project's folder on; empty for what has none. */
  readonly place: string
  readonly us: number
  /** Of the span's time that was not idle. */
  readonly share: number
}

const longest = 60 // a compiled regular expression is named by its source

/** Self time by function in the span, most first; idle time is left out. */
export function selfTimes(profile: CpuProfile, span: Span = { from: 0, to: Infinity }): readonly SelfTime[] {
  const byNode = new Map<number, number>()
  let at = profile.startTime
  for (const [index, id] of profile.samples.entries()) {
    at += profile.timeDeltas[index] ?? 0
    const length = profile.timeDeltas[index + 1] ?? 0 // a sample stands for the time until the next
    if (at >= span.from && at < span.to) byNode.set(id, (byNode.get(id) ?? 0) + length)
  }
  const byFunction = new Map<string, { name: string; place: string; us: number }>()
  for (const { id, callFrame } of profile.nodes) {
    const us = byNode.get(id) ?? 0
    const name = (callFrame.functionName || '(anonymous)').slice(0, longest)
    if (us <= 0 || name === '(idle)') continue
    const place = placeOf(callFrame.url, callFrame.lineNumber)
    const key = `${name} ${place}`
    const entry = byFunction.get(key)
    if (entry === undefined) byFunction.set(key, { name, place, us })
    else entry.us += us
  }
  const all = [...byFunction.values()].sort((a, b) => b.us - a.us)
  const total = all.reduce((sum, { us }) => sum + us, 0)
  return all.map((entry) => ({ ...entry, share: entry.us / total }))
}

/** Lines are counted from 0 in the file, and from 1 by people. */
function placeOf(url: string, line: number): string {
  if (url === '') return ''
  const path = url.replace(/^file:\/\//, '')
  const short = /(?:^|\/)((?:signalling|elements|dialplans|test|node_modules)\/.*)$/.exec(path)?.[1] ?? path
  return `${short}:${line + 1}`
}

/** Shares by file, most first. */
export function byFile(times: readonly SelfTime[]): readonly { readonly file: string; readonly share: number }[] {
  const files = new Map<string, number>()
  for (const { name, place, share } of times) {
    const file = place === '' ? name : place.replace(/:[0-9]+$/, '')
    files.set(file, (files.get(file) ?? 0) + share)
  }
  return [...files].map(([file, share]) => ({ file, share })).sort((a, b) => b.share - a.share)
}
