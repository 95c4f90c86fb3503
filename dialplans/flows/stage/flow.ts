/** A flow: one figure of the source method as scripts that any stage can play (SPEC, head). */

import type { Ue, UeOptions } from '../../../elements/ue/index.ts'
import type { Clock } from '../../../signalling/index.ts'
import type { Operator } from './operator.ts'

/** Undefined and false: not yet. */
export type PollResult<Value> = Value | undefined | false

/** Abilities of a scenario. Every wait is for something to be true, never for time alone. */
export interface Stage {
  readonly clock: Clock
  /** A registered UE of that subscriber of the default network. */
  ue(name: string, options?: Pick<UeOptions, 'report' | 'mme' | 'prose'>): Promise<Ue>
  /** Actions by hand. */
  readonly operator: Operator
  /**
   * Lets time pass until `happened` gives something other than undefined or false, and returns it; throws after `seconds`. A
   * promise of it has to come true without time, as those of the operator do.
   */
  until<Value>(what: string, happened: () => PollResult<Value> | Promise<PollResult<Value>>, seconds?: number): Promise<Value>
  /** Lets time pass. */
  pass(seconds: number): Promise<void>
  /** Milliseconds since the epoch. */
  now(): number
  /** Throws `what` where it is not so. */
  expect(what: string, holds: boolean): void
  /** Lets a promise come true while time passes. */
  during<Value>(work: Promise<Value>): Promise<Value>
  /** Kills the server without a word and starts it again on the same store. */
  restart(): Promise<void>
}

export interface Scenario {
  readonly name: string
  /** Changes to the default network's elements: settings merged into the element's own. */
  readonly settings?: { readonly [element: string]: object }
  run(stage: Stage): Promise<void>
}

export interface FlowScript {
  /** `fig-08`. */
  readonly id: string
  readonly title: string
  /** Of SPEC. */
  readonly clause: string
  /** Dialplan that it needs; default `default.yaml`. */
  readonly network?: string
  /** The first is the figure itself, the others its failure branches. */
  readonly scenarios: readonly Scenario[]
}
