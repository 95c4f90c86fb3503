/** Event package `location` (SPEC §8.2): the documents of its NOTIFYs. */
import type { EventPackage, Notifier } from '../../signalling/index.ts'

export const locationEvent = 'location'
const documentType = 'application/pidf+xml'

/** Document of a NOTIFY; empty: none. */
export interface LocationState {
  readonly document: string
}

export const nothingYet: LocationState = { document: '' }

/** @param acknowledged told of each NOTIFY that has arrived */
export function locationPackage(acknowledged: (notifier: Notifier) => void): EventPackage<LocationState> {
  return {
    name: locationEvent,
    types: [documentType],
    expires: { usual: 3600, max: 86_400 },
    acknowledged: (notifier, { document }) => {
      if (document !== '') acknowledged(notifier)
    },
    // a document that has arrived is not told once more with the end
    render: (state, { ending, previous }) =>
      state.document === '' || (ending === true && previous === state)
        ? undefined
        : { type: documentType, content: state.document },
  }
}
