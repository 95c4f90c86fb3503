/** The closed table of faults that are ours. A peer's mistake is never one of them: it is a status. */
const table = {
  NEVER_SETTLED: 'the element returned without settling the exchange',
  SETTLED_TWICE: 'the element settled the exchange a second time',
  ELEMENT_FAULT: 'the element threw',
  NOT_A_SUBSCRIBE: 'accept was called on another method than SUBSCRIBE',
  IN_USE: 'the address is in use',
  NO_NATIVE: 'the native UDP module cannot be used',
} as const

type FaultCode = keyof typeof table

/** The store cannot write or read: no fault of the element that needed it. */
export function isStoreFault(fault: unknown): fault is Error {
  return fault instanceof Error && fault.name === 'StoreFault'
}

export class ProximaFault extends Error {
  readonly code: FaultCode
  constructor(code: FaultCode, detail: string, cause?: unknown) {
    super(`${table[code]}: ${detail}`, cause === undefined ? undefined : { cause })
    this.name = 'ProximaFault'
    this.code = code
  }
}
