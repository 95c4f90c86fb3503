/** What the project wants of its speed on any processor: shares of the peer's CPU, or microseconds where there is no peer. */
import type { WorkloadName } from './workloads.ts'

export interface Target {
  /** Our CPU at most, in units of the peer's at the same rate in the same run. */
  readonly ratio?: number
  /** The same beside the peer that makes our promise: each change is kept before its 200. */
  readonly durableRatio?: number
  /** Our CPU at most, in microseconds a transaction. */
  readonly us?: number
  /** Our largest rate without loss at least, in units of the peer's. */
  readonly maximum?: number
  /** Live bytes kept a transaction at most. */
  readonly live?: number
}

/** By workload; a rate of its own where it has one. */
const targets: readonly (Target & { readonly workload: WorkloadName; readonly rate?: number })[] = [
  { workload: 'message', ratio: 1, maximum: 1.5 },
  { workload: 'register', rate: 6000, ratio: 1.3, durableRatio: 0.5 },
  { workload: 'register', live: 600 },
  { workload: 'refresh', rate: 6000, ratio: 1.3, durableRatio: 0.5 },
  { workload: 'subscribe', rate: 3000, ratio: 0.7 },
  { workload: 'subscribe', live: 600 },
  { workload: 'fanout', ratio: 0.9 },
  { workload: 'match', us: 60 },
]

/** What is wanted of a workload, at that rate where it matters. */
export function targetOf(workload: WorkloadName, rate?: number): Target {
  const applicable = targets.filter((target) => target.workload === workload && [undefined, rate].includes(target.rate))
  return Object.assign({}, ...applicable)
}
