/** The operator of a flow: acts by hand while it plays, as at any running node. */
import type { RuleSettings } from '../../../elements/pcrf/index.ts'
import type { SubscriberSettings } from '../../../elements/schemas/index.ts'

export interface Operator {
  /** Adds a subscriber to the HSS or replaces one, who keeps his password unless he is given another. */
  provision(subscriber: SubscriberSettings): Promise<void>
  /** Takes a subscriber out of the HSS. */
  remove(id: string): Promise<void>
  /** As the HSS has it, without a password; undefined: there is none. */
  subscriber(id: string): Promise<SubscriberSettings | undefined>
  /** Puts these rules in the place of the PCRF's. */
  policy(rules: readonly RuleSettings[]): Promise<void>
  /** The temporary identifier that the MME of that name gave to a device; undefined: it is not attached there. */
  temporaryOf(mme: string, device: string): Promise<string | undefined>
  /** Has the MME give it another one. */
  reallocate(mme: string, device: string): Promise<void>
}
