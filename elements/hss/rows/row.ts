/** One row of a file of subscribers: settings, or the fault that it has instead. */

/** One subscriber, or why there is none. `line`: where it begins, from 1. */
export type SubscriberRow =
  | { readonly line: number; readonly settings: unknown; readonly fault?: undefined }
  | { readonly line: number; readonly fault: RowFault }

export interface RowFault {
  /** Member to blame (RFC 6901), or the column; '' is the whole row. */
  readonly pointer: string
  readonly detail: string
}

/** As the sender of the rows is told. */
export interface LineFault extends RowFault {
  readonly line: number
}

/** Nothing can be read from that line on. */
export class RowsFault extends Error {
  readonly line: number
  constructor(line: number, message: string) {
    super(message)
    this.name = 'RowsFault'
    this.line = line
  }
}

/** Bytes of one row at most. */
export const longestRow = 65_536
