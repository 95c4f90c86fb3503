/** Faults of a store. A version conflict is none of them: it is an outcome. */
type StoreFaultCode =
  | 'store-schema' // written by another version of the program, and no migration leads here
  | 'store-busy' // another process has the folder open
  | 'store-failed' // the medium failed: disk full, no permission, corrupt file
  | 'store-closed' // used after `close`
  | 'store-key' // a key that no store may hold

/** `message` is one line: the fault, its place, the way out. `cause` is the fault of the medium. */
export class StoreFault extends Error {
  readonly code: StoreFaultCode
  constructor(code: StoreFaultCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StoreFault'
    this.code = code
  }
}

/** The first line of anything thrown. */
export function firstLine(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return text.split('\n', 1)[0]!
}
