/** Rows that measures of Push tell (PUSH §9), and what a measure is. */
import { figure } from '../table.ts'

export interface PushRow {
  readonly what: string
  /** With its unit. */
  readonly figure: string
  /** To what it is compared with. */
  readonly ratio?: number
  /** Target, and whether it is met. */
  readonly target?: string
}

export interface PushOptions {
  /** Share of the usual number of messages, for a trial. */
  readonly scale: number
  /** Rounds of which the median is told, where a measure has rounds. */
  readonly rounds: number
  /** Progress. */
  readonly tell: (line: string) => void
}

export interface PushMeasure {
  readonly name: string
  readonly about: string
  run(options: PushOptions): Promise<readonly PushRow[]>
}

/** A target that is the most a value may be. */
export function atMost(value: number, most: number, unit = ''): string {
  return `<= ${most}${unit} ${value <= most ? 'yes' : 'no'}`
}

export function microseconds(value: number, digits = 0): string {
  return `${figure(value, digits)} us`
}
export function milliseconds(value: number, digits = 1): string {
  return `${figure(value, digits)} ms`
}
export function bytes(value: number): string {
  return `${figure(value)} bytes`
}

/** Values one of which is that share of all, by rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** A whole number, at least one, and a multiple of `of`. */
export function scaled(count: number, scale: number, of = 1): number {
  return Math.max(1, Math.round((count * scale) / of)) * of
}
