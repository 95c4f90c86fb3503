/** The timers of RFC 3261 §17, in milliseconds. Tests and slow links may bring others. */
export interface TransactionTiming {
  readonly T1: number
  readonly T2: number
  readonly T4: number
}

export const standardTiming: TransactionTiming = { T1: 500, T2: 4000, T4: 5000 }
