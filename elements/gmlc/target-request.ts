/** A request about a target that waits for something (SPEC §8.2), as the home GMLC stores it. */
import type { EndReason } from '../../signalling/index.ts'
import type { LcsCancel, LcsReport, LocationRequest } from '../schemas/index.ts'
import type { PrivacyQuestion } from '../shared/location/privacy-rules.ts'
import type { WatchMemory } from '../shared/location/target-watch.ts'

export type CancelCause = LcsCancel['cause']

/** Metres, exactly, or events alone. */
export type CarriedPrecision = number | 'exact' | 'events'

export interface TargetRequest {
  readonly request: string
  /** Canonical. */
  readonly target: string
  readonly question: PrivacyQuestion
  /** Without its codeword, whose seal is in the question. */
  readonly wishes: LocationRequest
  /** Milliseconds since the epoch at which it came. */
  readonly since: number
  /** `asked`: the core network has not heard of it; `sent`: it may have; `armed`: it has it; `cancelling`: it is to forget it. */
  readonly stage: 'asked' | 'sent' | 'armed' | 'cancelling'
  /** Of one that is cancelling. */
  readonly cause?: CancelCause
  /** Number of the last report taken; -1: none. */
  readonly seq: number
  /** Taken and not told yet, in their order. */
  readonly reports: readonly LcsReport[]
  /** Of types area and moved: what its asker may know has been seen, and the precision for which the core network watches. */
  readonly watch?: WatchMemory
  readonly carried?: CarriedPrecision
  /** The target was asked about it, and lets it. */
  readonly isAllowed?: true
  /** The target has been told of it. */
  readonly isNoticed?: true
}

/** Reasons that an asker hears. */
export const endReasons: { readonly [cause in CancelCause]: EndReason } = {
  client: 'timeout',
  expired: 'timeout',
  privacy: 'rejected',
  target: 'rejected',
  time: 'rejected',
  operator: 'noresource',
}

/** No report follows it. */
export function isFinal({ state }: Pick<LcsReport, 'state'>): boolean {
  return state === 'done' || state === 'failed'
}
