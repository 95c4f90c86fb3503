/** Reports of requests that wait, to their askers (SPEC §8.2): a place, an event of an area, or that there is no place. */
import type { Notifier } from '../../signalling/index.ts'
import type { LcsReport } from '../schemas/index.ts'
import { isWatched, type WatchMemory } from '../shared/location/target-watch.ts'
import type { Disclosures } from './disclosures.ts'
import { noteDocument } from './location-document.ts'
import { type LocationState, nothingYet } from './location-state.ts'
import type { TargetRequest } from './target-request.ts'
import type { WatchedReports } from './watched-reports.ts'

interface TargetReportParts {
  readonly disclosures: Disclosures
  readonly watched: WatchedReports
}

interface ReportTelling {
  readonly record: TargetRequest
  readonly report: LcsReport
  readonly notifier: Notifier<LocationState>
  /** Whether the target has been asked about the request, and lets it. */
  readonly isAllowed: () => boolean
}

/** A report that was told, or was not. */
export interface DisclosedReport {
  /** `refused`: the target was asked, and wants nothing told. */
  readonly outcome: 'told' | 'withheld' | 'refused' | 'over'
  /** A place or an event has left. */
  readonly isPlaceTold: boolean
  /** Of types area and moved: what has been seen, where that is for this element to see. */
  readonly watch?: WatchMemory | undefined
}

export class TargetReports {
  private readonly parts: TargetReportParts

  constructor(parts: TargetReportParts) {
    this.parts = parts
  }
  /** Resolves once it has arrived, or will not. */
  async disclose({ isAllowed, notifier, record, report }: ReportTelling): Promise<DisclosedReport> {
    const { disclosures, watched } = this.parts
    const { cause, place, state } = report
    const { isNoticed, question, request, since, target, wishes } = record
    if (notifier.pending) notifier.authorise(true, nothingYet)
    if (state === 'active') return { outcome: 'told', isPlaceTold: false }
    const give = (document: string): void => notifier.notify({ document })
    const asking = { notifier, request, target, type: wishes.type, since, question, give }
    if (place === undefined) {
      const note = noteDocument({ request, target }, cause ?? 'position-failed')
      return { outcome: await disclosures.tellNote(asking, note), isPlaceTold: false }
    }
    const telling = { ...asking, place, isAllowed, isNoticed, isEventOnly: wishes.report === 'event' }
    if (!isWatched(wishes)) {
      const outcome = await disclosures.tell(telling)
      return { outcome: outcome === 'stale' ? 'withheld' : outcome, isPlaceTold: outcome === 'told' }
    }
    for (;;) {
      const { events, isCurrent, watch } = await watched.of(record, report, place)
      let outcome: Awaited<ReturnType<Disclosures['tell']>> = 'told'
      for (const event of events) {
        outcome = await disclosures.tell({ ...telling, event, isCurrent })
        if (outcome !== 'told') break
      }
      if (outcome !== 'stale') return { outcome, isPlaceTold: outcome === 'told' && events.length > 0, watch }
    }
  }
}
