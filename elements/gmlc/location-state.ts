/** Event package `location` (SPEC §8.2): the documents of its NOTIFYs. */
import type { EventPackage, Notifier } from '../../signalling/index.ts'

export const locationEvent = 'location'
const documentType = 'application/pidf+xml'
export const usualValidity = 3600 // seconds of a subscription that names none
export const longestValidity = 86_400 // seconds

/** Document of a NOTIFY; empty: none. */
export interface LocationState {
  readonly document: string
}

export const nothingYet: LocationState = { document: '' }

/** @param acknowledged told of each document that has arrived */
export function locationPackage(acknowledged: (notifier: Notifier, document: string) => void): EventPackage<LocationState> {
  /** Told once: a refresh, a period or the end brings them no more, since their target may allow less by then. */
  const arrived = new WeakSet<LocationState>()
  return {
    name: locationEvent,
    types: [documentType],
    expires: { usual: usualValidity, max: longestValidity },
    acknowledged: (notifier, state) => {
      arrived.add(state)
      acknowledged(notifier, state.document)
    },
    render: (state) =>
      state.document === '' || arrived.has(state) ? undefined : { type: documentType, content: state.document },
  }
}
