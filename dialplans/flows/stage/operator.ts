/** The operator of a flow: acts by hand while it plays, as at any running node. */
import type { RuleSettings } from '../../../elements/pcrf/index.ts'
import type { ApplicationStep } from '../../../elements/push/index.ts'
import type { PushApplication, SubscriberSettings } from '../../../elements/schemas/index.ts'

/** The rule of an application for what it sends. */
export type ApplicationRule = Partial<Omit<PushApplication, 'id' | 'state' | 'push'>>

/** An application after a step; `token` where it got one. */
export type SteppedApplication = PushApplication & { readonly token?: string }

/** A request to the HTTP side of a node, by a program on its machine. */
export interface HttpQuestion {
  readonly method: string
  readonly path: string
  /** Names in lower case. */
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string
}

export interface HttpReply {
  readonly status: number
  readonly location: string | undefined
  /** Parsed JSON; empty: there is none. */
  readonly body: { readonly [member: string]: unknown }
}

export interface Operator {
  /** Adds a subscriber to the HSS or replaces one, who keeps his password unless he is given another. */
  provision(subscriber: SubscriberSettings): Promise<void>
  /** Takes a subscriber out of the HSS. */
  remove(id: string): Promise<void>
  /** As the HSS has it, without a password; undefined: there is none. */
  subscriber(id: string): Promise<SubscriberSettings | undefined>
  /** Puts these rules in the place of the PCRF's. */
  policy(rules: readonly RuleSettings[]): Promise<void>
  /** Takes an application of that Push server a step further, maybe with another rule; tells its state and token. */
  application(server: string, id: string, step: ApplicationStep, rule?: ApplicationRule): Promise<SteppedApplication>
  /** Asks the node of that Push server by HTTP, without the node's token. */
  http(server: string, question: HttpQuestion): Promise<HttpReply>
  /** The temporary identifier that the MME of that name gave to a device; undefined: it is not attached there. */
  temporaryOf(mme: string, device: string): Promise<string | undefined>
  /** Has the MME give it another one. */
  reallocate(mme: string, device: string): Promise<void>
}
