/** A flow: one figure of the source method as scripts that any stage can play (SPEC, head). */

import type { CallingAgent, Ue, UeOptions, UserAgent } from '../../../elements/ue/index.ts'
import type { Clock, HostPort, Ids, OpenMediaSocket } from '../../../signalling/index.ts'
import type { Operator } from './operator.ts'
import type { PushService } from './push-service.ts'
import type { SleepingDevice } from './sleeping-device.ts'
import type { StageNames } from './stage-names.ts'

/** Undefined and false: not yet. */
export type PollResult<Value> = Value | undefined | false

/** Way of a device into the network. */
export interface CellAttachment {
  /** Name of the base station through which it attaches, of its home; left out: none. */
  readonly station?: string | undefined
}

export interface PushClientOptions extends CellAttachment {
  /** Its Push identifier at its Push host: `0a17c5d2e8b9f604@push.op-a.example`. */
  readonly push: string
  /** Domain by whose proxy it registers and sends, or the place to which it does; left out: that of its home. */
  readonly at?: string | HostPort
  /** Name of its device, 12 hex digits; left out: its Contact names it. */
  readonly device?: string
}

/** An agent for calls, and the ground on which it talks directly. */
export interface Talker {
  readonly agent: CallingAgent
  readonly ids: Ids
  readonly open: OpenMediaSocket
  readonly stunServers: readonly HostPort[]
}

/** Abilities of a scenario. Every wait is for something to be true, never for time alone. */
export interface Stage {
  readonly clock: Clock
  /** A registered UE of that subscriber of the network: `alice`, or with a domain `bob@south.example`. */
  ue(name: string, options?: Pick<UeOptions, 'report' | 'mme' | 'prose'> & CellAttachment): Promise<Ue>
  /** An agent that calls itself so, is registered nowhere, and sends to the proxy of that domain. */
  stranger(name: string, domain: string, attachment?: CellAttachment): Promise<UserAgent>
  /** The place to which UEs of a domain send; undefined: no operator has it. */
  placeOf(domain: string): HostPort | undefined
  /** Host names, those of domains. */
  readonly names: StageNames
  /** A Push client of that subscriber, which registers one identifier alone. It has started, and not registered yet. */
  pushClient(name: string, options: PushClientOptions): Promise<UserAgent>
  /** A push service outside the network, which wakes devices. */
  pushService(): Promise<PushService>
  /** A device of a subscriber that can be woken by it. It is registered nowhere yet. */
  sleepingDevice(name: string): Promise<SleepingDevice>
  /** A user of that subscriber who may talk directly. He is registered nowhere yet. `cutOff`: no path leads past the servers. */
  talker(name: string, options?: { readonly cutOff?: boolean }): Promise<Talker>
  /** Actions by hand. */
  readonly operator: Operator
  /** Actions by hand at one of several operators. */
  operatorOf(name: string): Operator
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
  /** Kills the nodes of one of several operators, and starts them again on the same store when `meanwhile` is over. */
  without(operator: string, meanwhile: () => Promise<void>): Promise<void>
}

export interface Scenario {
  readonly name: string
  /** Changes to the network's elements, of several operators `<operator>/<name>`: settings merged into the element's own. */
  readonly settings?: { readonly [element: string]: object }
  /** Operator -> peers that it names, instead of those of the dialplan. */
  readonly peers?: { readonly [operator: string]: readonly string[] }
  /** Registrations that it makes itself are steps of the figure; left out: they are not drawn. */
  readonly registers?: boolean
  run(stage: Stage): Promise<void>
}

export interface FlowScript {
  /** `proximity/fig-08`, without a figure `operators/peering`. */
  readonly id: string
  readonly title: string
  /** Of SPEC. */
  readonly clause: string
  /** Dialplan that it needs; default `default.yaml`. */
  readonly network?: string
  /** The first is the figure itself, the others its failure branches. */
  readonly scenarios: readonly Scenario[]
}
